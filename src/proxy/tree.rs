//! Places in a configuration: made where they are absent, taken out where they are empty.

use serde_json::{Map, Value, json};

use super::merge::MergeError;

/// The object at a path, made where it is absent.
pub(super) fn object_at<'a>(
    config: &'a mut Value,
    path: &[&str],
) -> Result<&'a mut Map<String, Value>, MergeError> {
    let shape = || MergeError::Shape(format!("/{}", path.join("/")));
    let mut at = config;
    for key in path {
        let fields = at.as_object_mut().ok_or_else(shape)?;
        at = fields.entry(*key).or_insert_with(|| json!({}));
        if at.is_null() {
            *at = json!({});
        }
    }
    at.as_object_mut().ok_or_else(shape)
}

/// Puts a list at a path. An empty one is taken out, with what it leaves empty.
pub(super) fn put_list(config: &mut Value, path: &[&str], items: Vec<Value>) {
    let [keys @ .., last] = path else { return };
    if items.is_empty() {
        take(config, path);
    } else if let Ok(parent) = object_at(config, keys) {
        parent.insert((*last).to_owned(), items.into());
    }
}

fn take(at: &mut Value, path: &[&str]) {
    let ([key, rest @ ..], Value::Object(fields)) = (path, at) else { return };
    let Some(inner) = fields.get_mut(*key) else { return };
    let had = inner.as_object().is_some_and(|fields| !fields.is_empty());
    take(inner, rest);
    let is_empty = inner.as_object().is_some_and(Map::is_empty);
    let is_list = rest.is_empty() && inner.as_array().is_some_and(|list| !list.is_empty());
    // Our own lists are never written empty, so that an empty one is somebody else's.
    if (had && is_empty) || is_list {
        fields.remove(*key);
    }
}
