//! Indented paragraphs for words of any length, such as an engine's errors.

use unicode_width::UnicodeWidthStr as _;

use crate::diff::render::{Look, Role, clean};

/// `text` in lines that fit the terminal, each behind `indent` blanks and ended by a line feed. Words longer than a
/// line stay whole, so that they can be copied.
pub(super) fn paragraph(text: &str, indent: usize, role: Role, look: Look) -> String {
    let width = look.width.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = Vec::new();
    for word in clean(text).split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let mut text = String::new();
    for line in &lines {
        text.push_str(&" ".repeat(indent));
        text.push_str(&look.palette.paint(role, line));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::render::{Glyphs, Palette};

    #[test]
    fn words_are_wrapped_and_long_ones_stay_whole() {
        let look = Look { width: 24, palette: Palette::Plain, glyphs: Glyphs::Ascii };
        let text = "exec /a/path/that/is/longer/than/a/line: no such file";
        assert_eq!(
            paragraph(text, 4, Role::Plain, look),
            "    exec\n    /a/path/that/is/longer/than/a/line:\n    no such file\n"
        );
    }
}
