//! Lines of coloured text that know how wide they are.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::look::{Palette, Role};

/// A blank at which no line is broken; it is painted as a common one.
pub(super) const UNBROKEN: &str = "\u{a0}";

/// A piece of text of one colour, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    role: Role,
    text: String,
}

/// A line, or a paragraph that is still to be wrapped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    spans: Vec<Span>,
}

/// `text` with everything escaped that could move the cursor, change colours or reorder what is read: control
/// characters, and the invisible characters of bidirectional text.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => clean.extend(c.escape_default()),
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' => {
                clean.extend(c.escape_unicode());
            }
            '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}' => clean.extend(c.escape_unicode()),
            c if c.is_control() => clean.extend(c.escape_unicode()),
            c => clean.push(c),
        }
    }
    clean
}

impl Line {
    pub(super) fn of(role: Role, text: &str) -> Self {
        Self::default().with(role, text)
    }

    #[must_use]
    pub(super) fn with(mut self, role: Role, text: &str) -> Self {
        self.push(role, text);
        self
    }

    pub(super) fn push(&mut self, role: Role, text: &str) {
        self.push_span(Span { role, text: clean(text) });
    }

    fn push_span(&mut self, span: Span) {
        match self.spans.last_mut() {
            Some(last) if last.role == span.role => last.text.push_str(&span.text),
            _ if span.text.is_empty() => {}
            _ => self.spans.push(span),
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        other.spans.into_iter().for_each(|span| self.push_span(span));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(super) fn width(&self) -> usize {
        self.spans.iter().map(|span| span.text.width()).sum()
    }

    /// Adds blanks until it is `width` wide.
    pub(super) fn pad(&mut self, width: usize) {
        let blanks = width.saturating_sub(self.width());
        self.push(Role::Plain, &" ".repeat(blanks));
    }

    /// Adds `other` so that it ends at column `width`; returns it if there is no room.
    pub(super) fn push_right(&mut self, other: Self, width: usize) -> Option<Self> {
        let other_width = other.width();
        if self.width() + 2 + other_width > width {
            return Some(other);
        }
        self.pad(width - other_width);
        self.append(other);
        None
    }

    /// The line with its colours, without blanks at its end.
    pub(super) fn paint(&self, palette: Palette) -> String {
        let mut spans = self.spans.clone();
        while let Some(last) = spans.last_mut() {
            last.text.truncate(last.text.trim_end().len());
            if !last.text.is_empty() {
                break;
            }
            spans.pop();
        }
        let paint = |span: &Span| palette.paint(span.role, &span.text.replace(UNBROKEN, " "));
        spans.iter().map(paint).collect()
    }

    /// Breaks the paragraph into lines of at most `width`, between words where that is possible.
    pub(super) fn wrap(&self, width: usize) -> Vec<Self> {
        let width = width.max(1);
        let mut lines = vec![Self::default()];
        let mut used = 0;
        for word in self.words() {
            let word_width = word.width();
            if used > 0 && used + word_width > width && !word.is_blank() {
                lines.push(Self::default());
                used = 0;
            }
            for piece in if word_width > width { word.letters() } else { vec![word] } {
                let piece_width = piece.width();
                if used > 0 && used + piece_width > width {
                    lines.push(Self::default());
                    used = 0;
                }
                if used == 0 && piece.is_blank() {
                    continue;
                }
                used += piece_width;
                if let Some(line) = lines.last_mut() {
                    line.append(piece);
                }
            }
        }
        lines
    }

    fn is_blank(&self) -> bool {
        self.spans.iter().all(|span| span.text.chars().all(|c| c == ' '))
    }

    /// Runs of blanks and runs of other characters, across colours.
    fn words(&self) -> Vec<Self> {
        let mut words: Vec<Self> = Vec::new();
        let mut was_blank = None;
        for span in &self.spans {
            for c in span.text.chars() {
                let is_blank = c == ' ';
                if was_blank != Some(is_blank) {
                    words.push(Self::default());
                    was_blank = Some(is_blank);
                }
                if let Some(word) = words.last_mut() {
                    word.push_span(Span { role: span.role, text: c.to_string() });
                }
            }
        }
        words
    }

    fn letters(self) -> Vec<Self> {
        let letters = self.spans.iter().flat_map(|span| {
            span.text
                .chars()
                .map(|c| Self { spans: vec![Span { role: span.role, text: c.to_string() }] })
        });
        letters.collect()
    }
}

/// `text` cut to `width`, with `ellipsis` where something is missing.
pub(super) fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = ellipsis.width();
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        cut.push(c);
    }
    cut + ellipsis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_break_between_words_and_long_words_break_anywhere() {
        let line = Line::of(Role::Plain, "one two").with(Role::Strong, "three  abcdefghijkl x");
        let lines: Vec<String> =
            line.wrap(9).iter().map(|line| line.paint(Palette::Plain)).collect();
        assert_eq!(lines, ["one", "twothree", "abcdefghi", "jkl x"]);
        assert!(line.wrap(3).iter().all(|line| line.width() <= 3));
        assert_eq!(Palette::Ansi.paint(Role::Costly, "  "), "  ");
        assert_eq!(Line::default().wrap(5), [Line::default()]);
    }

    #[test]
    fn nothing_from_outside_can_steer_the_terminal() {
        assert_eq!(
            clean("a\x1b[31mb\x07\u{9b}\u{202e}c\r\n"),
            r"a\u{1b}[31mb\u{7}\u{9b}\u{202e}c\r\n"
        );
        assert_eq!(clean("größe 日本"), "größe 日本");
    }

    #[test]
    fn wide_characters_count_as_two_columns() {
        assert_eq!(Line::of(Role::Plain, "日本").width(), 4);
        assert_eq!(cut("日本語", 5, "…"), "日本…");
        assert_eq!(cut("abc", 3, "…"), "abc");
    }
}
