//! What the health checks of images have `wget` for: asks for a URL, and ends well if the answer is a good one.
//!
//! ```text
//! wget [--quiet] [--spider] http://HOST:PORT/PATH
//! ```
//!
//! Only the standard library, so that `scripts/images` can build it with `rustc` alone.

use std::env;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let url = env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let Some(rest) = url.as_deref().and_then(|url| url.strip_prefix("http://")) else {
        eprintln!("usage: wget [--quiet] [--spider] http://HOST:PORT/PATH");
        return ExitCode::from(64);
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    match status(host, path) {
        Ok(status) if status.starts_with('2') => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("wget: {host} answers {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("wget: {host}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn status(host: &str, path: &str) -> io::Result<String> {
    let address = host.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "HEAD /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut head = [0; 64];
    let count = stream.read(&mut head)?;
    let head = String::from_utf8_lossy(&head[..count]);
    Ok(head.split(' ').nth(1).unwrap_or_default().to_owned())
}
