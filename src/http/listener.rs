//! Where is listened: an address of this machine, or a unix socket.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::patient::Stream;

/// Why nobody can connect.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address}")]
pub struct ListenError {
    address: String,
    #[source]
    source: io::Error,
}

/// Something that accepts connections. A unix socket is removed when it is dropped.
#[derive(Debug)]
pub struct Listener {
    accepting: Accepting,
    address: String,
}

#[derive(Debug)]
enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens on `address`.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn tcp(address: SocketAddr) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address: address.to_string(), source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        // With port 0, the system has chosen one.
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { accepting: Accepting::Tcp(listener), address: address.to_string() })
    }

    /// Listens on a unix socket at `path`, for the owner and the group of this process. What a killed process left there
    /// is no obstacle; a file is, and so is a socket that somebody answers.
    ///
    /// # Errors
    /// When there is something else, or the system refuses.
    pub async fn unix(path: &Path) -> Result<Self, ListenError> {
        let address = format!("unix://{}", path.display());
        let failed = |source| ListenError { address: address.clone(), source };
        let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        if is_socket && UnixStream::connect(path).await.is_err() {
            fs::remove_file(path).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let accepting = Accepting::Unix(listener, path.to_owned());
        let listener = Self { accepting, address: address.clone() };
        fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(failed)?;
        Ok(listener)
    }

    /// Where it listens, as people write it.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub(super) async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.accepting {
            Accepting::Tcp(listener) => Box::new(listener.accept().await?.0),
            Accepting::Unix(listener, _) => Box::new(listener.accept().await?.0),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Accepting::Unix(_, path) = &self.accepting {
            // Somebody may have tidied up already.
            let _ = fs::remove_file(path);
        }
    }
}
