//! Words and numbers as people read them; and what strangers wrote, fit to be shown.

use jiff::Timestamp;

use crate::diff::render::clean;

/// How long a reason may be, in characters.
pub const SENTENCE: usize = 500;
/// How long the words of a task that failed may be, in characters.
pub const ERROR: usize = 2000;

/// `text` without escape sequences, on one line, with other control characters spelled out, and at most `most`
/// characters long.
pub fn tidy(text: &str, most: usize) -> String {
    // Cut before it is cleaned: somebody may have written megabytes.
    let plain = without_escapes(text.chars().take(most.saturating_mul(4)));
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = clean(&line.chars().take(most).collect::<String>());
    let left = text.chars().count().saturating_sub(most);
    if left > 0 { format!("{shown}… ({left} more characters)") } else { shown }
}

/// Leaves out what would move a terminal's cursor or set its colours (ECMA-48, 5.4 and 5.6).
fn without_escapes(text: impl Iterator<Item = char>) -> String {
    let mut plain = String::new();
    let mut text = text.peekable();
    while let Some(c) = text.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match text.next() {
            Some('[') => while text.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
            Some(']' | 'P' | '_' | '^' | 'X') => {
                while let Some(c) = text.next() {
                    if c == '\u{7}' || (c == '\u{1b}' && text.next_if_eq(&'\\').is_some()) {
                        break;
                    }
                }
            }
            Some(_) | None => {}
        }
    }
    plain
}

/// How long ago it was, in its largest unit: `3 min`.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        5400..129_600 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// A revision as people say it: `4f2c9e1a0b7d` for `sha1:4f2c9e1a0b7d3c5e…`.
pub fn short(revision: &str) -> &str {
    let digits = revision.split_once(':').map_or(revision, |(_, digits)| digits);
    digits.get(..12).unwrap_or(digits)
}

/// `1 stack`, `3 stacks`.
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Bytes in their largest binary unit: `1.5 GiB`.
pub fn bytes(bytes: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (size, unit) in UNITS {
        if bytes >= size {
            let tenths = bytes.saturating_mul(10) / size;
            return match tenths % 10 {
                0 => format!("{} {unit}", tenths / 10),
                rest => format!("{}.{rest} {unit}", tenths / 10),
            };
        }
    }
    format!("{bytes} B")
}

/// Billionths of a processor in processors: `1.5`.
pub fn processors(nanos: i64) -> String {
    let hundredths = nanos / 10_000_000;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_write_is_one_short_line_without_control_characters() {
        let text = "\u{1b}[31mno\u{1b}[0m such\r\n\timage\u{1b}]0;title\u{7} <b>\u{0}\u{202e}";
        assert_eq!(tidy(text, 100), "no such image <b>\\u{0}\\u{202e}");
        assert_eq!(tidy("\u{1b}", 9), "");
        let long = tidy(&"é".repeat(64 * 1024), 10);
        assert_eq!(long, format!("{}… (65526 more characters)", "é".repeat(10)));
    }

    #[test]
    fn numbers_are_written_as_people_read_them() {
        assert_eq!([0, 1023, 1536, 2 << 30].map(bytes), ["0 B", "1023 B", "1.5 KiB", "2 GiB"]);
        let cores = [0, 500_000_000, 4_000_000_000, 1_250_000_000].map(processors);
        assert_eq!(cores, ["0", "0.5", "4", "1.25"]);
        let at = |second| Timestamp::from_second(second).unwrap();
        let ages = [0, 89, 90, 5400, 200_000].map(|second| age(at(0), at(second)));
        assert_eq!(ages, ["0 s", "89 s", "2 min", "2 h", "2 days"]);
        assert_eq!((short("sha1:4f2c9e1a0b7d3c5e"), short("ä")), ("4f2c9e1a0b7d", "ä"));
    }
}
