//! One line of a file, fit to be seen: secrets hidden, control characters made harmless.

use std::ops::Range;

use super::declared_secret::data_of_secret;
use super::keys_above::{Key, keys_above};
use crate::diff::mask::{Sensitivity, announces_secret, secrets};
use crate::model::secret::MASK;

/// A line to show. Columns of the file can be found in it although secrets were replaced.
pub(super) struct Line {
    pub(super) text: String,
    /// What was replaced: characters of the original line, and the bytes that stand for them in `text`.
    replaced: Vec<(Range<usize>, Range<usize>)>,
    /// How many characters the original line has.
    length: usize,
}

impl Line {
    /// `line` with what `above` tells of it: a secret may stand under its name, as a block or after a flag.
    pub(super) fn new(line: &str, above: &[String], sensitivity: &Sensitivity) -> Self {
        let keys = keys_above(line, above);
        let hidden: Vec<Range<usize>> = if belongs_to_secret(line, above, &keys, sensitivity) {
            let indent = line.len() - line.trim_start().len();
            std::iter::once(indent..line.len()).collect()
        } else {
            let ranges = secrets(line, sensitivity).into_iter();
            let ranges = ranges.map(|range| whole(line, range));
            let ranges = ranges.filter(|range| !is_harmless(line, range));
            let mut ranges: Vec<Range<usize>> = ranges.chain(data_of_secret(line, &keys)).collect();
            ranges.sort_by_key(|range| range.start);
            // Else what begins within another one would not be replaced beyond its end.
            let mut apart: Vec<Range<usize>> = Vec::new();
            for range in ranges {
                match apart.last_mut() {
                    Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                    _ => apart.push(range),
                }
            }
            apart
        };
        let mut text = String::with_capacity(line.len());
        let mut replaced = Vec::new();
        let mut characters = 0;
        let mut ranges = hidden.into_iter().peekable();
        for (at, c) in line.char_indices() {
            while ranges.next_if(|range| range.end <= at).is_some() {}
            match ranges.peek() {
                Some(range) if range.start == at => {
                    let start = text.len();
                    text.push_str(MASK);
                    let length = line.get(range.clone()).map_or(0, |secret| secret.chars().count());
                    replaced.push((characters..characters + length, start..text.len()));
                }
                Some(range) if range.contains(&at) => {}
                _ => text.push(harmless(c)),
            }
            characters += 1;
        }
        Self { text, replaced, length: characters }
    }

    /// The bytes of `text` that show `length` characters of the file from `column`, which counts from 1. Whatever
    /// touches a secret shows all of its replacement.
    pub(super) fn bytes(&self, column: u32, length: u32) -> Range<usize> {
        let narrow = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let start = narrow(column.saturating_sub(1)).min(self.length);
        let end = start.saturating_add(narrow(length.max(1))).min(self.length).max(start);
        let last = if end > start { self.shown(end - 1).end } else { self.shown(start).end };
        let first = self.shown(start).start;
        first..last.max(first)
    }

    /// The bytes that show one character of the original line.
    fn shown(&self, character: usize) -> Range<usize> {
        let mut skipped = 0;
        let mut added = 0;
        for (original, shown) in &self.replaced {
            if original.contains(&character) {
                return shown.clone();
            }
            if original.end <= character {
                skipped += original.len();
                added += MASK.chars().count();
            }
        }
        let index = character - skipped + added;
        let mut characters = self.text.char_indices().skip(index);
        let end = self.text.len();
        match characters.next() {
            Some((at, c)) => at..at + c.len_utf8(),
            None => end..end,
        }
    }
}

/// Control characters could do anything to a terminal; each becomes one character, so that columns stay. A tab is made
/// visible, as it may be what is wrong.
fn harmless(c: char) -> char {
    let is_bidi =
        matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    if c == '\t' {
        '→'
    } else if c.is_control() || is_bidi {
        '\u{FFFD}'
    } else {
        c
    }
}

/// A value in YAML goes on behind the blank or comma that ends it elsewhere, so all but the password of a URL runs to
/// the end of the line.
fn whole(line: &str, range: Range<usize>) -> Range<usize> {
    let rest = line.get(range.end..).unwrap_or_default();
    if rest.starts_with('@') { range } else { range.start..line.trim_end().len().max(range.end) }
}

/// Whether what stands at `range` only looks like a secret: the names under `secrets:`, or nothing but a variable.
fn is_harmless(line: &str, range: &Range<usize>) -> bool {
    let before = line.get(..range.start).unwrap_or_default().trim_end();
    let name = before.strip_suffix(':').unwrap_or(before).rsplit([' ', '{', ',']).next();
    name.is_some_and(only_refers)
        || is_variable(line.get(range.clone()).unwrap_or_default().trim_matches(['"', '\'', ' ']))
}

/// Keys of stack files that sound like a secret, and refer to one.
fn only_refers(name: &str) -> bool {
    matches!(name, "secrets" | "secret" | "credential_spec")
}

/// `$NAME`, `${NAME}` or `${NAME:?message}`: no default that could be the secret itself.
pub(super) fn is_variable(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let Some(rest) = text.strip_prefix('$') else { return false };
    match rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        None => is_name(rest),
        Some(inside) => {
            let name = inside.split_once('?').map_or(inside, |(name, _)| name);
            !inside.contains('$') && is_name(name.strip_suffix(':').unwrap_or(name))
        }
    }
}

/// Whether a line is (part of) the value of a secret whose name stands above it.
fn belongs_to_secret(
    line: &str,
    above: &[String],
    keys: &[Key<'_>],
    sensitivity: &Sensitivity,
) -> bool {
    let mut lines_above = above.iter().rev().filter(|line| !line.trim().is_empty());
    if let Some(flag) = lines_above.next().and_then(|line| list_item(line))
        && list_item(line).is_some()
        && announces_secret(flag.trim_matches(['"', '\'']), sensitivity)
    {
        return true;
    }
    keys.iter().enumerate().any(|(at, key)| {
        // The name of a secret in the stack file, or of a service, says nothing of what is below.
        let names_an_object = keys.len() == at + 2
            && keys.last().is_some_and(|section| SECTIONS.contains(&section.name));
        key.opens
            && !names_an_object
            && sensitivity.is_sensitive(key.name)
            && !only_refers(key.name)
    })
}

/// The keys at the top of a stack file below which objects have names of their own.
const SECTIONS: [&str; 5] = ["services", "networks", "volumes", "configs", "secrets"];

fn list_item(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("- ").map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, above: &str) -> String {
        let above: Vec<String> = above.lines().map(str::to_owned).collect();
        Line::new(line, &above, &Sensitivity::default()).text
    }

    #[test]
    fn values_of_secret_names_are_hidden() {
        for (line, expected) in [
            ("  DB_PASSWORD: hunter2", "  DB_PASSWORD: (sensitive)"),
            ("  - DB_PASSWORD=hunter2", "  - DB_PASSWORD=(sensitive)"),
            ("  DB_PASSWORD: two words, hunter2 # why", "  DB_PASSWORD: (sensitive)"),
            ("{API_KEY: abc}", "{API_KEY: (sensitive)"),
            ("credential_spec: {config: a}", "credential_spec: {config: a}"),
            ("url: postgres://me:pw@db/x", "url: postgres://me:(sensitive)@db/x"),
            ("  DB_PASSWORD: ${DB_PASSWORD:?say}", "  DB_PASSWORD: ${DB_PASSWORD:?say}"),
            ("  DB_PASSWORD: \"$PW\"", "  DB_PASSWORD: \"$PW\""),
            ("  DB_PASSWORD: ${PW:-hunter2}", "  DB_PASSWORD: (sensitive)"),
            ("secrets: [db, api]", "secrets: [db, api]"),
            ("image: nginx", "image: nginx"),
            ("a: \u{1b}[31mx\u{202e}", "a: \u{FFFD}[31mx\u{FFFD}"),
        ] {
            let shown = shown(line, "");
            assert!(shown.starts_with(expected) && !shown.contains("hunter2"), "{line}: {shown}");
        }
    }

    #[test]
    fn what_stands_under_a_secret_name_or_flag_is_hidden() {
        assert_eq!(shown("      hunter2", "a:\n    TOKEN: |\n      one\n"), "      (sensitive)");
        assert_eq!(shown("    hunter2", "a:\n  TOKEN:\n"), "    (sensitive)");
        assert_eq!(shown("  - hunter2", "command:\n  - --password\n"), "  (sensitive)");
        assert_eq!(shown("    file: db.txt", "secrets:\n  db:\n"), "    file: db.txt");
    }

    #[test]
    fn where_a_secret_is_kept_may_be_seen_and_its_data_may_not() {
        let below = "secrets:\n  db_password:\n";
        for line in ["    file: ./db.txt", "    external: true", "    name: shop_db"] {
            assert_eq!(shown(line, below), line);
        }
        assert_eq!(shown("    image: nginx", "services:\n  token:\n"), "    image: nginx");
        assert_eq!(shown("    content: hunter2", "secrets:\n  a:\n"), "    content: (sensitive)");
        assert_eq!(shown("      hunter2", "secrets:\n  a:\n    content: |\n"), "      (sensitive)");
        assert_eq!(shown("  a: {content: hunter2}", "secrets:\n"), "  a: {content: (sensitive)");
        assert_eq!(
            shown("secrets: {a: {content: hunter2}}", ""),
            "secrets: {a: {content: (sensitive)"
        );
        assert_eq!(shown("    content: hello", "configs:\n  a:\n"), "    content: hello");
    }

    #[test]
    fn below_a_secret_only_what_says_where_it_is_kept_may_be_seen() {
        for (line, above) in [
            ("    data: hunter2", "secrets:\n  api_token:\n"),
            ("    value: hunter2", "secrets:\n  api_token:\n"),
            ("    value: hunter2", "secrets:\n  plain:\n"),
            ("    \"content\": hunter2", "secrets:\n  db_password:\n"),
            ("    content : hunter2", "secrets:\n  a:\n"),
            ("  c: {\"content\": \"hunter2\"}", "secrets:\n"),
            ("  c: {file: a, content: hunter2}", "secrets:\n"),
            ("  c: {file: \"{\", content: hunter2}", "secrets:\n"),
            ("  c: {data: {name: hunter2}}", "secrets:\n"),
            ("    file: a, content: hunter2}", "secrets:\n  c: {external: true,\n"),
            ("  c: hunter2", "secrets:\n"),
            ("    hunter2", "secrets:\n  c:\n"),
            ("    : hunter2", "secrets:\n  c:\n    ? content\n"),
            ("    value: hunter2", "\"secrets\" :\n  c:\n# a remark: here\n"),
            ("      - x: hunter2", "secrets:\n  c:\n    data:\n"),
            ("    - hunter2", "secrets:\n  c:\n    data:\n"),
            ("  value: hunter2", "secrets:\n- name: c\n"),
            ("        hunter2", "secrets:\n  c:\n    value: |\n      BEGIN\n"),
            ("      \"data\": \"hunter2\"", "{\n  \"secrets\": {\n    \"c\": {\n"),
            ("{\"secrets\": {\"c\": {\"data\": \"hunter2\"}}}", ""),
            ("    hunter2 }", "secrets:\n  c: {file: a, content:\n"),
            ("      x: y }, content: hunter2", "secrets:\n  c: {\n    labels: {\n"),
        ] {
            let shown = shown(line, above);
            assert!(shown.contains(MASK) && !shown.contains("hunter2"), "{above}{line}: {shown}");
        }
        for (line, above) in [
            ("  plain: {file: ./t, name: x}", "secrets:\n"),
            ("    \"file\": ./db:2.txt", "secrets:\n  db_password:\n"),
            ("    content: ${PW:?say}", "secrets:\n  db_password:\n"),
            ("      com.example: x", "secrets:\n  db:\n    labels:\n"),
            ("      - db", "services:\n  a:\n    secrets:\n"),
            ("        source: db", "services:\n  a:\n    secrets:\n      - target: x\n"),
        ] {
            assert_eq!(shown(line, above), line, "{above}");
        }
    }

    #[test]
    fn columns_are_found_behind_and_inside_of_a_replacement() {
        let line = Line::new("é: {TOKEN: \"abc\", b: ü}", &[], &Sensitivity::default());
        let at = |column, length| line.text.get(line.bytes(column, length));
        assert_eq!(at(1, 1), Some("é"));
        assert!(line.text.contains(MASK), "{}", line.text);
        assert!(at(13, 2).is_some_and(|text| text.contains(MASK)), "{:?}", at(13, 2));
        assert_eq!(at(99, 5), Some(""));
    }
}
