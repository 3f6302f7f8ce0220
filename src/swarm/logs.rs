//! The log of a task, as the Engine streams it: in frames, or with a terminal without.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;

use super::error::SwarmError;
use super::frame::{Head, LogStream, complaint, head};
use super::observe::Observer;
use super::transport::Call;

/// How long the Engine may take for a whole log; it asks the node of the task, which may be gone.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many bytes are read at most. Drivers cut a line into pieces of 16 KiB, and each counts as one.
const MOST_BYTES: usize = 512 * 1024;

/// What was read of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskLog {
    /// Lines, oldest first, as the container wrote them; they may hold anything.
    pub lines: Vec<String>,
    /// What the Engine says why it could not read all of it.
    pub complaint: Option<String>,
    /// Whether more was there than was read.
    pub is_cut: bool,
}

impl Observer {
    /// The last lines of what the task with this id wrote. Whether it has a `terminal`, its template says.
    ///
    /// # Errors
    /// When the Engine refuses, or does not begin to answer in time. What has come until then is no error.
    pub async fn task_log(
        &self,
        task: &str,
        terminal: bool,
        lines: usize,
    ) -> Result<TaskLog, SwarmError> {
        let path = format!("/tasks/{task}/logs?stdout=true&stderr=true&tail={lines}");
        let mut call = Call::new("read the log of a task", Method::GET, path);
        call.patience = PATIENCE;
        let mut body = self.connection().stream(call).await?;
        let mut bytes = Vec::new();
        let whole = tokio::time::timeout(PATIENCE, async {
            while bytes.len() < MOST_BYTES {
                match body.frame().await {
                    Some(Ok(frame)) => bytes.extend(frame.data_ref().into_iter().flatten()),
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
            false
        });
        let is_whole = whole.await.unwrap_or(false);
        let mut log = if terminal { of_terminal(&bytes) } else { of_frames(&bytes) };
        log.is_cut = !is_whole;
        let excess = log.lines.len().saturating_sub(lines);
        log.lines.drain(..excess);
        Ok(log)
    }
}

/// What a terminal showed: everything in one stream.
fn of_terminal(bytes: &[u8]) -> TaskLog {
    let mut log = TaskLog::default();
    let mut stream = Stream::default();
    stream.take(bytes, &mut log.lines);
    stream.end(&mut log.lines);
    log
}

/// What came in frames. Two streams end their lines independently.
fn of_frames(bytes: &[u8]) -> TaskLog {
    let mut log = TaskLog::default();
    let (mut out, mut err, mut complaints) = (Stream::default(), Stream::default(), Vec::new());
    let mut rest = bytes;
    while let Some(Head { stream, length, after }) = head(rest) {
        let (piece, after) = after.split_at(length.min(after.len()));
        match stream {
            Some(LogStream::Output) => out.take(piece, &mut log.lines),
            Some(LogStream::Error) => err.take(piece, &mut log.lines),
            None => complaints.extend_from_slice(piece),
        }
        rest = after;
    }
    out.end(&mut log.lines);
    err.end(&mut log.lines);
    log.complaint = Some(complaint(&complaints)).filter(|words| !words.is_empty());
    log
}

/// A stream in the middle of a line.
#[derive(Default)]
struct Stream(Vec<u8>);

impl Stream {
    fn take(&mut self, bytes: &[u8], lines: &mut Vec<String>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(end) => {
                    self.0.extend_from_slice(end);
                    lines.push(text(&std::mem::take(&mut self.0)));
                }
                None => self.0.extend_from_slice(piece),
            }
        }
    }

    fn end(self, lines: &mut Vec<String>) {
        if !self.0.is_empty() {
            lines.push(text(&self.0));
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::frame::framed as frame;
    use super::*;

    #[test]
    fn frames_become_lines_and_the_engines_complaints_stand_apart() {
        let bytes = [
            frame(1, "starts\nhalf "),
            frame(2, "warns\r\n"),
            frame(1, "a line\n"),
            frame(3, "Error grabbing logs: no driver\n"),
            frame(1, "\n"),
            frame(2, "end"),
        ]
        .concat();
        let log = of_frames(&bytes);
        assert_eq!(log.lines, ["starts", "warns", "half a line", "", "end"]);
        assert_eq!(log.complaint.as_deref(), Some("no driver"));
        // A frame that was cut off, and bytes that are no text.
        let log = of_frames(&bytes[..12]);
        assert_eq!(log.lines, ["star"]);
        assert_eq!(of_frames(&[1, 0, 0, 0, 255, 255, 255, 255, 0xff, b'a']).lines, ["\u{fffd}a"]);
        assert_eq!(of_frames(&bytes[..7]), TaskLog::default());
    }

    #[test]
    fn a_terminal_has_no_frames() {
        assert_eq!(of_terminal(b"one\r\ntwo\r\n").lines, ["one", "two"]);
    }
}
