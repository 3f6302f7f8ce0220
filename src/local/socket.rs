//! The socket and the lock beside it: one controller for one fleet on one machine.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
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

/// Where the sockets of `fleet` may be if the settings do not say it, the first of which is that of a controller that is
/// started here: below the runtime directory that the environment names, where services without one listen, and below
/// that of the `user` wherever they logged in.
pub fn default_paths(fleet: &FleetName, runtime: Option<&Path>, user: Option<u32>) -> Vec<PathBuf> {
    // https://www.freedesktop.org/software/systemd/man/latest/pam_systemd.html
    let login = user.map(|user| PathBuf::from(format!("/run/user/{user}")));
    let below = |runtime: &Path| runtime.join("skep");
    let all = [runtime.map(below), Some(PathBuf::from(SYSTEM)), login.as_deref().map(below)];
    let mut paths: Vec<PathBuf> = Vec::new();
    for directory in all.into_iter().flatten() {
        let path = directory.join(format!("{fleet}.sock"));
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Whether a running controller has the socket at `path`, as far as this process may know, which may have the lock `own`.
fn is_taken(path: &Path, own: Option<&File>) -> bool {
    // One place may have two names.
    let file = |lock: &File| lock.metadata().ok().map(|file| (file.dev(), file.ino()));
    File::open(path.with_extension("lock")).is_ok_and(|lock| {
        file(&lock) != own.and_then(file)
            && matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
    })
}

/// Opens the file that is locked while somebody listens at `path`.
fn open_lock(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let lock = path.with_extension("lock");
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(lock)
}

impl Socket {
    /// Listens at `path`, for the owner of this process only, unless another process does there or at one of the `others`.
    ///
    /// # Errors
    /// When another process does, or the system refuses.
    pub fn bind(path: &Path, others: &[PathBuf]) -> Result<Self, BindError> {
        let failed = |source| BindError::Bind { path: path.to_owned(), source };
        let lock = open_lock(path);
        match lock.as_ref().map(File::try_lock) {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(TryLockError::WouldBlock)) => return Err(BindError::Taken(path.to_owned())),
            Ok(Err(TryLockError::Error(error))) => return Err(failed(error)),
        }
        // Of two that are started in two places at the same time, the one or the other is seen; also by one that can have no
        // socket of its own.
        if let Some(other) = others.iter().find(|other| is_taken(other, lock.as_ref().ok())) {
            return Err(BindError::Taken(other.clone()));
        }
        let lock = lock.map_err(failed)?;
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
        let path = directory.path().join("skep/blue.sock");
        let socket = Socket::bind(&path, &[]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Socket::bind(&path, &[]), Err(BindError::Taken(_))));
        drop(socket);
        assert!(!path.exists());
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a socket that nobody listens at");
        Socket::bind(&path, &[]).unwrap();
    }

    #[tokio::test]
    async fn one_process_has_the_fleet_wherever_it_was_started() {
        let directory = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two"].map(|name| directory.path().join(name).join("blue.sock"));
        let first = Socket::bind(&one, std::slice::from_ref(&two)).unwrap();
        let second = Socket::bind(&two, std::slice::from_ref(&one));
        assert!(matches!(second, Err(BindError::Taken(path)) if path == one));
        assert!(!two.exists());
        // Where it can have none, either.
        let nowhere = directory.path().join("one/blue.lock/blue.sock");
        let third = Socket::bind(&nowhere, std::slice::from_ref(&one));
        assert!(matches!(third, Err(BindError::Taken(path)) if path == one));
        drop(first);
        std::os::unix::fs::symlink("two", directory.path().join("also")).unwrap();
        Socket::bind(&two, &[one, directory.path().join("also/blue.sock")]).unwrap();
    }

    #[test]
    fn where_it_may_listen_hardly_depends_on_who_asks() {
        let paths = |runtime: Option<&str>, user: Option<u32>| {
            let paths = default_paths(&"blue".parse().unwrap(), runtime.map(Path::new), user);
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        let [system, login] = ["/run/skep/blue.sock", "/run/user/0/skep/blue.sock"];
        assert_eq!(paths(None, Some(0)), [system, login], "a service");
        assert_eq!(paths(Some("/run/user/0"), Some(0)), [login, system], "a login");
        assert_eq!(paths(Some("/x"), Some(0)), ["/x/skep/blue.sock", system, login]);
        assert_eq!(paths(None, None), [system]);
    }
}
