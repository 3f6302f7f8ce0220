//! Values in the proxy's own words.

use serde_json::{Map, Number, Value as Json};

use crate::spec::decode::{Cursor, Report};
use crate::spec::yaml::node::{Node, ScalarKind, Value};

/// YAML as JSON. What JSON has no number for is text, as dates are.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Sequence(items) => Json::Array(items.iter().map(json).collect()),
        Value::Mapping(mapping) => {
            let entries = mapping.entries.iter();
            Json::Object(
                entries.map(|entry| (entry.key.clone(), json(&entry.value))).collect::<Map<_, _>>(),
            )
        }
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => Json::Null,
            ScalarKind::Bool(value) => value.into(),
            ScalarKind::Int(value) => value.into(),
            ScalarKind::Uint(value) => value.into(),
            ScalarKind::Float(value) => {
                Number::from_f64(value).map_or_else(|| scalar.text.clone().into(), Json::Number)
            }
            ScalarKind::Timestamp | ScalarKind::String => scalar.text.clone().into(),
        },
    }
}

/// A list of modules, each a mapping that names itself by `key`.
pub fn modules(at: &Cursor<'_>, key: &str, report: &mut Report) -> Vec<Json> {
    let mut modules = Vec::new();
    for item in at.items(report).into_iter().flatten() {
        let name = item.node.get(key).map(|name| &name.value);
        match name {
            Some(Value::Scalar(name)) if name.kind == ScalarKind::String => {
                if holds_id(item.node) {
                    report.push(item.error("reserved-id", "has an `@id`, which skep sets itself"));
                }
                modules.push(json(item.node));
            }
            _ => {
                let finding = item.error("missing-key", format_args!("needs `{key}`"));
                report.push(finding.hint("write it as Caddy's JSON has it"));
            }
        }
    }
    modules
}

fn holds_id(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(_) => false,
        Value::Sequence(items) => items.iter().any(holds_id),
        Value::Mapping(mapping) => {
            mapping.entries.iter().any(|entry| entry.key == "@id" || holds_id(&entry.value))
        }
    }
}
