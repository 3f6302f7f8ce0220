//! What is to be written when someone else owns some of the fields.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::model::desired::FieldPath;
use crate::model::service::ServiceSpec;

use super::compare::to_json;
use super::fields::shape::Shape;
use super::fields::{Keyed, SERVICE, key_lists, unkey_lists};

/// The declared spec with every field within `ignore`, and `ForceUpdate`, as the live service has it.
///
/// Compare it with the same `ignore`: a structure of the Engine that only the declaration has comes with all of its
/// fields. Items of a list that the live service has, too, are in its order. An item that only one side has is taken from
/// the live side only if it is ignored as a whole. The mode of a service cannot be changed and is never ignored.
pub fn with_ignored(
    desired: &ServiceSpec,
    live: &ServiceSpec,
    ignore: &[FieldPath],
) -> Result<ServiceSpec, serde_json::Error> {
    let mut merged = if ignore.is_empty() {
        desired.clone()
    } else {
        let keyed = key_lists(&SERVICE, to_json(live), to_json(desired));
        let Keyed { before, after, order } = keyed;
        let merge = Merge { shape: &SERVICE, ignore };
        let mut json = merge.value(&mut Vec::new(), Some(&before), Some(&after));
        let mut json = json.take().unwrap_or_default();
        unkey_lists(&SERVICE, &mut json, &order);
        serde_json::from_value(json)?
    };
    merged.task_template.force_update = live.task_template.force_update;
    Ok(merged)
}

struct Merge<'a> {
    shape: &'a Shape,
    ignore: &'a [FieldPath],
}

impl Merge<'_> {
    fn value(
        &self,
        path: &mut Vec<String>,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Option<Value> {
        let before = before.filter(|value| !value.is_null());
        let after = after.filter(|value| !value.is_null());
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if self.shape.is_whole(&names, before, after) {
            let field = FieldPath(self.shape.find(&names).path);
            let is_ignored = self.ignore.iter().any(|ignored| field.is_within(ignored));
            return if is_ignored { before } else { after }.cloned();
        }
        let (left, right) = (before.and_then(Value::as_object), after.and_then(Value::as_object));
        let keys = left.into_iter().chain(right).flat_map(|map| map.keys());
        let mut merged = Map::new();
        for key in keys.collect::<BTreeSet<_>>() {
            path.push(key.clone());
            let (before, after) = (left.and_then(|m| m.get(key)), right.and_then(|m| m.get(key)));
            if let Some(value) = self.value(path, before, after) {
                merged.insert(key.clone(), value);
            }
            path.pop();
        }
        // A structure that only the declaration has goes with the last of its fields that is not ignored.
        let was_empty = right.is_some_and(Map::is_empty);
        let is_kept = !merged.is_empty() || was_empty || (left.is_some() && right.is_some());
        is_kept.then_some(Value::Object(merged))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(json: Value) -> ServiceSpec {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn ignored_fields_stay_as_they_are_live() {
        let live = spec(json!({
            "Mode": {"Replicated": {"Replicas": 7}},
            "TaskTemplate": {
                "ForceUpdate": 4,
                "ContainerSpec": {"Env": ["B=live", "A=live"], "Mounts": [{"Target": "/m", "Source": "x"}]},
                "Resources": {"Limits": {"NanoCPUs": 1, "MemoryBytes": 2}},
            },
        }));
        let desired = spec(json!({
            "Labels": {"a": "b"},
            "Mode": {"Replicated": {"Replicas": 3}},
            "TaskTemplate": {"ContainerSpec": {"Env": ["A=git", "B=git", "C=git"]}},
        }));
        let ignore = ["deploy.replicas", "environment.B", "deploy.resources", "volumes./m.source"]
            .map(|path| FieldPath(path.to_owned()));
        let expected = spec(json!({
            "Labels": {"a": "b"},
            "Mode": {"Replicated": {"Replicas": 7}},
            "TaskTemplate": {
                "ForceUpdate": 4,
                "ContainerSpec": {"Env": ["B=live", "A=git", "C=git"]},
                "Resources": {"Limits": {"NanoCPUs": 1, "MemoryBytes": 2}},
            },
        }));
        assert_eq!(with_ignored(&desired, &live, &ignore).unwrap(), expected);
    }
}
