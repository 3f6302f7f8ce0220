//! Copies a value to where an alias, or an extended service, is used.

use super::node::{Entry, Mapping, Node, Value};
use crate::model::place::Place;

/// A copy of `node` whose every part says that it is used at `place`. Where aliases nest, the outermost counts: it
/// tells which service is meant.
pub(in crate::spec) fn used_at(node: &Node, place: &Place) -> Node {
    let value = match &node.value {
        Value::Scalar(scalar) => Value::Scalar(scalar.clone()),
        Value::Sequence(items) => {
            Value::Sequence(items.iter().map(|item| used_at(item, place)).collect())
        }
        Value::Mapping(Mapping { entries }) => Value::Mapping(Mapping {
            entries: entries
                .iter()
                .map(|Entry { key, key_place, value }| Entry {
                    key: key.clone(),
                    key_place: key_place.clone(),
                    value: used_at(value, place),
                })
                .collect(),
        }),
    };
    let used_at = Some(Box::new(place.clone()));
    Node { value, place: node.place.clone(), used_at, tag: node.tag.clone() }
}
