//! Schemas of keys that are read in a short form too, or in no type of their own.

use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

/// A key of a mapping: what may stand there, what it means, an example.
pub fn key(mut shape: Value, says: &str, example: impl Into<Value>) -> Value {
    if let Value::Object(fields) = &mut shape {
        fields.insert("description".to_owned(), says.into());
        fields.insert("examples".to_owned(), Value::Array(vec![example.into()]));
    }
    shape
}

/// A key with text.
pub fn text(says: &str, example: &str) -> Value {
    key(json!({ "type": "string" }), says, example)
}

/// A key that is true or false.
pub fn boolean(says: &str, example: bool) -> Value {
    key(json!({ "type": "boolean" }), says, example)
}

/// A key with a number.
pub fn integer(says: &str, example: u32) -> Value {
    key(json!({ "type": "integer" }), says, example)
}

/// A key with one of some words.
pub fn choice(words: &[&str], says: &str, example: &str) -> Value {
    key(json!({ "type": "string", "enum": words }), says, example)
}

/// A key with a list of such `items`.
pub fn list(items: &Value, says: &str, example: impl Into<Value>) -> Value {
    key(json!({ "type": "array", "items": items }), says, example)
}

/// A key with texts by name.
pub fn texts(says: &str, example: impl Into<Value>) -> Value {
    key(json!({ "type": "object", "additionalProperties": { "type": "string" } }), says, example)
}

/// A mapping of `keys`, of which those in `required` must be there.
pub fn mapping<'k>(required: &[&str], keys: impl IntoIterator<Item = (&'k str, Value)>) -> Schema {
    let properties: Map<String, Value> =
        keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut schema = json_schema!({
        "type": "object", "properties": properties, "additionalProperties": false
    });
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

/// A mapping, or something shorter that stands for one.
pub fn or_mapping(short: &Value, mapping: &Schema) -> Schema {
    json_schema!({ "anyOf": [short, mapping] })
}
