//! A TCP connection to a server, in bounded time.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::GitError;

/// A server with its port, for messages.
pub(super) fn shown(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Connects to the first address of a host that answers.
pub(super) async fn connect(host: &str, port: u16, limit: Duration) -> Result<TcpStream, GitError> {
    let failed = |source: io::Error| GitError::Connect { host: shown(host, port), source };
    let connected = timeout(limit, TcpStream::connect((host, port))).await;
    let stream = connected.map_err(|_| GitError::TimedOut {
        host: shown(host, port),
        what: "accept a connection",
        limit,
    })?;
    let stream = stream.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    Ok(stream)
}
