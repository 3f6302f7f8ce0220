//! Sizes in bytes as docker reads them: `64m`, `1.5g`, `512kb`, always powers of 1024.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Report, go_text};

/// A number of bytes (docker/go-units `RAMInBytes`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub i64);

/// Reads a size; `None` if it is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "docker computes sizes in floating point too, and cuts the fraction"
)]
pub fn parse(text: &str) -> Option<i64> {
    let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ')?;
    let (number, suffix) = text.split_at(end + 1);
    let number = number.strip_suffix(' ').unwrap_or(number);
    if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+') {
        return None;
    }
    let value: f64 = number.parse().ok()?;
    let suffix = suffix.to_lowercase();
    let factor: i64 =
        match suffix.strip_suffix("ib").or_else(|| suffix.strip_suffix('b')).unwrap_or(&suffix) {
            "" if suffix == "ib" => return None,
            "" => 1,
            "k" => 1 << 10,
            "m" => 1 << 20,
            "g" => 1 << 30,
            "t" => 1 << 40,
            "p" => 1 << 50,
            _ => return None,
        };
    let bytes = value * factor as f64;
    (bytes < 9.2e18).then_some(bytes as i64)
}

impl Decode for ByteSize {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let hint = "a size is a number with an optional unit: 512m, 1.5g, 64kb";
        let Some(text) = go_text(at) else {
            report.push(at.expected("a size").hint(hint));
            return None;
        };
        let parsed = parse(&text);
        if parsed.is_none() {
            let finding =
                at.error("invalid-size", format_args!("is no size: {}", at.quoted(&text)));
            let is_short = text.strip_suffix('i').is_some_and(|text| parse(text).is_some());
            report.push(match Some(&text).filter(|_| is_short && !at.node.holds_variable()) {
                Some(text) => {
                    finding.hint(format!("write {text}b; docker counts in powers of 1024 anyway"))
                }
                None => finding.hint(hint),
            });
        }
        parsed.map(Self)
    }
}

inline_schema!(ByteSize, |_| json_schema!({
    "type": ["string", "integer"],
    "pattern": r"\$|^[0-9.]+ ?([bB]|[kKmMgGtTpP]([iI]?[bB])?)?$",
    "examples": ["512m", "1.5g"]
}));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let cases = [
            ("10M", Some(10_485_760)),
            ("10m", Some(10_485_760)),
            ("1.5g", Some(1_610_612_736)),
            ("64mb", Some(67_108_864)),
            ("1kb", Some(1024)),
            ("50b", Some(50)),
            ("1gib", Some(1_073_741_824)),
            ("1 G", Some(1_073_741_824)),
            ("512", Some(512)),
            ("10Mi", None),
            ("m", None),
            ("", None),
            ("-1m", None),
            ("1x", None),
            ("1bb", None),
            ("1ib", None),
            ("1e300g", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text), bytes, "{text}");
        }
    }
}
