//! A whole item of a list, such as a mount, in one line: what it is, then what is special about it.

use serde_json::Value;

use crate::model::labels;

use super::fields::format::{Format, Written};
use super::fields::shape::Shape;

/// `value`, the item at `path`, in one line.
pub(super) fn write(shape: &Shape, path: &[&str], format: Format, value: &Value) -> Written {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let number = |pointer: &str| value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default();
    let (head, told): (String, &[&str]) = match format {
        Format::MountItem => {
            let source = text("/Source");
            let gap = if source.is_empty() { "" } else { " " };
            (format!("{}{gap}{source}", text("/Type")), &["Type", "Source", "Target"])
        }
        Format::FileItem => {
            let name = format!("{}{}", text("/SecretName"), text("/ConfigName"));
            (name, &["SecretName", "ConfigName", "SecretID", "ConfigID", "Runtime"])
        }
        Format::NetworkItem => ("attached".to_owned(), &["Target"]),
        Format::UlimitItem => {
            (format!("{}:{}", number("/Soft"), number("/Hard")), &["Name", "Soft", "Hard"])
        }
        _ => (text("/Subnet").to_owned(), &["Subnet"]),
    };
    let mut parts = Vec::new();
    let mut path: Vec<&str> = path.to_vec();
    let item = shape.find(&path).path;
    if let Value::Object(map) = value {
        for (key, child) in map.iter().filter(|(key, _)| !told.contains(&key.as_str())) {
            path.push(key);
            details(shape, &item, &mut path, child, &mut parts);
            path.pop();
        }
    }
    Written::Text(if parts.is_empty() { head } else { format!("{head} ({})", parts.join(", ")) })
}

fn details(
    shape: &Shape,
    item: &str,
    path: &mut Vec<&str>,
    value: &Value,
    parts: &mut Vec<String>,
) {
    let found = shape.find(path);
    let name = found.path.strip_prefix(item).unwrap_or(&found.path).trim_start_matches('.');
    if path.last() == Some(&labels::NAMESPACE) {
        // On every volume of every stack.
        return;
    }
    if let (None, Value::Object(map)) = (found.format, value) {
        for (key, child) in map {
            let mut path = path.clone();
            path.push(key);
            details(shape, item, &mut path, child, parts);
        }
    } else if let Some(written) = detail(name, found.format.unwrap_or(Format::Text), value) {
        parts.push(written);
    }
}

/// `name=value`; nothing for what is as everyone has it.
fn detail(name: &str, format: Format, value: &Value) -> Option<String> {
    let text = match format.write(value) {
        Written::Bool(true) => return Some(name.to_owned()),
        Written::Bool(false) => "false".to_owned(),
        Written::Integer(integer) => integer.to_string(),
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
        Written::List(items) => items.join(" "),
    };
    // In quotes a secret is masked up to its end, whatever is in it.
    let text = if text.contains([' ', ',', '=', '"', '\'']) { format!("{text:?}") } else { text };
    let usual = matches!((name, text.as_str()), ("uid" | "gid", "0") | ("mode", "0444"));
    (!usual && name != "target" && !value.is_null()).then(|| format!("{name}={text}"))
}
