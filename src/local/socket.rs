//! The socket and the lock beside it: one controller for one fleet on one machine.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::model::name::FleetName;

/// Where sockets are if nobody has a directory of their own for them.
const SYSTEM: &str = "/run/skep";

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another controller has it.
    #[error("another controller of this fleet runs on this machine and has {}", .0.display())]
    Taken(PathBuf),
    /// The system refused.
    #[error("open the socket {}", path.display())]
    Bind {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A socket that listens. It is removed when it is dropped.
#[derive(Debug)]
pub struct Socket {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Locked for as long as this lives, also when the process is killed.
    _lock: File,
}

/// Where the socket of `fleet` is if the settings do not say it: below the user's runtime directory, if they have one.
pub fn default_path(fleet: &FleetName, runtime: Option<&Path>) -> PathBuf {
    let directory = runtime.map_or_else(|| PathBuf::from(SYSTEM), |runtime| runtime.join("skep"));
    directory.join(format!("{fleet}.sock"))
}

impl Socket {
    /// Listens at `path`, for the owner of this process only.
    ///
    /// # Errors
    /// When another process does, or the system refuses.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let failed = |source| BindError::Bind { path: path.to_owned(), source };
        if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.with_extension("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BindError::Taken(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Nobody may connect before the permissions are right.
        let hidden = path.with_extension("new");
        for stale in [hidden.as_path(), path] {
            match fs::remove_file(stale) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        let listener = UnixListener::bind(&hidden).map_err(failed)?;
        fs::set_permissions(&hidden, Permissions::from_mode(0o600)).map_err(failed)?;
        fs::rename(&hidden, path).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned(), _lock: lock })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Somebody may have tidied up already.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_process_has_the_socket_and_what_a_killed_one_left_is_no_obstacle() {
        let directory = tempfile::tempdir().unwrap();
        let path = default_path(&"blue".parse().unwrap(), Some(directory.path()));
        assert!(path.ends_with("skep/blue.sock"));
        let socket = Socket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Socket::bind(&path), Err(BindError::Taken(_))));
        drop(socket);
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a socket that nobody listens at");
        Socket::bind(&path).unwrap();
    }
}
