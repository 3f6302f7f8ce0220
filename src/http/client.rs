//! Asks a running controller what it serves.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::patient::Stream;
use crate::model::secret::Redacted;
use crate::settings::Listen;

/// The longest answer that is read.
const LONGEST: u64 = 64 * 1024;

/// What a controller answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it says that all is well.
    pub is_well: bool,
    /// What it says.
    pub text: String,
}

/// Asks for `path` at `listen` as somebody who knows `token`, and waits however long that takes.
///
/// # Errors
/// When nobody answers there, or with something else.
pub async fn ask(
    listen: &Listen,
    path: &str,
    token: Option<&Redacted<String>>,
) -> io::Result<Answer> {
    let mut stream: Box<dyn Stream> = match listen {
        Listen::Loopback(address) => Box::new(TcpStream::connect(address).await?),
        Listen::Unix(path) => Box::new(UnixStream::connect(path).await?),
    };
    let who = token.map(|token| format!("Authorization: Bearer {}\r\n", token.expose()));
    let who = who.unwrap_or_default();
    stream.write_all(format!("GET {path} HTTP/1.0\r\n{who}\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, text) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::InvalidData)?;
    let is_well = head.split(' ').nth(1) == Some("200");
    Ok(Answer { is_well, text: text.to_owned() })
}
