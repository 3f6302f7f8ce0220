//! The lines of a log that is followed, made of the pieces in which they come, and fit to be seen.
//!
//! A secret may lie across the end of a piece: so nothing is shown before the line is whole, or so long that what comes
//! next is of no account.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diff::mask::Scrub;
use crate::swarm::{LogPiece, LogStream};

use super::logs::seen;

/// How many bytes of a line are waited for. A longer one is shown in several.
const LONGEST: usize = 64 * 1024;

/// What may be seen of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The Engine's id of the task that wrote it, where it says so.
    pub task: Option<String>,
    /// What it wrote.
    pub text: String,
}

/// Lines that are under way.
#[derive(Debug)]
pub struct Lines {
    scrub: Arc<Scrub>,
    /// How long a line may become: as much more than is shown as a secret may need.
    longest: usize,
    begun: BTreeMap<(Option<String>, LogStream), Vec<u8>>,
}

impl Lines {
    /// Those of a log of which nothing was read. `scrub` knows the secrets.
    pub fn new(scrub: Arc<Scrub>) -> Self {
        let longest = LONGEST.saturating_add(scrub.longest());
        Self { scrub, longest, begun: BTreeMap::new() }
    }

    /// What can be seen once `piece` is there.
    pub fn add(&mut self, piece: LogPiece) -> Option<Line> {
        let LogPiece { task, stream, bytes, is_end } = piece;
        let key = (task, stream);
        let mut line = self.begun.remove(&key).unwrap_or_default();
        line.extend(bytes);
        let text = if is_end {
            self.seen(&line)
        } else {
            let text = (line.len() > self.longest).then(|| self.cut(&mut line));
            self.begun.insert(key.clone(), line);
            text?
        };
        Some(Line { task: key.0, text })
    }

    /// What is left when the log ends.
    pub fn end(mut self) -> Vec<Line> {
        let begun = std::mem::take(&mut self.begun);
        let lines = begun.into_iter().filter(|(_, line)| !line.is_empty());
        lines.map(|((task, _), line)| Line { task, text: self.seen(&line) }).collect()
    }

    /// Takes from `line` what can be shown by itself.
    fn cut(&self, line: &mut Vec<u8>) -> String {
        // A character may be half there.
        let half = line.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
        let half = line.split_off(line.len() - half);
        let text = String::from_utf8_lossy(line);
        let settled = self.scrub.settled(&text);
        let (shown, kept) = text.split_at_checked(settled).unwrap_or((&text, ""));
        let shown = seen(shown, &self.scrub);
        *line = [kept.as_bytes(), &half].concat();
        shown
    }

    fn seen(&self, line: &[u8]) -> String {
        seen(&String::from_utf8_lossy(line), &self.scrub)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::mask::Sensitivity;

    /// What Docker makes of a line.
    const CUT: usize = 16 * 1024;

    fn lines() -> Lines {
        Lines::new(Arc::new(Scrub::new(Sensitivity::default()).with_secret(b"hunter-of-two")))
    }

    fn piece(task: &str, stream: LogStream, bytes: &[u8], is_end: bool) -> LogPiece {
        LogPiece { task: Some(task.to_owned()), stream, bytes: bytes.to_vec(), is_end }
    }

    /// What is seen of a line that comes in pieces as Docker makes them.
    fn in_pieces(line: &str) -> Vec<String> {
        let mut lines = lines();
        let mut pieces = line.as_bytes().chunks(CUT).peekable();
        let mut seen = Vec::new();
        while let Some(bytes) = pieces.next() {
            let is_end = pieces.peek().is_none();
            seen.extend(lines.add(piece("a", LogStream::Output, bytes, is_end)));
        }
        assert!(lines.end().is_empty());
        seen.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_secret_or_a_character_across_two_pieces_is_whole_again() {
        for before in [CUT - 14, CUT - 13, CUT - 6, CUT - 1, CUT] {
            let start = "x".repeat(before);
            let seen = in_pieces(&format!("{start}hunter-of-two and more"));
            assert_eq!(seen, [format!("{start}(sensitive) and more")]);
            let line = format!("{start}é");
            assert_eq!(in_pieces(&line), [line]);
        }
    }

    #[test]
    fn what_is_too_long_is_cut_where_no_secret_is() {
        // Wherever it is cut, one of these is near.
        for before in [0, 1, 3, 6] {
            let line = "é".repeat(before) + &"hunter-of-two|".repeat(3 * LONGEST / 14);
            let seen = in_pieces(&line);
            assert!(seen.len() > 1 && seen.iter().all(|text| text.len() < 2 * LONGEST));
            let masked = line.replace("hunter-of-two", "(sensitive)");
            assert_eq!(seen.concat(), masked);
        }
        let line = "é".repeat(2 * LONGEST);
        assert_eq!(in_pieces(&line).concat(), line);
    }

    #[test]
    fn tasks_and_streams_end_their_lines_independently() {
        let mut lines = lines();
        let mut add = |task, stream, text: &str, is_end| {
            lines.add(piece(task, stream, text.as_bytes(), is_end)).map(|line| line.text)
        };
        assert_eq!(add("a", LogStream::Output, "one ", false), None);
        assert_eq!(add("b", LogStream::Output, "two ", false), None);
        assert_eq!(add("a", LogStream::Error, "three", true).as_deref(), Some("three"));
        assert_eq!(add("b", LogStream::Output, "ends", true).as_deref(), Some("two ends"));
        assert_eq!(add("b", LogStream::Output, "", true).as_deref(), Some(""));
        let left = Line { task: Some("a".to_owned()), text: "one ".to_owned() };
        assert_eq!(lines.end(), [left]);
    }
}
