//! Reads the files that targets need: beside the loop and not for ever, because their storage may hang.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::error::SendError;

/// How long a file may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What the file at `path` holds.
///
/// # Errors
/// When it cannot be read in time, is no regular file, or holds more than `longest` bytes.
pub(super) async fn read(path: &Path, longest: u64) -> Result<Vec<u8>, SendError> {
    let own = path.to_owned();
    let held = aside(move || held(&own, longest)).await.flatten();
    held.map_err(|source| SendError::ReadFile { path: path.to_owned(), source })
}

/// What `work` makes, which may block.
///
/// # Errors
/// When it takes too long.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    match timeout(PATIENCE, spawn_blocking(work)).await {
        Ok(done) => done.map_err(io::Error::from),
        Err(_) => Err(ErrorKind::TimedOut.into()),
    }
}

fn held(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    // To open a pipe would wait for somebody to write into it.
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut held = Vec::new();
    let read = File::open(path)?.take(longest.saturating_add(1)).read_to_end(&mut held)?;
    if u64::try_from(read).is_ok_and(|read| read <= longest) {
        Ok(held)
    } else {
        Err(io::Error::new(ErrorKind::FileTooLarge, format!("it holds more than {longest} bytes")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::chain;

    #[tokio::test]
    async fn only_regular_files_of_a_sane_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "hunter2").unwrap();
        assert_eq!(read(&path, 7).await.unwrap(), b"hunter2");
        let said = chain(&read(&path, 6).await.unwrap_err());
        assert!(said.ends_with("secret: it holds more than 6 bytes"), "{said}");
        // What says that it has no length, and never ends.
        for endless in [directory.path(), Path::new("/dev/zero")] {
            let said = chain(&read(endless, 7).await.unwrap_err());
            assert!(said.ends_with("it is no regular file"), "{said}");
        }
        assert!(read(&directory.path().join("none"), 7).await.unwrap_err().may_pass());
    }

    #[tokio::test(start_paused = true)]
    async fn a_storage_that_hangs_is_not_waited_for() {
        let (release, hangs) = std::sync::mpsc::channel::<()>();
        let waiting = tokio::spawn(aside(move || hangs.recv().is_ok()));
        tokio::task::yield_now().await;
        tokio::time::advance(PATIENCE + Duration::from_secs(1)).await;
        assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
        drop(release);
    }
}
