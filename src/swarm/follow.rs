//! The log of a service as the Engine streams it, for as long as somebody reads it.
//!
//! With `details` the Engine puts before all that it got from a driver at once which task wrote it: `key=value` pairs with commas
//! between them, and a blank (moby `api/server/httputils/write_log_stream.go`), with a terminal, too. Drivers cut a line
//! into pieces of 16 KiB, of which the last one ends with a line feed. Frames are those of a task's log; with a terminal there
//! are none.

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use jiff::Timestamp;

use super::error::SwarmError;
use super::frame::{COMPLAINT, Head, LogStream, complaint, head};
use super::observe::Observer;
use super::transport::Call;

const FOLLOW: &str = "read the log of a service";
/// How much of a line of a terminal is waited for; what is longer comes in pieces.
const LONGEST: usize = 64 * 1024;
/// The pair that names a task.
const TASK: &str = "com.docker.swarm.task.id=";

/// How much of a log is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogWish {
    /// Whether what is written from now on is wanted, too.
    pub follow: bool,
    /// How many lines of each task, the newest; all if absent.
    pub tail: Option<u32>,
    /// What was written before is not wanted.
    pub since: Option<Timestamp>,
}

/// What comes next in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logged {
    /// Something that a task wrote.
    Piece(LogPiece),
    /// Why the Engine cannot read all of it, in its own words.
    Complaint(String),
}

/// A line of a log, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPiece {
    /// The Engine's id of the task that wrote it, where it says so.
    pub task: Option<String>,
    /// Where it was written to: two streams of a task end their lines independently.
    pub stream: LogStream,
    /// What it wrote, without the line feed; it may hold anything.
    pub bytes: Vec<u8>,
    /// Whether the line ends here.
    pub is_end: bool,
}

/// The log of a service, while it comes.
#[derive(Debug)]
pub struct ServiceLog {
    engine: Observer,
    body: Incoming,
    form: Form,
    pending: Vec<u8>,
}

/// How a log comes.
#[derive(Debug)]
enum Form {
    Frames,
    /// As a terminal shows it; with the details of the line under way.
    Terminal(Vec<u8>),
}

impl Observer {
    /// The log of the service with this id. Whether it has a `terminal`, its template says.
    ///
    /// # Errors
    /// When the Engine refuses, or does not begin to answer in time.
    pub async fn service_log(
        &self,
        service: &str,
        terminal: bool,
        wish: LogWish,
    ) -> Result<ServiceLog, SwarmError> {
        let LogWish { follow, tail, since } = wish;
        let tail = tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let since = since.map(|since| format!("&since={}", since.as_second())).unwrap_or_default();
        let path = format!(
            "/services/{service}/logs?stdout=true&stderr=true&details=true&follow={follow}&tail={tail}{since}"
        );
        let body = self.connection().stream(Call::new(FOLLOW, Method::GET, path)).await?;
        let form = if terminal { Form::Terminal(Vec::new()) } else { Form::Frames };
        Ok(ServiceLog { engine: self.clone(), body, form, pending: Vec::new() })
    }
}

impl ServiceLog {
    /// What comes next; `None` at the end.
    ///
    /// # Errors
    /// When the log breaks off.
    pub async fn next(&mut self) -> Result<Option<Vec<Logged>>, SwarmError> {
        loop {
            let Some(frame) = self.body.frame().await else {
                let rest = std::mem::take(&mut self.pending);
                return Ok(match &mut self.form {
                    Form::Terminal(details) if !rest.is_empty() => {
                        Some(vec![end_of_line(&rest, details)])
                    }
                    Form::Terminal(_) | Form::Frames => None,
                });
            };
            let frame =
                frame.map_err(|error| self.engine.connection().broken_off(FOLLOW, error))?;
            self.pending.extend(frame.data_ref().into_iter().flatten());
            let logged = match &mut self.form {
                Form::Frames => framed(&mut self.pending),
                Form::Terminal(details) => shown(&mut self.pending, details),
            };
            if !logged.is_empty() {
                return Ok(Some(logged));
            }
        }
    }
}

/// Takes whole lines of a terminal from `pending`, and most of one that is too long. `details` are those of the line under
/// way; they stand before each of its pieces.
fn shown(pending: &mut Vec<u8>, details: &mut Vec<u8>) -> Vec<Logged> {
    let mut logged = Vec::new();
    let mut rest = pending.as_slice();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end);
        logged.push(end_of_line(line, details));
        rest = after.get(1..).unwrap_or_default();
    }
    *pending = if rest.len() > LONGEST {
        let mut text = without_details(rest, details);
        // Those of its next piece may have begun to come.
        let more = text.split_off(text.len().saturating_sub(details.len()));
        logged.push(Logged::Piece(piece(text, details, false)));
        more
    } else {
        rest.to_vec()
    };
    logged
}

/// What a line of a terminal says, or the rest of one. The Engine's complaints stand there without details.
fn end_of_line(line: &[u8], details: &mut Vec<u8>) -> Logged {
    let text = without_details(line, details);
    if details.is_empty() && text.starts_with(COMPLAINT.as_bytes()) {
        return Logged::Complaint(complaint(&text));
    }
    Logged::Piece(piece(text, &std::mem::take(details), true))
}

/// A part of a line without the details before each piece. At the beginning of one it tells what they are.
fn without_details(line: &[u8], details: &mut Vec<u8>) -> Vec<u8> {
    if details.is_empty() {
        details.extend_from_slice(details_of(line));
    }
    let mut text = Vec::with_capacity(line.len());
    let mut rest = line;
    while !details.is_empty()
        && let Some(at) = rest.windows(details.len()).position(|window| window == details)
    {
        let (before, after) = rest.split_at(at);
        text.extend_from_slice(before);
        rest = after.get(details.len()..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    text
}

fn piece(bytes: Vec<u8>, details: &[u8], is_end: bool) -> LogPiece {
    LogPiece { task: task(details), stream: LogStream::Output, bytes, is_end }
}

/// Takes whole frames from `pending`: each is what one task wrote at once.
fn framed(pending: &mut Vec<u8>) -> Vec<Logged> {
    let mut logged = Vec::new();
    let mut rest = pending.as_slice();
    while let Some(Head { stream, length, after }) = head(rest)
        && let Some((frame, after)) = after.split_at_checked(length)
    {
        rest = after;
        let Some(stream) = stream else {
            logged.push(Logged::Complaint(complaint(frame)));
            continue;
        };
        let details = details_of(frame);
        let text = frame.strip_prefix(details).unwrap_or(frame);
        logged.extend(text.split_inclusive(|byte| *byte == b'\n').map(|bytes| {
            let line = bytes.strip_suffix(b"\n");
            let (bytes, is_end) = (line.unwrap_or(bytes).to_vec(), line.is_some());
            Logged::Piece(LogPiece { task: task(details), stream, bytes, is_end })
        }));
    }
    *pending = rest.to_vec();
    logged
}

/// The details at the beginning of `bytes`, with the blank after them; empty if there are none.
fn details_of(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().position(|byte| *byte == b' ');
    let details = blank.and_then(|blank| bytes.get(..=blank)).unwrap_or_default();
    if task(details).is_some() { details } else { &[] }
}

/// The task that details name.
fn task(details: &[u8]) -> Option<String> {
    let details = str::from_utf8(details).ok()?.trim_end();
    details.split(',').find_map(|pair| pair.strip_prefix(TASK)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::frame::framed as frame;
    use super::*;

    const DETAILS: &str =
        "com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=t1 ";

    fn piece(task: Option<&str>, text: &str, is_end: bool) -> Logged {
        let (task, bytes) = (task.map(str::to_owned), text.as_bytes().to_vec());
        Logged::Piece(LogPiece { task, stream: LogStream::Output, bytes, is_end })
    }

    #[test]
    fn frames_are_pieces_of_tasks_and_wait_until_they_are_whole() {
        let texts =
            [format!("{DETAILS}starts\n"), format!("{DETAILS}\n"), format!("{DETAILS}a piece")];
        let mut bytes: Vec<u8> = texts.iter().flat_map(|text| frame(1, text)).collect();
        bytes.extend(frame(2, "plain\nlines\n"));
        bytes.extend(frame(3, "Error grabbing logs: node n is not available\n"));
        let last = bytes.split_off(bytes.len() - 3);
        let mut pending = bytes;
        let of_error = |text: &str| {
            let bytes = text.as_bytes().to_vec();
            let stream = LogStream::Error;
            Logged::Piece(LogPiece { task: None, stream, bytes, is_end: true })
        };
        let first = [
            piece(Some("t1"), "starts", true),
            piece(Some("t1"), "", true),
            piece(Some("t1"), "a piece", false),
            of_error("plain"),
            of_error("lines"),
        ];
        assert_eq!(framed(&mut pending), first);
        assert_eq!(framed(&mut pending), []);
        pending.extend(last);
        let complaint = Logged::Complaint("node n is not available".to_owned());
        assert_eq!(framed(&mut pending), [complaint]);
        assert!(pending.is_empty());
    }

    #[test]
    fn a_terminal_has_lines_without_frames() {
        let text = format!("{DETAILS}one {DETAILS}and more\r\ntwo\nError grabbing logs: no\nthr");
        let (mut pending, mut details) = (text.into_bytes(), Vec::new());
        let logged = [
            piece(Some("t1"), "one and more\r", true),
            piece(None, "two", true),
            Logged::Complaint("no".to_owned()),
        ];
        assert_eq!(shown(&mut pending, &mut details), logged);
        assert_eq!(pending, b"thr");
    }

    #[test]
    fn a_line_of_a_terminal_that_is_too_long_comes_in_pieces_without_the_details_between_them() {
        let long = "x".repeat(LONGEST);
        let (whole, begun) = DETAILS.split_at(20);
        let (mut pending, mut details) = (format!("{DETAILS}{long}{whole}").into_bytes(), vec![]);
        let mut text = Vec::new();
        for more in [begun, "end\n", ""] {
            for logged in shown(&mut pending, &mut details) {
                let Logged::Piece(piece) = logged else { panic!("{logged:?}") };
                assert_eq!(piece.task.as_deref(), Some("t1"));
                text.extend(piece.bytes);
            }
            pending.extend(more.as_bytes());
        }
        assert_eq!(String::from_utf8(text).unwrap(), format!("{long}end"));
        assert!(pending.is_empty() && details.is_empty());
    }
}
