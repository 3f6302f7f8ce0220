//! The pipes of `ssh HOST docker system dial-stdio`, which docker's client has for this: the bytes of the engine's socket.

use std::borrow::Cow;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::swarm::endpoint::SshHost;

/// More than this of what ssh says is not kept.
const WORDS: u64 = 4096;

/// A running ssh. It is killed when it is dropped.
#[derive(Debug)]
pub(in crate::swarm) struct Program {
    input: ChildStdin,
    output: ChildStdout,
    /// What it says about its own troubles, complete when it has ended.
    words: Option<JoinHandle<String>>,
    /// Whether the engine has said anything. What ends after that ends as any connection may.
    has_spoken: bool,
    _child: Child,
}

impl Program {
    /// Starts ssh. It asks nobody anything: keys, known hosts and shared connections are what its configuration says.
    ///
    /// # Errors
    /// When there is no ssh.
    pub(super) fn start(to: &SshHost) -> io::Result<Self> {
        let mut command = Command::new("ssh");
        command
            .args(arguments(to))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| io::Error::other(format!("ssh cannot be started: {error}")))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(io::Error::other("ssh has no pipes"));
        };
        let words = tokio::spawn(async move {
            let mut words = Vec::new();
            let mut errors = errors.take(WORDS);
            // Whatever was read until then is all that is known.
            let _ = errors.read_to_end(&mut words).await;
            said(&String::from_utf8_lossy(&words))
        });
        Ok(Self { input, output, words: Some(words), has_spoken: false, _child: child })
    }

    /// Why it ended before the engine said a word.
    fn poll_reason(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(words) = &mut self.words else {
            return Poll::Ready(io::ErrorKind::BrokenPipe.into());
        };
        let words = ready!(Pin::new(words).poll(cx)).unwrap_or_default();
        self.words = None;
        Poll::Ready(io::Error::other(format!("ssh ended: {words}")))
    }
}

/// The arguments of ssh.
fn arguments(to: &SshHost) -> Vec<String> {
    let SshHost { user, host, port, socket } = to;
    // A machine that has lost its power does not say so: ssh asks three times whether it is still there.
    let options = ["BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=15"];
    let mut arguments = vec!["-T".to_owned()];
    for option in options {
        arguments.extend(["-o".to_owned(), option.to_owned()]);
    }
    if let Some(user) = user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    arguments.extend(["--".to_owned(), host.clone(), "docker".to_owned()]);
    if let Some(socket) = socket {
        let url = format!("unix://{}", socket.display());
        // The shell of the other machine reads it. Only a zero byte cannot be quoted, and no path has one.
        let quoted = shlex::try_quote(&url).map_or_else(|_| url.clone(), Cow::into_owned);
        arguments.extend(["--host".to_owned(), quoted]);
    }
    arguments.extend(["system".to_owned(), "dial-stdio".to_owned()]);
    arguments
}

/// What ssh said, in one line.
fn said(words: &str) -> String {
    let lines: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { "it did not say why".to_owned() } else { lines.join("; ") }
}

impl AsyncRead for Program {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.output).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.has_spoken = true;
        } else if !this.has_spoken && buffer.remaining() > 0 {
            return this.poll_reason(cx).map(Err);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Program {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(Pin::new(&mut this.input).poll_write(cx, bytes)) {
            Err(_) if !this.has_spoken => this.poll_reason(cx).map(Err),
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().input).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_told_what_the_address_says_and_nothing_else() {
        let of = |user: Option<&str>, port, socket: Option<&str>| {
            let (user, socket) = (user.map(str::to_owned), socket.map(Into::into));
            arguments(&SshHost { user, host: "manager".to_owned(), port, socket }).join(" ")
        };
        let begin = "-T -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15";
        assert_eq!(of(None, None, None), format!("{begin} -- manager docker system dial-stdio"));
        assert_eq!(
            of(Some("me"), Some(22), Some("/a b; c")),
            format!(
                "{begin} -l me -p 22 -- manager docker --host 'unix:///a b; c' system dial-stdio"
            )
        );
    }

    #[test]
    fn the_words_of_ssh_are_one_line() {
        assert_eq!(said("a\r\n\n b \n"), "a; b");
        assert_eq!(said(""), "it did not say why");
    }
}
