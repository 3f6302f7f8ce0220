//! The ways to a git server: HTTP, SSH and the daemon's own protocol.
//!
//! All of it is asynchronous and ours, so that a transfer stops when its future is dropped: nothing of it runs on a
//! thread that a silent server could hold for ever.

mod connect;
mod daemon;
mod http;
mod known_hosts;
mod ssh;
mod tls;

use std::path::Path;

use bytes::Bytes;

use self::daemon::Daemon;
use self::http::Http;
use self::ssh::Ssh;
use super::access::Access;
use super::error::GitError;
use super::limits::Limits;
use super::url::{Location, RepositoryUrl};

/// A connection to `git-upload-pack` of one repository.
#[derive(Debug)]
pub(super) enum Wire {
    Http(Box<Http>),
    Ssh(Box<Ssh>),
    Daemon(Daemon),
}

impl Wire {
    /// Connects and logs in. Keys of hosts that are believed the first time go into the file `new_hosts`. A local
    /// repository has no wire, and gives `None`.
    pub(super) async fn open(
        url: &RepositoryUrl,
        access: &Access,
        new_hosts: &Path,
        limits: &Limits,
    ) -> Result<Option<Self>, GitError> {
        Ok(Some(match url.location() {
            Location::Http(url) => Self::Http(Box::new(Http::open(url, access, limits).await?)),
            Location::Ssh(at) => {
                Self::Ssh(Box::new(Ssh::open(at, &access.ssh, new_hosts, limits).await?))
            }
            Location::Daemon { host, port, path } => {
                Self::Daemon(Daemon::open(host, *port, path, limits).await?)
            }
            Location::Local(_) => return Ok(None),
        }))
    }

    /// Sends a whole message.
    pub(super) async fn send(&mut self, message: Bytes) -> Result<(), GitError> {
        match self {
            Self::Http(http) => http.send(message).await,
            Self::Ssh(ssh) => ssh.send(message).await,
            Self::Daemon(daemon) => daemon.send(message).await,
        }
    }

    /// The next bytes of the answer; `None` at its end.
    pub(super) async fn receive(&mut self) -> Result<Option<Bytes>, GitError> {
        match self {
            Self::Http(http) => http.receive().await,
            Self::Ssh(ssh) => ssh.receive().await,
            Self::Daemon(daemon) => daemon.receive().await,
        }
    }

    /// Whether the server waits for a last word.
    pub(super) fn is_kept_open(&self) -> bool {
        matches!(self, Self::Ssh(_) | Self::Daemon(_))
    }

    /// The server with its port, for messages.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::Http(http) => http.host(),
            Self::Ssh(ssh) => ssh.host(),
            Self::Daemon(daemon) => daemon.host(),
        }
    }

    /// What the server said beside the protocol before it closed the connection.
    pub(super) fn last_words(&self) -> Option<String> {
        match self {
            Self::Ssh(ssh) => ssh.last_words(),
            Self::Http(_) | Self::Daemon(_) => None,
        }
    }
}
