//! What may stand before a colon.

use super::node::{Node, Scalar, ScalarKind, Value};

/// A key of a mapping.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The merge key `<<`.
    Merge,
    /// Any other key.
    Text(String),
}

/// The key that a value makes.
///
/// # Errors
/// What is wrong, and what to do, for anything but text: docker's client stops at other keys with "unsupported type:
/// map[interface {}]".
pub(super) fn key(node: Node) -> Result<Key, (&'static str, String)> {
    match node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::String, .. }) => Ok(Key::Text(text)),
        Value::Scalar(Scalar { text, .. }) if text.is_empty() => {
            Err(("a key is missing", "write one before the colon".to_owned()))
        }
        Value::Scalar(Scalar { text, kind, .. }) => {
            let message = match kind {
                ScalarKind::Null => "null cannot be a key",
                ScalarKind::Bool(_) => "a boolean cannot be a key",
                ScalarKind::Timestamp => "a date cannot be a key",
                _ => "a number cannot be a key",
            };
            Err((message, format!("write it in quotes: \"{text}\"")))
        }
        Value::Mapping(_) => Err((
            "a mapping cannot be a key",
            "put a text that begins with `{` in quotes, such as \"{{.Node.Hostname}}\"".to_owned(),
        )),
        Value::Sequence(_) => {
            Err(("a list cannot be a key", "put a text that begins with `[` in quotes".to_owned()))
        }
    }
}
