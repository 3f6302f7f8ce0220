//! Values of the Engine's JSON, written as people write them in a stack file.

use std::fmt;

use base64::Engine as _;
use serde_json::Value;

use crate::model::nanos::Nanos;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diff) enum Format {
    /// As it is.
    Text,
    /// A list of texts.
    Texts,
    /// A reference, which holds no secret.
    Open,
    /// A list of expressions, which hold no secrets.
    OpenTexts,
    /// Yes or no.
    Bool,
    /// A whole number.
    Number,
    /// Nanoseconds, as `1m30s`.
    Duration,
    /// Bytes, as `256M`.
    Bytes,
    /// Billionths of a core, as `0.5`.
    Cpus,
    /// Permission bits, as `0444`.
    Octal,
    /// A 32-bit fraction.
    Ratio,
    /// `NAME=value`, of which the value.
    Env,
    /// `address host`, of which the address.
    Host,
    /// A base64 seccomp profile: its size.
    Profile,
    /// Base64 data: its size.
    Base64,
    /// That something is there.
    Marker,
    /// User-defined resources, as `gpu=2`.
    Resources,
    /// Preferences, as `spread=node.labels.zone`.
    Spread,
    /// Options that are a key or a key and a value, as `uid=1`.
    Options,
    /// Platforms, as `linux/x86_64`.
    Platforms,
    /// A whole mount.
    MountItem,
    /// A whole reference to a config or secret.
    FileItem,
    /// A whole attachment to a network.
    NetworkItem,
    /// A published port, as `8080:80/tcp ingress`.
    PortItem,
    /// A whole limit, as `1024:2048`.
    UlimitItem,
    /// A whole address pool.
    SubnetItem,
}

/// A value as people write it, sensitive parts still in it: it neither prints nor serialises.
#[derive(Clone, PartialEq)]
pub(in crate::diff) enum Written {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A fraction.
    Number(f64),
    /// Text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl Written {
    /// Adds bytes to `bytes` that no other value has, for a keyed hash.
    pub(in crate::diff) fn write_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Bool(value) => bytes.extend([b'b', u8::from(*value)]),
            Self::Integer(value) => {
                bytes.push(b'i');
                bytes.extend(value.to_be_bytes());
            }
            Self::Number(value) => {
                bytes.push(b'n');
                bytes.extend(value.to_be_bytes());
            }
            Self::Text(text) => {
                bytes.push(b't');
                bytes.extend(text.as_bytes());
            }
            Self::List(items) => {
                bytes.push(b'l');
                for item in items {
                    bytes.extend((item.len() as u64).to_be_bytes());
                    bytes.extend(item.as_bytes());
                }
            }
        }
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written(…)")
    }
}

impl Format {
    /// Whether a value of this format is one thing, whatever it consists of.
    pub(in crate::diff) fn is_atomic(self) -> bool {
        !matches!(self, Self::MountItem | Self::FileItem | Self::NetworkItem | Self::UlimitItem)
            && self != Self::SubnetItem
    }

    /// `value` as people write it; values that do not fit the format are written as JSON has them.
    pub(in crate::diff) fn write(self, value: &Value) -> Written {
        let written = match self {
            Self::Duration => value.as_i64().map(|nanos| Written::Text(Nanos(nanos).to_string())),
            Self::Bytes => value.as_i64().map(|bytes| Written::Text(size(bytes))),
            Self::Cpus => value.as_i64().map(|nanos| Written::Text(cpus(nanos))),
            Self::Octal => value.as_u64().map(|mode| Written::Text(format!("{mode:04o}"))),
            Self::Ratio => ratio(value),
            Self::Env => value.as_str().map(|text| {
                let value = text.split_once('=').map_or("null", |(_, value)| value);
                Written::Text(value.to_owned())
            }),
            Self::Host => value
                .as_str()
                .map(|text| Written::Text(text.split(' ').next().unwrap_or_default().to_owned())),
            Self::Profile | Self::Base64 => {
                value.as_str().map(|text| Written::Text(decoded_size(text)))
            }
            Self::Marker => Some(Written::Text("set".to_owned())),
            Self::Resources => each(value, resource),
            Self::Spread => each(value, |item| {
                Some(format!("spread={}", item.pointer("/Spread/SpreadDescriptor")?.as_str()?))
            }),
            Self::Options => each(value, |item| {
                let parts: Vec<String> = item.as_array()?.iter().map(one).collect();
                Some(parts.join("="))
            }),
            Self::Platforms => each(value, |item| {
                let part = |name| item.get(name).and_then(Value::as_str).unwrap_or("any");
                Some(format!("{}/{}", part("OS"), part("Architecture")))
            }),
            Self::PortItem => port(value).map(Written::Text),
            Self::Text
            | Self::Texts
            | Self::Open
            | Self::OpenTexts
            | Self::Bool
            | Self::Number
            | Self::MountItem
            | Self::FileItem
            | Self::NetworkItem
            | Self::UlimitItem
            | Self::SubnetItem => None,
        };
        written.unwrap_or_else(|| plain(value))
    }
}

fn plain(value: &Value) -> Written {
    match value {
        Value::Bool(yes) => Written::Bool(*yes),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Written::Integer(integer),
            (None, Some(float)) if !number.is_u64() => Written::Number(float),
            _ => Written::Text(number.to_string()),
        },
        Value::String(text) => Written::Text(text.clone()),
        Value::Array(items) => Written::List(items.iter().map(one).collect()),
        Value::Null | Value::Object(_) => Written::Text(value.to_string()),
    }
}

fn one(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn each(list: &Value, write: impl Fn(&Value) -> Option<String>) -> Option<Written> {
    let items = list.as_array()?.iter();
    Some(Written::List(items.map(|item| write(item).unwrap_or_else(|| one(item))).collect()))
}

/// Compose's units, powers of 1024; the largest that divides evenly.
fn size(bytes: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    for (unit, name) in UNITS {
        if bytes != 0 && bytes % unit == 0 {
            return format!("{}{name}", bytes / unit);
        }
    }
    format!("{bytes}B")
}

fn cpus(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, rest) =
        (nanos.unsigned_abs() / 1_000_000_000, nanos.unsigned_abs() % 1_000_000_000);
    let digits = format!("{rest:09}");
    match digits.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        rest => format!("{sign}{whole}.{rest}"),
    }
}

/// The Engine has 32 bits of it: through JSON's 64 they would read `0.10000000149011612`.
fn ratio(value: &Value) -> Option<Written> {
    let wide = value.as_f64()?;
    #[expect(clippy::cast_possible_truncation, reason = "it came from 32 bits")]
    let narrow = (wide as f32).to_string();
    narrow.parse().ok().map(Written::Number)
}

fn decoded_size(base64: &str) -> String {
    match base64::engine::general_purpose::STANDARD.decode(base64) {
        Ok(bytes) => format!("{} bytes", bytes.len()),
        Err(_) => format!("{} bytes", base64.len()),
    }
}

fn resource(item: &Value) -> Option<String> {
    let spec =
        ["NamedResourceSpec", "DiscreteResourceSpec"].iter().find_map(|kind| item.get(kind))?;
    let kind = spec.get("Kind").and_then(Value::as_str).unwrap_or_default();
    Some(format!("{kind}={}", spec.get("Value").map(one).unwrap_or_default()))
}

fn port(item: &Value) -> Option<String> {
    let number = |name| item.get(name).and_then(Value::as_u64).unwrap_or_default();
    let text = |name| item.get(name).and_then(Value::as_str).unwrap_or_default();
    item.as_object()?;
    let inside = format!("{}/{}", number("TargetPort"), text("Protocol"));
    let mut written = match number("PublishedPort") {
        0 => inside,
        published => format!("{published}:{inside}"),
    };
    for part in [text("PublishMode"), text("Name")] {
        if !part.is_empty() {
            written += " ";
            written += part;
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_people_write_them() {
        let text = |text: &str| Written::Text(text.to_owned());
        let list = |items: &[&str]| Written::List(items.iter().map(|&i| i.to_owned()).collect());
        let port = json!({"TargetPort": 80, "PublishedPort": 8080, "Protocol": "tcp", "PublishMode": "ingress"});
        let gpus = json!([{"NamedResourceSpec": {"Kind": "gpu", "Value": "UUID1"}},
            {"DiscreteResourceSpec": {"Kind": "ssd", "Value": 2}}]);
        let cases = [
            (Format::Duration, json!(90_000_000_000_i64), text("1m30s")),
            (Format::Bytes, json!(268_435_456), text("256M")),
            (Format::Bytes, json!(1_610_612_736), text("1536M")),
            (Format::Bytes, json!(1_000), text("1000B")),
            (Format::Bytes, json!(0), text("0B")),
            (Format::Cpus, json!(500_000_000), text("0.5")),
            (Format::Cpus, json!(2_000_000_000), text("2")),
            (Format::Octal, json!(0o444), text("0444")),
            (Format::Ratio, json!(f64::from(0.1_f32)), Written::Number(0.1)),
            (Format::Env, json!("A=b=c"), text("b=c")),
            (Format::Env, json!("A"), text("null")),
            (Format::Host, json!("10.0.0.1 db"), text("10.0.0.1")),
            (Format::Base64, json!("aGVsbG8="), text("5 bytes")),
            (Format::PortItem, port, text("8080:80/tcp ingress")),
            (Format::Resources, gpus, list(&["gpu=UUID1", "ssd=2"])),
            (Format::Platforms, json!([{"OS": "linux"}]), list(&["linux/any"])),
            (Format::Number, json!(u64::MAX), text("18446744073709551615")),
            (Format::Duration, json!("odd"), text("odd")),
        ];
        for (format, value, expected) in cases {
            assert!(format.write(&value) == expected, "{format:?} {value}");
        }
    }
}
