//! The JSON Schema of stack files, from the types that they are read into.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema as _, Schema};
use serde_json::{Map, Value, json};

use super::compose::extends::Extends;
use super::compose::include::Includes;
use super::compose::unsupported::{self, Unsupported, no};
use super::compose::{ComposeFile, attachments, mounts, resources, stores, volumes};
use super::schema_examples;

/// Keys that may stand without a value.
const NULLABLE: [&str; 3] = ["command", "entrypoint", "deploy"];

/// The JSON Schema of stack files.
pub fn stack() -> Value {
    let settings = SchemaSettings::draft07().for_deserialize();
    let mut generator = settings.into_generator();
    let mut root = ComposeFile::json_schema(&mut generator);
    // These are carried out before the rest is read, so no type has them.
    let include = Includes::json_schema(&mut generator);
    let extends = Extends::json_schema(&mut generator);
    let definitions = generator.take_definitions(true);
    root.insert("definitions".to_owned(), definitions.into());
    root.insert("$schema".to_owned(), "http://json-schema.org/draft-07/schema#".into());
    AsWritten.transform(&mut root);
    name_unsupported(&mut root);
    for (pointer, key, schema) in [
        ("/properties", "include", include),
        ("/definitions/Service/properties", "extends", extends),
    ] {
        if let Some(Value::Object(properties)) = root.pointer_mut(pointer) {
            properties.insert(key.to_owned(), schema.to_value());
        }
    }
    let mut root = root.to_value();
    schema_examples::add(&mut root);
    forbid_beside_external(&mut root);
    root
}

/// What exists already has been made by somebody else.
fn forbid_beside_external(root: &mut Value) {
    for (definition, keys) in [
        ("Config", stores::CONFIG_SOURCES),
        ("Secret", stores::SECRET_SOURCES),
        ("Volume", volumes::OF_ITS_MAKER),
    ] {
        let Some(definition) = root.pointer_mut(&format!("/definitions/{definition}")) else {
            continue;
        };
        let external = json!({ "anyOf": [{ "const": true }, { "type": "object" }] });
        definition["if"] =
            json!({ "required": ["external"], "properties": { "external": external } });
        let forbidden: Map<String, Value> =
            keys.iter().map(|key| ((*key).to_owned(), Value::Bool(false))).collect();
        definition["then"] = json!({ "properties": forbidden });
    }
}

/// What the types do not say about how files are written: a variable may stand for a number or a boolean, a key
/// must have a value, and `x-` keys are anybody's.
struct AsWritten;

impl Transform for AsWritten {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        if let Some(Value::Object(properties)) = object.get_mut("properties") {
            for (key, property) in properties {
                if !NULLABLE.contains(&key.as_str()) {
                    refuse_null(property);
                }
            }
        }
        if object.get("additionalProperties") == Some(&Value::Bool(false)) {
            object.insert("patternProperties".to_owned(), json!({ "^x-": {} }));
        }
        allow_variable(object);
        open_choice(object);
    }
}

/// A variable may stand for one of several words too; the words stay, for editors to complete.
fn open_choice(schema: &mut Map<String, Value>) {
    let is_choice = schema.get("type").is_some_and(|kind| kind == "string" || kind.is_array());
    if let (true, Some(words)) = (is_choice, schema.remove("enum")) {
        schema.remove("type");
        let choices = json!([{ "enum": words }, { "type": "string", "pattern": r"\$" }]);
        schema.insert("anyOf".to_owned(), choices);
    }
}

fn refuse_null(property: &mut Value) {
    let Value::Object(property) = property else { return };
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            property.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(words)) = property.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    let is_null = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "null");
    if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
        choices.retain(|choice| !is_null(choice));
    }
}

/// Text with a variable, or a number as text, may stand where a number or a boolean is wanted.
fn allow_variable(schema: &mut Map<String, Value>) {
    let Some(kind) = schema.get_mut("type") else { return };
    let kinds: Vec<Value> = match kind {
        Value::Array(kinds) => kinds.clone(),
        Value::String(_) => vec![kind.clone()],
        _ => return,
    };
    let mut wanted = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
    let pattern = match (wanted.next(), wanted.next()) {
        (Some("boolean"), None) => r"\$|^(y|yes|true|on|n|no|false|off)$",
        (Some("integer" | "number"), None) => r"\$|^-?[0-9.]+$",
        _ => return,
    };
    *kind = Value::Array(kinds.into_iter().chain([json!("string")]).collect());
    schema.entry("pattern").or_insert_with(|| pattern.into());
}

/// Keys that do nothing on a Swarm are known, so that an editor explains them instead of calling them wrong.
fn name_unsupported(root: &mut Schema) {
    let privileged = [no("privileged", "use `cap_add`")];
    let places: [(&str, &[Unsupported]); 5] = [
        ("/definitions/Service/properties", unsupported::UNSUPPORTED),
        ("/definitions/Service/properties", &privileged),
        ("/definitions/Attachment/properties", attachments::UNSUPPORTED),
        ("/definitions/Reservations/properties", resources::UNSUPPORTED),
        ("/definitions/VolumeOptions/properties", mounts::UNSUPPORTED),
    ];
    for (pointer, keys) in places {
        let Some(Value::Object(properties)) = root.pointer_mut(pointer) else { continue };
        for Unsupported { key, instead } in keys {
            let description = format!("Does nothing on a Swarm: {instead}.");
            let property = json!({ "description": description, "deprecated": true });
            properties.insert((*key).to_owned(), property);
        }
    }
}
