//! What hyper asks for a stream when it needs another one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tower_service::Service;

use super::ssh::Program;
use super::stream::Stream;
use super::tls;
use crate::swarm::endpoint::Address;

/// How long it may take until a stream is open. A machine that is down says nothing at all.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a connection may say nothing before the other machine is asked whether it is still there. One that has lost
/// its power does not say so.
const QUIET: Duration = Duration::from_secs(15);
/// How often it is asked without an answer, and how long is waited for each.
const QUESTIONS: (u32, Duration) = (3, Duration::from_secs(5));

/// Connects to one address, whatever a request's URI says.
#[derive(Debug, Clone)]
pub(in crate::swarm) struct Connector {
    pub(in crate::swarm) address: Address,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let address = self.address.clone();
        Box::pin(async move {
            let stream = timeout(LIMIT, open(&address)).await.map_err(|_| {
                io::Error::other(format!("nobody answered within {} s", LIMIT.as_secs()))
            })?;
            Ok(TokioIo::new(stream?))
        })
    }
}

async fn open(address: &Address) -> io::Result<Stream> {
    Ok(match address {
        Address::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        Address::Tcp { host, port } => Stream::Tcp(tcp(host, *port).await?),
        Address::Tls { host, port, files } => {
            let connector = tls::connector(files)?;
            let stream = tcp(host, *port).await?;
            Stream::Tls(Box::new(tls::begin(&connector, host, stream).await?))
        }
        Address::Ssh(host) => Stream::Program(Box::new(Program::start(host)?)),
    })
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let (count, pause) = QUESTIONS;
    let keepalive = TcpKeepalive::new().with_time(QUIET).with_interval(pause).with_retries(count);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_machine_that_falls_silent_is_found_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port };
        let Stream::Tcp(stream) = open(&address).await.unwrap() else { panic!("it is TCP") };
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        let times = [socket.tcp_keepalive_time(), socket.tcp_keepalive_interval()];
        assert_eq!(times.map(Result::unwrap), [QUIET, QUESTIONS.1]);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), QUESTIONS.0);
    }
}
