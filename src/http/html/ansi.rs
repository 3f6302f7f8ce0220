//! A plan in a terminal's colours as HTML: the same text, with the same meaning of its colours.

use maud::{Markup, html};

/// `text` with its colours as classes. It is the renderer's own: whatever came from outside has no escape characters any
/// more.
pub(super) fn coloured(text: &str) -> Markup {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().unwrap_or_default();
    let mut style = Style::default();
    let rest: Vec<(String, &str)> = pieces
        .map(|piece| match piece.strip_prefix('[').and_then(|piece| piece.split_once('m')) {
            Some((codes, words)) => {
                codes.split(';').for_each(|code| style.apply(code));
                (style.classes(), words)
            }
            None => (style.classes(), piece),
        })
        .collect();
    html! {
        (first)
        @for (classes, words) in rest {
            @if classes.is_empty() || words.is_empty() {
                (words)
            } @else {
                span class=(classes) { (words) }
            }
        }
    }
}

/// What is set, of what the renderer uses (ECMA-48, 8.3.117).
#[derive(Debug, Clone, Copy, Default)]
struct Style {
    bold: bool,
    dim: bool,
    underlined: bool,
    colour: Option<&'static str>,
}

impl Style {
    fn apply(&mut self, code: &str) {
        match code {
            "" | "0" => *self = Self::default(),
            "1" => self.bold = true,
            "2" => self.dim = true,
            "4" => self.underlined = true,
            "31" => self.colour = Some("c-red"),
            "32" => self.colour = Some("c-green"),
            "33" => self.colour = Some("c-yellow"),
            "35" => self.colour = Some("c-magenta"),
            "36" => self.colour = Some("c-cyan"),
            _ => {}
        }
    }

    fn classes(self) -> String {
        let Self { bold, dim, underlined, colour } = self;
        let set = [(bold, "c-bold"), (dim, "c-dim"), (underlined, "c-under")];
        let set = set.into_iter().filter_map(|(is_set, class)| is_set.then_some(class));
        set.chain(colour).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::render::{Palette, Role};

    #[test]
    fn colours_become_classes_and_text_stays_text() {
        let text = format!(
            "a {}{}",
            Palette::Ansi.paint(Role::AddedPart, "<b>"),
            Palette::Ansi.paint(Role::Quiet, "done")
        );
        let html = coloured(&text).into_string();
        let expected = "a <span class=\"c-bold c-under c-green\">&lt;b&gt;</span>\
                        <span class=\"c-dim\">done</span>";
        assert_eq!(html, expected);
        assert_eq!(coloured("plain\u{1b}").into_string(), "plain");
    }
}
