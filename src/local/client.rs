//! Asks a running controller on its local socket.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::protocol::{Answer, Question};

/// The longest answer: the status of thousands of services.
const LONGEST: u64 = 256 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No controller listens there.
    #[error("no controller listens at {}", .0.display())]
    NobodyThere(PathBuf),
    /// The conversation broke off.
    #[error("ask the controller at {}", path.display())]
    BrokenOff {
        /// Where it listens.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Asks the controller at `path`, and waits for its answer however long that takes.
///
/// # Errors
/// When nobody is there, or the conversation breaks off.
pub async fn ask(path: &Path, question: &Question) -> Result<Answer, AskError> {
    let broken = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            AskError::NobodyThere(path.to_owned())
        }
        _ => AskError::BrokenOff { path: path.to_owned(), source },
    };
    let stream = UnixStream::connect(path).await.map_err(broken)?;
    converse(stream, question).await.map_err(broken)
}

async fn converse(stream: UnixStream, question: &Question) -> io::Result<Answer> {
    // Both halves stay open: an end of ours would mean that nobody waits any more.
    let (read, mut write) = stream.into_split();
    let mut bytes = serde_json::to_vec(question)?;
    bytes.push(b'\n');
    write.write_all(&bytes).await?;
    let mut line = String::new();
    BufReader::new(read.take(LONGEST)).read_line(&mut line).await?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&line)?)
}
