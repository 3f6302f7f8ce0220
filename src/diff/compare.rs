//! The comparison itself: two JSON values and a shape in, the fields that differ out.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::model::desired::FieldPath;

use super::difference::{FieldDiff, ObjectDiff};
use super::fields::format::{Format, Written};
use super::fields::shape::Shape;
use super::fields::{Keyed, key_lists};

/// What differs between two objects of one shape, except within `ignore`.
pub(super) fn compare(
    shape: &Shape,
    live: Value,
    desired: Value,
    ignore: &[FieldPath],
) -> ObjectDiff {
    let Keyed { before, after, order: _ } = key_lists(shape, live, desired);
    let mut walk = Walk { shape, ignore, path: Vec::new(), diff: ObjectDiff::default() };
    walk.value(Some(&before), Some(&after));
    let ObjectDiff { mut fields, mut own_labels, unchanged } = walk.diff;
    fields.sort_by(|a, b| a.path.cmp(&b.path));
    own_labels.sort_by(|a, b| a.path.cmp(&b.path));
    ObjectDiff { fields, own_labels, unchanged }
}

/// The Engine's JSON of a spec of ours.
pub(super) fn to_json(spec: &impl Serialize) -> Value {
    // Specs are plain structs, lists and maps with text keys, which always have a JSON form.
    serde_json::to_value(spec).unwrap_or_default()
}

struct Walk<'a> {
    shape: &'a Shape,
    ignore: &'a [FieldPath],
    path: Vec<String>,
    diff: ObjectDiff,
}

impl Walk<'_> {
    fn value(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let before = before.filter(|value| !value.is_null());
        let after = after.filter(|value| !value.is_null());
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        if (before.is_none() && after.is_none()) || self.shape.is_uncompared(&path) {
            return;
        }
        if self.shape.is_whole(&path, before, after) {
            return self.leaf(before, after);
        }
        let (left, right) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
        let keys = left.into_iter().chain(right).flat_map(|map| map.keys());
        for key in keys.collect::<BTreeSet<_>>() {
            self.path.push(key.clone());
            self.value(left.and_then(|map| map.get(key)), right.and_then(|map| map.get(key)));
            self.path.pop();
        }
    }

    fn leaf(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let is_own_label =
            matches!(path[..], ["Labels", label] if crate::model::labels::is_own(label));
        if before == after {
            if !is_own_label {
                self.diff.unchanged += 1;
            }
            return;
        }
        let found = self.shape.find(&path);
        let field = FieldPath(found.path);
        if self.ignore.iter().any(|ignored| field.is_within(ignored)) {
            return;
        }
        let write = |value: &Value| self.write(&path, found.format, value);
        let diff = FieldDiff {
            path: field,
            impact: (self.shape.impact)(&path),
            secrecy: found.secrecy,
            before: before.map(write),
            after: after.map(write),
        };
        match path[..] {
            ["Labels", label] if crate::model::labels::is_stamp(label) => {}
            _ if is_own_label => self.diff.own_labels.push(diff),
            _ => self.diff.fields.push(diff),
        }
    }

    fn write(&self, path: &[&str], format: Option<Format>, value: &Value) -> Written {
        match format {
            Some(format) if !format.is_atomic() => {
                super::item::write(self.shape, path, format, value)
            }
            Some(format) => format.write(value),
            None => Format::Text.write(value),
        }
    }
}
