//! Durations as Go reads them: `1m30s`, `500ms`, `1.5h`.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::model::nanos::Nanos;
use crate::spec::decode::{Cursor, Decode, Report};
use crate::spec::yaml::node::{Scalar, ScalarKind, Value};

/// A duration in Go's notation (Go `time.ParseDuration`): numbers with a unit, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub Nanos);

/// Reads a duration; `None` if it is none or does not fit.
pub fn parse(text: &str) -> Option<Nanos> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(Nanos(0));
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        total = total.checked_add(amount(number, unit_nanos(unit)?)?)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).ok().map(Nanos)
}

/// `number` (digits with at most one point) times `unit`, cut to whole nanoseconds.
fn amount(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(unit)?;
    let mut scale = unit;
    for digit in fraction.bytes().map(|byte| i128::from(byte - b'0')) {
        // Below a nanosecond nothing counts, and the exact sum of the digits above it is what Go computes.
        total = total.checked_add(scale * digit / 10)?;
        scale /= 10;
    }
    Some(total)
}

fn unit_nanos(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

impl Decode for Duration {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let hint = "a duration is a number with a unit: 10s, 1m30s, 500ms";
        let mut unread = Report::default();
        let Some(text) = String::decode(at, &mut unread) else {
            let finding = at.expected("a duration");
            report.push(match at.node.value {
                Value::Scalar(Scalar { kind: ScalarKind::Int(number), .. }) => finding.hint(
                    format!("write `{number}s` if seconds are meant; other units are ms, m and h"),
                ),
                _ => finding.hint(hint),
            });
            return None;
        };
        let parsed = parse(&text);
        if parsed.is_none() {
            let says = format_args!("is no duration: {}", at.quoted(&text));
            report.push(at.error("invalid-duration", says).hint(hint));
        }
        parsed.map(Self)
    }
}

inline_schema!(Duration, |_| json_schema!({
    "type": "string",
    "pattern": r"\$|^[-+]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$",
    "examples": ["10s", "1m30s"]
}));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let second = 1_000_000_000;
        let cases = [
            ("0", Some(0)),
            ("10s", Some(10 * second)),
            ("1m30s", Some(90 * second)),
            (".5s", Some(second / 2)),
            ("1.5h", Some(5400 * second)),
            ("-1s", Some(-second)),
            ("1us", Some(1_000)),
            ("1.0000000001s", Some(second)),
            ("0.333333333s", Some(333_333_333)),
            ("10", None),
            ("", None),
            ("-", None),
            (".s", None),
            ("1d", None),
            ("1m 30s", None),
            ("1.2.3s", None),
            ("9999999999h", None),
            ("99999999999999999999999999999999999999999999h", None),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text), nanos.map(Nanos), "{text}");
        }
    }
}
