//! A pack on its way into the cache, within limits, and gone without a trace if it does not arrive whole.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use git2::Repository;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::error::GitError;
use super::limits::Limits;

/// How many pieces may wait for the disk before the network has to.
const WAITING_PIECES: usize = 16;
/// `PACK`, the version and the number of objects.
const HEADER: usize = 12;

/// A pack on its way into the cache. Dropped before [`PackReceiver::finish`], it leaves nothing behind.
#[derive(Debug)]
pub(super) struct PackReceiver {
    url: String,
    limits: Limits,
    header: Vec<u8>,
    received: u64,
    pieces: Option<mpsc::Sender<Bytes>>,
    writer: Option<JoinHandle<Result<(), GitError>>>,
    stopped: Arc<AtomicBool>,
}

impl PackReceiver {
    /// Prepares for a pack from `url` for the cache in `directory`.
    pub(super) fn new(url: String, limits: Limits, directory: &Path) -> Self {
        let (pieces, received) = mpsc::channel(WAITING_PIECES);
        let stopped = Arc::new(AtomicBool::new(false));
        let (directory, stop) = (directory.to_owned(), Arc::clone(&stopped));
        let writer = tokio::task::spawn_blocking(move || write(&directory, received, &stop));
        let (pieces, writer) = (Some(pieces), Some(writer));
        Self { url, limits, header: Vec::new(), received: 0, pieces, writer, stopped }
    }

    /// Takes the next piece.
    pub(super) async fn push(&mut self, piece: Bytes) -> Result<(), GitError> {
        self.received = self.received.saturating_add(piece.len() as u64);
        if self.received > self.limits.transfer_bytes {
            return Err(self.too_large(self.limits.transfer_bytes, "bytes"));
        }
        if self.header.len() < HEADER {
            let missing = HEADER - self.header.len();
            self.header.extend(piece.iter().take(missing));
            if let Some(objects) = count(&self.header)
                && objects > self.limits.objects
            {
                return Err(self.too_large(self.limits.objects.into(), "objects"));
            }
        }
        let is_taken = match &self.pieces {
            Some(pieces) => pieces.send(piece).await.is_ok(),
            None => false,
        };
        // The writer goes before its time only with an error.
        if is_taken { Ok(()) } else { self.result().await }
    }

    /// Makes the objects of the pack part of the cache.
    pub(super) async fn finish(mut self) -> Result<(), GitError> {
        if count(&self.header) == Some(0) {
            return Ok(());
        }
        self.pieces = None;
        self.result().await
    }

    async fn result(&mut self) -> Result<(), GitError> {
        let lost = || GitError::Store {
            operation: "write the received objects",
            source: git2::Error::from_str("the writer has ended"),
        };
        match self.writer.take() {
            Some(writer) => writer.await.map_err(|_| lost())?,
            None => Err(lost()),
        }
    }

    fn too_large(&self, limit: u64, unit: &'static str) -> GitError {
        GitError::TooLarge { url: self.url.clone(), limit, unit }
    }
}

/// An end that is not asked for must not look like the end of the pack.
impl Drop for PackReceiver {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// How many objects a pack says that it has.
fn count(header: &[u8]) -> Option<u32> {
    let bytes = header.strip_prefix(b"PACK")?.get(4..8)?;
    bytes.try_into().map(u32::from_be_bytes).ok()
}

/// Writes and indexes a pack; the objects are there only once it is whole and every checksum is right.
fn write(
    directory: &Path,
    mut pieces: mpsc::Receiver<Bytes>,
    stopped: &AtomicBool,
) -> Result<(), GitError> {
    let failed = |source| GitError::Store { operation: "write the received objects", source };
    let repository = Repository::open_bare(directory).map_err(failed)?;
    let odb = repository.odb().map_err(failed)?;
    let mut pack = odb.packwriter().map_err(failed)?;
    pack.progress(|_| !stopped.load(Ordering::Relaxed));
    while let Some(piece) = pieces.blocking_recv() {
        pack.write_all(&piece)
            .map_err(|error| failed(git2::Error::from_str(&error.to_string())))?;
    }
    if stopped.load(Ordering::Relaxed) {
        return Err(GitError::Cancelled);
    }
    pack.commit().map(drop).map_err(failed)
}
