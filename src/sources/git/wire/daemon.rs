//! The way to `git daemon`, which asks nobody who they are.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::connect::{connect, shown};
use super::{GitError, Limits};

/// How much is read at once.
const PIECE: usize = 64 * 1024;

/// A connection to `git daemon`.
#[derive(Debug)]
pub(crate) struct Daemon {
    stream: TcpStream,
    buffer: BytesMut,
    host: String,
}

impl Daemon {
    pub(super) async fn open(
        host: &str,
        port: u16,
        path: &str,
        limits: &Limits,
    ) -> Result<Self, GitError> {
        let stream = connect(host, port, limits.connect).await?;
        let host = shown(host, port);
        let request = format!("git-upload-pack {path}\0host={host}\0\0version=2\0");
        let request = format!("{:04x}{request}", request.len() + 4);
        let mut daemon = Self { stream, buffer: BytesMut::new(), host };
        daemon.send(request.into()).await?;
        Ok(daemon)
    }

    pub(super) async fn send(&mut self, message: Bytes) -> Result<(), GitError> {
        let Self { stream, buffer: _, host } = self;
        stream.write_all(&message).await.map_err(|source| broken(host, source))
    }

    pub(super) async fn receive(&mut self) -> Result<Option<Bytes>, GitError> {
        let Self { stream, buffer, host } = self;
        buffer.reserve(PIECE);
        match stream.read_buf(buffer).await.map_err(|source| broken(host, source))? {
            0 => Ok(None),
            _ => Ok(Some(buffer.split().freeze())),
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

fn broken(host: &str, source: std::io::Error) -> GitError {
    GitError::Broken { host: host.to_owned(), source: source.into() }
}
