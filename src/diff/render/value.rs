//! Values of fields on one line.

use std::fmt;

use crate::diff::document::Shown;

use super::look::Glyphs;

/// `value` on one line.
pub(super) fn one_line(value: &Shown, glyphs: Glyphs) -> String {
    match value {
        Shown::Bool(yes) => yes.to_string(),
        Shown::Integer(integer) => integer.to_string(),
        Shown::Number(number) => number.to_string(),
        Shown::Text(text) if needs_quotes(text) => quoted(text),
        Shown::Text(text) => shortened(text, glyphs),
        Shown::List(items) => {
            let items: Vec<String> = items.iter().map(|item| item_in_list(item, glyphs)).collect();
            format!("[{}]", items.join(", "))
        }
        Shown::Sensitive { sensitive } => format!("(sensitive #{sensitive})"),
        Shown::NotComparable { not_comparable: _ } => "(not comparable)".to_owned(),
    }
}

/// An item of a list: text is always quoted.
pub(super) fn item_in_list(item: &Shown, glyphs: Glyphs) -> String {
    match item {
        Shown::Text(text) => quoted(text),
        other => one_line(other, glyphs),
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(self, Glyphs::Unicode))
    }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.trim() != text || text.contains(['\n', '\t', '"'])
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\t', "\\t"))
}

/// Digests are cut to twelve digits, as docker does; the document has them whole.
fn shortened(text: &str, glyphs: Glyphs) -> String {
    const DIGITS: usize = 12;
    let Some((head, rest)) = text.split_once("sha256:") else { return text.to_owned() };
    let digits = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    match (rest.get(..DIGITS), rest.get(digits..)) {
        (Some(kept), Some(tail)) if digits == 64 => {
            format!("{head}sha256:{kept}{}{tail}", glyphs.ellipsis())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_in_a_stack_file() {
        let digest = format!("acme/api:1@sha256:0123456789ab{}", "0".repeat(52));
        for (value, expected) in [
            (Shown::from("a b"), "a b"),
            (Shown::from(""), "\"\""),
            (Shown::from(" a\n"), "\" a\\n\""),
            (Shown::from(digest.as_str()), "acme/api:1@sha256:0123456789ab…"),
            (
                Shown::List(vec![Shown::from("a\"b"), Shown::Sensitive { sensitive: 2 }]),
                r#"["a\"b", (sensitive #2)]"#,
            ),
            (Shown::Number(0.1), "0.1"),
            (Shown::NotComparable { not_comparable: true }, "(not comparable)"),
        ] {
            assert_eq!(one_line(&value, Glyphs::Unicode), expected);
        }
    }
}
