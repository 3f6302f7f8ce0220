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
use super::unfold::{HEADER, Unfit, Unfolding, count};

/// How many pieces may wait for the disk before the network has to.
const WAITING_PIECES: usize = 16;

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
        let from = url.clone();
        let write = move || {
            let writer = Writer { url: &from, limits, directory: &directory, stopped: &stop };
            writer.write(received)
        };
        let writer = tokio::task::spawn_blocking(write);
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

/// What puts a pack on the disk.
struct Writer<'a> {
    url: &'a str,
    limits: Limits,
    directory: &'a Path,
    stopped: &'a AtomicBool,
}

impl Writer<'_> {
    /// Writes and indexes a pack; the objects are there only once it is whole and every checksum is right. What would
    /// unfold to more than the limits allow is refused before libgit2 sees it.
    fn write(&self, mut pieces: mpsc::Receiver<Bytes>) -> Result<(), GitError> {
        let failed = |source| GitError::Store { operation: "write the received objects", source };
        let repository = Repository::open_bare(self.directory).map_err(failed)?;
        let odb = repository.odb().map_err(failed)?;
        let mut pack = odb.packwriter().map_err(failed)?;
        pack.progress(|_| !self.stopped.load(Ordering::Relaxed));
        let mut unfolding = Unfolding::new(self.limits);
        while let Some(piece) = pieces.blocking_recv() {
            unfolding.follow(&piece).map_err(|reason| self.unfit(reason))?;
            pack.write_all(&piece)
                .map_err(|error| failed(git2::Error::from_str(&error.to_string())))?;
        }
        if self.stopped.load(Ordering::Relaxed) {
            return Err(GitError::Cancelled);
        }
        let size = |id| odb.read_header(id).ok().map(|(size, _)| size as u64);
        unfolding.judge_bases(size).map_err(|reason| self.unfit(reason))?;
        pack.commit().map(drop).map_err(failed)
    }

    fn unfit(&self, reason: Unfit) -> GitError {
        let url = self.url.to_owned();
        let (limit, unit) = match reason {
            Unfit::LargeObject => (self.limits.object_bytes, "bytes in one object, unfolded"),
            Unfit::LargeWhole => (self.limits.unfolded_bytes, "bytes, unfolded"),
            Unfit::NotAPack => {
                return GitError::Broken { host: url, source: "what it sends is no pack".into() };
            }
        };
        GitError::TooLarge { url, limit, unit }
    }
}
