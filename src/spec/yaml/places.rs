//! From the parser's positions to places that a person can open.

use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Marker, Span};

use super::node::Spot;
use crate::model::place::Place;

/// A file and its text.
pub(super) struct Places<'a> {
    /// The text that was parsed.
    pub(super) text: &'a str,
    /// The path that messages show.
    pub(super) file: Arc<str>,
}

impl Places<'_> {
    /// The place of a value, as long as its first line.
    pub(super) fn of(&self, span: &Span) -> Place {
        let length = if span.start.line() == span.end.line() {
            span.end.col().saturating_sub(span.start.col())
        } else {
            let rest = span.start.byte_offset().and_then(|start| self.text.get(start..));
            rest.and_then(|rest| rest.lines().next()).unwrap_or("").trim_end().chars().count()
        };
        self.at(span.start, length)
    }

    /// The place where something begins.
    pub(super) fn start(&self, marker: Marker) -> Place {
        self.at(marker, 0)
    }

    /// The first tab that indents something, from the line of a position on: the parser may have its eye on a value above
    /// the line that would continue it. Else the first tab on that line.
    pub(super) fn tab(&self, marker: Marker) -> Option<Place> {
        let before = self.text.get(..marker.byte_offset()?)?;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let mut line_start = start;
        for line in self.text.get(start..)?.split_inclusive('\n') {
            let content = line.trim_start();
            let blanks = line.strip_suffix(content).unwrap_or_default();
            if let (Some(tab), false) =
                (blanks.find('\t'), content.is_empty() || content.starts_with('#'))
            {
                return Some(self.at_byte(line_start + tab));
            }
            line_start += line.len();
        }
        let line = self.text.get(start..)?.lines().next()?;
        Some(self.at_byte(start + line.find('\t')?))
    }

    /// The first quote in a range of bytes that could begin a text.
    pub(super) fn opening_quote(&self, range: Range<usize>) -> Option<Place> {
        let start = range.start;
        let mut previous = ' ';
        for (offset, c) in self.text.get(range)?.char_indices() {
            if matches!(c, '"' | '\'') && !previous.is_alphanumeric() {
                return Some(self.at_byte(start + offset));
            }
            previous = c;
        }
        None
    }

    /// The place of the character at a byte offset.
    fn at_byte(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Place {
            file: Arc::clone(&self.file),
            line: narrow(line),
            column: narrow(column),
            length: 1,
        }
    }

    /// Where the `count` dollar signs of a scalar were written; empty when an escape hides one of them.
    pub(super) fn dollars(&self, span: &Span, count: usize) -> Vec<Spot> {
        let source = span.byte_range().and_then(|range| self.text.get(range)).unwrap_or_default();
        let (mut line, mut column) = (span.start.line(), span.start.col() + 1);
        let mut spots = Vec::with_capacity(count);
        for c in source.chars() {
            if c == '$' && spots.len() < count {
                spots.push(Spot { line: narrow(line), column: narrow(column) });
            }
            if c == '\n' {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        if spots.len() == count { spots } else { Vec::new() }
    }

    fn at(&self, marker: Marker, length: usize) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: narrow(marker.line()),
            column: narrow(marker.col() + 1),
            length: narrow(length),
        }
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
