//! The log of a service as the Engine streams it, for as long as somebody reads it.
//!
//! With `details` the Engine puts before each line which task wrote it: `key=value` pairs with commas between them, and a
//! blank (moby `api/server/httputils/write_log_stream.go`), with a terminal, too. Frames are those of a task's log; with a
//! terminal there are none.

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use jiff::Timestamp;

use super::error::SwarmError;
use super::observe::Observer;
use super::transport::Call;

const FOLLOW: &str = "read the log of a service";
/// The bytes before each frame.
const HEAD: usize = 8;
/// The longest line; what is longer is cut into several.
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

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The Engine's id of the task that wrote it, where it says so.
    pub task: Option<String>,
    /// What it wrote; it may hold anything.
    pub text: String,
}

/// The log of a service, while it comes.
#[derive(Debug)]
pub struct ServiceLog {
    engine: Observer,
    body: Incoming,
    terminal: bool,
    pending: Vec<u8>,
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
        Ok(ServiceLog { engine: self.clone(), body, terminal, pending: Vec::new() })
    }
}

impl ServiceLog {
    /// The next lines; `None` at the end.
    ///
    /// # Errors
    /// When the log breaks off.
    pub async fn next(&mut self) -> Result<Option<Vec<LogLine>>, SwarmError> {
        loop {
            let Some(frame) = self.body.frame().await else {
                let rest = std::mem::take(&mut self.pending);
                let is_text = self.terminal && !rest.is_empty();
                return Ok(is_text.then(|| vec![line(&rest)]));
            };
            let frame =
                frame.map_err(|error| self.engine.connection().broken_off(FOLLOW, error))?;
            self.pending.extend(frame.data_ref().into_iter().flatten());
            let lines =
                if self.terminal { shown(&mut self.pending) } else { framed(&mut self.pending) };
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
        }
    }
}

/// Takes whole lines of a terminal from `pending`.
fn shown(pending: &mut Vec<u8>) -> Vec<LogLine> {
    let end = match pending.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => end + 1,
        None if pending.len() > LONGEST => pending.len(),
        None => return Vec::new(),
    };
    let whole: Vec<u8> = pending.drain(..end).collect();
    let lines = whole.strip_suffix(b"\n").unwrap_or(&whole).split(|byte| *byte == b'\n');
    lines.map(line).collect()
}

/// Takes whole frames from `pending`: each is what one task wrote at once.
fn framed(pending: &mut Vec<u8>) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let mut taken = 0;
    while let Some((head, after)) =
        pending.get(taken..).and_then(|rest| rest.split_first_chunk::<HEAD>())
    {
        let [_, _, _, _, length @ ..] = *head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let Some(piece) = after.get(..length) else { break };
        lines.extend(piece.strip_suffix(b"\n").unwrap_or(piece).split(|b| *b == b'\n').map(line));
        taken += HEAD + length;
    }
    pending.drain(..taken);
    lines
}

/// A line, told from the details before it.
fn line(bytes: &[u8]) -> LogLine {
    let text = text(bytes);
    if let Some((details, rest)) = text.split_once(' ')
        && let Some(task) = details.split(',').find_map(|pair| pair.strip_prefix(TASK))
    {
        return LogLine { task: Some(task.to_owned()), text: rest.to_owned() };
    }
    LogLine { task: None, text }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_lines_of_tasks_and_wait_until_they_are_whole() {
        let details =
            "com.docker.swarm.node.id=n,com.docker.swarm.service.id=s,com.docker.swarm.task.id=t1";
        let mut bytes = Vec::new();
        for text in [format!("{details} starts\n"), format!("{details} \n"), "plain\n".to_owned()] {
            bytes.extend([1, 0, 0, 0]);
            bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        let last = bytes.split_off(bytes.len() - 3);
        let mut pending = bytes;
        let of_task = |text: &str| LogLine { task: Some("t1".to_owned()), text: text.to_owned() };
        assert_eq!(framed(&mut pending), [of_task("starts"), of_task("")]);
        assert_eq!(framed(&mut pending), []);
        pending.extend(last);
        assert_eq!(framed(&mut pending), [LogLine { task: None, text: "plain".to_owned() }]);
        assert!(pending.is_empty());
    }

    #[test]
    fn a_terminal_has_lines_without_frames() {
        let mut pending = b"com.docker.swarm.task.id=t1 one\r\ntwo\r\nthr".to_vec();
        let line = |task: Option<&str>, text: &str| LogLine {
            task: task.map(str::to_owned),
            text: text.to_owned(),
        };
        assert_eq!(shown(&mut pending), [line(Some("t1"), "one"), line(None, "two")]);
        assert_eq!(pending, b"thr");
    }
}
