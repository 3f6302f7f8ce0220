//! Indented paragraphs for words of any length, such as an engine's errors.

use unicode_width::UnicodeWidthStr as _;

use crate::diff::render::{Look, Role, clean};

/// `words` in lines that fit the terminal, each behind `indent` blanks and ended by a line feed. Words longer than a
/// line stay whole, so that they can be copied.
pub(super) fn paragraph(words: &str, indent: usize, role: Role, look: Look) -> String {
    let width = look.width.saturating_sub(indent).max(20);
    let mut text = String::new();
    for line in lines(&clean(words), width, 0) {
        text.push_str(&" ".repeat(indent));
        text.push_str(&look.palette.paint(role, &line));
        text.push('\n');
    }
    text
}

/// `  held service shop_web: why`, in lines that fit the terminal; those below the first stand in further.
pub(super) fn item((role, word): (Role, &str), text: &str, look: Look) -> String {
    let width = look.width.saturating_sub(4).max(20);
    let mut item = format!("  {}", look.palette.paint(role, word));
    // The first line is two columns longer, of which the blank behind the word takes one.
    for (number, line) in
        lines(&clean(text), width, word.width().saturating_sub(1)).iter().enumerate()
    {
        item.push_str(if number == 0 { " " } else { "    " });
        item.push_str(line);
        item.push('\n');
    }
    item
}

/// The words of `text` in lines of at most `width` columns, the first of which has `taken` less.
pub(super) fn lines(text: &str, width: usize, taken: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let room = if lines.len() == 1 { width.saturating_sub(taken) } else { width };
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
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
        let text = "service web: it waits for the job";
        assert_eq!(
            item((Role::Plain, "held"), text, look),
            "  held service web: it\n    waits for the job\n"
        );
    }
}
