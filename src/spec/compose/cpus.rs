//! Shares of processor cores: `0.5`, `2`, `1/4`.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Report, go_text};

/// A number of cores, in billionths (docker/cli `opts.ParseCPUs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpus(pub i64);

/// Reads a number of cores exactly: a decimal number or a fraction, to a billionth of a core.
pub fn parse(text: &str) -> Option<i64> {
    let (over, under) = match text.split_once('/') {
        Some((over, under)) => (decimal(over)?, under.parse::<i128>().ok().filter(|n| *n > 0)?),
        None => (decimal(text)?, 1),
    };
    let (digits, places) = over;
    let scaled = digits.checked_mul(1_000_000_000)?;
    let divisor = under.checked_mul(10_i128.checked_pow(places)?)?;
    (scaled % divisor == 0).then(|| i64::try_from(scaled / divisor).ok()).flatten()
}

/// The digits of a decimal number and how many of them stand after the point.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, i64::from(exponent.parse::<i16>().ok()?)),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = i64::try_from(fraction.len()).ok()? - exponent;
    match u32::try_from(places) {
        Ok(places) => Some((digits, places)),
        Err(_) => Some((
            digits.checked_mul(10_i128.checked_pow(u32::try_from(places.unsigned_abs()).ok()?)?)?,
            0,
        )),
    }
}

impl Decode for Cpus {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = go_text(at) else {
            report.push(at.expected("a number of cores").hint("such as \"0.5\""));
            return None;
        };
        // What a blank variable leaves; docker then sets no number.
        if text.is_empty() {
            return None;
        }
        let parsed = parse(&text);
        if parsed.is_none() {
            let says = format_args!("is no number of cores: {}", at.quoted(&text));
            report
                .push(at.error("invalid-cpus", says).hint(
                    "use a number with at most nine digits after the point, such as \"0.5\"",
                ));
        }
        parsed.map(Self)
    }
}

inline_schema!(Cpus, |_| json_schema!({ "type": ["string", "number"], "examples": ["0.5", "2"] }));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_exact_billionths() {
        let cases = [
            ("0.5", Some(500_000_000)),
            ("2", Some(2_000_000_000)),
            (".25", Some(250_000_000)),
            ("0.001", Some(1_000_000)),
            ("1/4", Some(250_000_000)),
            ("1e-1", Some(100_000_000)),
            ("5e-05", Some(50_000)),
            ("0.0000000001", None),
            ("1/3", None),
            ("1/0", None),
            ("", None),
            ("half", None),
            ("1e99", None),
            ("1e-999999999", None),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text), nanos, "{text}");
        }
    }
}
