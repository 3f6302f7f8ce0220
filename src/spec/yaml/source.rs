//! The bytes of a file as text that may be YAML at all.

use std::sync::Arc;

use super::budget::Budget;
use crate::model::finding::Finding;
use crate::model::place::Place;

/// The text of a file without its byte-order mark.
///
/// # Errors
/// A finding when the file is too large, not UTF-8, or holds characters that YAML forbids.
pub(super) fn text<'a>(
    bytes: &'a [u8],
    file: &Arc<str>,
    budget: &Budget,
) -> Result<&'a str, Box<Finding>> {
    if bytes.len() as u64 > budget.bytes {
        return Err(Box::new(too_large(file, budget.bytes)));
    }
    let refuse = |place, message: String, hint| {
        Err(Box::new(Finding::error("yaml-encoding", Some(place), message).hint(hint)))
    };
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        let message = "the file is written in UTF-16".to_owned();
        return refuse(Place::file(Arc::clone(file)), message, "save it as UTF-8");
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => without_mark(text),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let place = place_after(without_mark(&String::from_utf8_lossy(valid)), file);
            return refuse(place, "a byte that is not UTF-8".to_owned(), "save the file as UTF-8");
        }
    };
    // Bytes are looked at faster than characters, and most files have no others.
    let plain = text.bytes().position(|byte| !is_plain(byte)).unwrap_or(text.len());
    let mut rest = text.get(plain..).unwrap_or(text).char_indices();
    match rest.find(|(_, c)| !is_allowed(*c)) {
        None => Ok(text),
        Some((at, c)) => refuse(
            place_after(text.get(..plain + at).unwrap_or_default(), file),
            format!("the control character U+{:04X} cannot stand in YAML", u32::from(c)),
            "remove it, or write it as an escape in double quotes",
        ),
    }
}

/// The finding for a file beyond the limit; readers that check the size before they read report the same.
pub fn too_large(file: &Arc<str>, limit: u64) -> Finding {
    Finding::error(
        "yaml-too-large",
        Place::file(Arc::clone(file)),
        format!("the file is larger than {limit} bytes"),
    )
    .hint("a stack file this large is most likely the wrong file")
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Whether a byte is a character of ASCII that is allowed.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')
}

/// YAML's `c-printable`, which go-yaml insists on.
fn is_allowed(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' => true,
        '\0'..'\u{A0}' | '\u{FFFE}' | '\u{FFFF}' => false,
        _ => true,
    }
}

fn place_after(before: &str, file: &Arc<str>) -> Place {
    let line = before.bytes().filter(|byte| *byte == b'\n').count();
    let column = before.chars().rev().take_while(|c| *c != '\n').count();
    let from_one = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
    Place { file: Arc::clone(file), line: from_one(line), column: from_one(column), length: 1 }
}
