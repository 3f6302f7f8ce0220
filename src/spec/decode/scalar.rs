//! Decoding of scalars and lists.
//!
//! Text that looks like the wanted number or boolean is taken as one, because that is what a variable leaves
//! behind; the Compose specification allows it everywhere.

use super::{Cursor, Decode, Report};
use crate::spec::yaml::node::{Scalar, ScalarKind, Value};

fn scalar<'a>(at: &Cursor<'a>) -> Option<&'a Scalar> {
    match &at.node.value {
        Value::Scalar(scalar) => Some(scalar),
        Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

impl Decode for String {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let Some(scalar) = scalar(at) else {
            report.push(at.expected("text"));
            return None;
        };
        match scalar.kind {
            ScalarKind::String => Some(scalar.text.clone()),
            ScalarKind::Null => {
                report.push(at.expected("text"));
                None
            }
            ScalarKind::Bool(_)
            | ScalarKind::Int(_)
            | ScalarKind::Uint(_)
            | ScalarKind::Float(_)
            | ScalarKind::Timestamp => {
                report.push(at.expected("text").hint(format!("quote it: \"{}\"", scalar.text)));
                None
            }
        }
    }
}

impl Decode for bool {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let value = scalar(at).and_then(|scalar| match scalar.kind {
            ScalarKind::Bool(value) => Some(value),
            ScalarKind::String => parse_bool(&scalar.text),
            ScalarKind::Null
            | ScalarKind::Int(_)
            | ScalarKind::Uint(_)
            | ScalarKind::Float(_)
            | ScalarKind::Timestamp => None,
        });
        if value.is_none() {
            report.push(at.expected("true or false"));
        }
        value
    }
}

/// The booleans of YAML 1.1, which docker accepts where a variable stood
/// (docker/cli `cli/compose/loader/interpolate.go`).
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "y" | "yes" | "true" | "on" => Some(true),
        "n" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole numbers in the range of i64 only")]
fn integer(at: &Cursor<'_>) -> Option<i128> {
    let scalar = scalar(at)?;
    match scalar.kind {
        ScalarKind::Int(value) => Some(value.into()),
        ScalarKind::Uint(value) => Some(value.into()),
        ScalarKind::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e18 => {
            Some(i128::from(value as i64))
        }
        ScalarKind::String => scalar.text.parse::<i64>().ok().map(i128::from),
        ScalarKind::Null | ScalarKind::Bool(_) | ScalarKind::Float(_) | ScalarKind::Timestamp => {
            None
        }
    }
}

macro_rules! integers {
    ($($type:ty => $range:literal),*) => {$(
        impl Decode for $type {
            fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
                let Some(value) = integer(at) else {
                    report.push(at.expected("a whole number"));
                    return None;
                };
                let number = Self::try_from(value).ok();
                if number.is_none() {
                    let value = at.number(value);
                    let says = format_args!(concat!("must be ", $range, ", not {}"), value);
                    report.push(at.error("out-of-range", says));
                }
                number
            }
        }
    )*};
}

integers! {
    u64 => "zero or more",
    u32 => "between 0 and 4294967295",
    i64 => "a 64-bit number"
}

impl Decode for f64 {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let value = scalar(at).and_then(|scalar| match scalar.kind {
            ScalarKind::Float(value) => Some(value),
            ScalarKind::Int(_) | ScalarKind::Uint(_) | ScalarKind::String => {
                scalar.text.replace('_', "").parse().ok()
            }
            ScalarKind::Null | ScalarKind::Bool(_) | ScalarKind::Timestamp => None,
        });
        let value = value.filter(|value: &f64| value.is_finite());
        if value.is_none() {
            report.push(at.expected("a number"));
        }
        value
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        Some(at.items(report)?.filter_map(|item| item.get(report)).collect())
    }
}

/// A scalar as text, the way Go prints the value: `0440` is `288`, `3.10` is `3.1`, `true` is `true`.
/// `None` for null, lists and mappings. Dates stay as they were written.
pub fn go_text(at: &Cursor<'_>) -> Option<String> {
    let scalar = scalar(at)?;
    match scalar.kind {
        ScalarKind::Null => None,
        ScalarKind::Bool(value) => Some(value.to_string()),
        ScalarKind::Int(value) => Some(value.to_string()),
        ScalarKind::Uint(value) => Some(value.to_string()),
        ScalarKind::Float(value) => Some(go_float(value)),
        ScalarKind::Timestamp | ScalarKind::String => Some(scalar.text.clone()),
    }
}

/// A number as Go's `%v` prints it: shortest digits, with an exponent below 1e-4 and from 1e6 on.
fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let Ok(exponent) = exponent.parse::<i32>() else { return scientific };
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_go_prints_them() {
        let cases = [
            (1_234_567.5, "1.2345675e+06"),
            (1e6, "1e+06"),
            (1e21, "1e+21"),
            (100_000.5, "100000.5"),
            (999_999.0, "999999"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (3.1, "3.1"),
            (-0.0, "-0"),
            (18_446_744_073_709_551_616.0, "1.8446744073709552e+19"),
        ];
        for (value, text) in cases {
            assert_eq!(go_float(value), text);
        }
    }
}
