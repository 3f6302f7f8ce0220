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

/// Asks for `path` at `listen`, and waits however long that takes. `token` is shown on a unix socket only, which the file
/// system guards: on a port anybody of this machine may listen while the controller does not.
///
/// # Errors
/// When nobody answers there, or with something else.
pub async fn ask(
    listen: &Listen,
    path: &str,
    token: Option<&Redacted<String>>,
) -> io::Result<Answer> {
    let (mut stream, token): (Box<dyn Stream>, _) = match listen {
        Listen::Loopback(address) | Listen::Network(address) => {
            (Box::new(TcpStream::connect(address).await?), None)
        }
        Listen::Unix(path) => (Box::new(UnixStream::connect(path).await?), token),
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

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, UnixListener};

    use super::*;

    /// Takes one request, answers it, and tells what was asked.
    async fn answer(mut stream: impl Stream) -> String {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.0 503 x\r\n\r\nnot yet\n").await.unwrap();
        String::from_utf8(asked).unwrap()
    }

    #[tokio::test]
    async fn the_token_is_shown_on_a_unix_socket_and_never_on_a_port() {
        let token = Redacted::new("hunter2".to_owned());
        let said = Answer { is_well: false, text: "not yet\n".to_owned() };

        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = Listen::Loopback(server.local_addr().unwrap());
        let serve = async { answer(server.accept().await.unwrap().0).await };
        let (told, asked) = tokio::join!(ask(&port, "/readyz", Some(&token)), serve);
        assert_eq!(told.unwrap(), said);
        assert_eq!(asked, "GET /readyz HTTP/1.0\r\n\r\n");

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("http.sock");
        let server = UnixListener::bind(&path).unwrap();
        let serve = async { answer(server.accept().await.unwrap().0).await };
        let socket = Listen::Unix(path);
        let (told, asked) = tokio::join!(ask(&socket, "/readyz", Some(&token)), serve);
        assert_eq!(told.unwrap(), said);
        assert_eq!(asked, "GET /readyz HTTP/1.0\r\nAuthorization: Bearer hunter2\r\n\r\n");
    }
}
