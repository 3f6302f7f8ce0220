//! `WebSocket`s (RFC 6455), as little of them as tests need: short texts in one frame each.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// What a server proves with that it speaks the protocol.
pub(crate) fn accept_key(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(hash.finalize())
}

/// Sends back every text until the stream ends.
pub(crate) async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    loop {
        let text = receive(&mut stream).await?;
        send(&mut stream, &text, false).await?;
    }
}

/// An open WebSocket.
pub(crate) struct Socket<S> {
    stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Opens a WebSocket on a connection.
    pub(crate) async fn open(mut stream: S, host: &str, path: &str) -> io::Result<Self> {
        let key = STANDARD.encode([7; 16]);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        let is_open =
            head.starts_with("http/1.1 101 ") && head.contains(&accept_key(&key).to_lowercase());
        if is_open { Ok(Self { stream }) } else { Err(io::Error::other(head)) }
    }

    /// What comes back for a text.
    pub(crate) async fn echo(&mut self, text: &str) -> io::Result<String> {
        send(&mut self.stream, text.as_bytes(), true).await?;
        let answer = receive(&mut self.stream).await?;
        String::from_utf8(answer).map_err(io::Error::other)
    }
}

/// What clients hide their frames with.
const MASK: [u8; 4] = [1, 2, 3, 4];
const TEXT: u8 = 0x81;
const MASKED: u8 = 0x80;

async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    text: &[u8],
    is_client: bool,
) -> io::Result<()> {
    let length = u8::try_from(text.len()).map_err(io::Error::other)?;
    let mut frame = vec![TEXT, length | if is_client { MASKED } else { 0 }];
    if is_client {
        frame.extend(MASK);
        frame.extend(masked(text));
    } else {
        frame.extend(text);
    }
    stream.write_all(&frame).await
}

async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let kind = stream.read_u8().await?;
    let length = stream.read_u8().await?;
    if kind != TEXT {
        return Err(io::Error::other(format!("a frame of kind {kind:#x}")));
    }
    let is_masked = length & MASKED != 0;
    if is_masked {
        let mut mask = [0; 4];
        stream.read_exact(&mut mask).await?;
        assert_eq!(mask, MASK);
    }
    let mut text = vec![0; usize::from(length & !MASKED)];
    stream.read_exact(&mut text).await?;
    Ok(if is_masked { masked(&text).collect() } else { text })
}

fn masked(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask)
}
