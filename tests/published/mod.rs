//! What the program writes has the layout that the published schema says, and no key beside it.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Fails the test unless `document` satisfies `schema/NAME.schema.json`, taken at its word: a key that it does not
/// describe is one too many.
#[track_caller]
pub(crate) fn assert_published(name: &str, document: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.schema.json"));
    let text = fs::read_to_string(path).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    assert!(problems.is_empty(), "{name}: {problems:#?}");
}

/// Lets objects have the keys only that are described. Older readers may meet more, so the published schema does not.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.get("properties").is_some_and(Value::is_object)
                && !object.contains_key("$ref")
            {
                object.entry("additionalProperties").or_insert(false.into());
            }
            object.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
