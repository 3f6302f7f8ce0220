//! Values that may be written in two ways, in the one in which they merge.

use indexmap::IndexMap;

use crate::model::place::Place;
use crate::spec::yaml::node::{Entry, Mapping, Node, Scalar, ScalarKind, Value};

/// A list of `name=value` or of names as a mapping; a name alone has no value.
///
/// # Errors
/// The value itself if it is no such list, so that reading it says what is wrong.
pub(super) fn as_pairs(value: Value) -> Result<Mapping, Value> {
    let list = match value {
        Value::Mapping(mapping) => return Ok(mapping),
        Value::Sequence(list) => list,
        Value::Scalar(_) => return Err(value),
    };
    if list.iter().any(|item| !matches!(item.value, Value::Scalar(_))) {
        return Err(Value::Sequence(list));
    }
    let mut mapping: IndexMap<String, Entry> = IndexMap::new();
    for item in list {
        let Value::Scalar(Scalar { text, interpolated, .. }) = &item.value else { continue };
        let (key, scalar) = match text.split_once('=') {
            Some((key, value)) => {
                let scalar = Scalar::new(value, ScalarKind::String);
                (key.to_owned(), Scalar { interpolated: *interpolated, ..scalar })
            }
            None => (text.clone(), Scalar::new("", ScalarKind::Null)),
        };
        let value = Node { value: Value::Scalar(scalar), ..item.clone() };
        mapping.insert(key.clone(), Entry { key, key_place: item.place, value });
    }
    Ok(Mapping { entries: mapping.into_values().collect() })
}

/// A list of services to wait for as a mapping that says in full what a list means: started, and declared.
///
/// # Errors
/// As [`as_pairs`].
pub(super) fn as_needs(value: Value) -> Result<Mapping, Value> {
    let is_list = matches!(value, Value::Sequence(_));
    let mut needs = as_pairs(value)?;
    if is_list {
        for need in &mut needs.entries {
            let node = &mut need.value;
            let field = |key: &str, text: &str, kind| Entry {
                key: key.to_owned(),
                key_place: node.place.clone(),
                value: Node { value: Value::Scalar(Scalar::new(text, kind)), ..node.clone() },
            };
            let entries = vec![
                field("condition", "service_started", ScalarKind::String),
                field("required", "true", ScalarKind::Bool(true)),
            ];
            node.value = Value::Mapping(Mapping { entries });
        }
    }
    Ok(needs)
}

/// Entries of `/etc/hosts` as a list of `name=address`.
pub(super) fn as_hosts(value: Value) -> Value {
    let Value::Mapping(mapping) = value else { return value };
    let mut list = Vec::new();
    for Entry { key, key_place: _, value } in mapping.entries {
        let addresses = match value {
            Node { value: Value::Sequence(addresses), .. } => addresses,
            address => vec![address],
        };
        for mut address in addresses {
            if let Value::Scalar(scalar) = &mut address.value {
                *scalar = Scalar::new(format!("{key}={}", scalar.text), ScalarKind::String);
            }
            list.push(address);
        }
    }
    Value::Sequence(list)
}

/// A single value, written at `place`, as a list of one.
pub(super) fn as_list(value: Value, place: Place) -> Value {
    match value {
        Value::Sequence(_) => value,
        Value::Scalar(_) | Value::Mapping(_) => {
            Value::Sequence(vec![Node { value, place, used_at: None, tag: None }])
        }
    }
}
