//! Comparison of what skep makes of a stack with the requests that docker's client was recorded to send.

#![expect(clippy::expect_used, reason = "what cannot be written as JSON has failed the test")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use skep::model::desired::DesiredStack;
use skep::model::finding::Finding;
use skep::model::labels;

/// The value of a text field.
pub(crate) fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Where the stack differs from the recorded requests, as lines for a person.
pub(crate) fn differences(stack: &DesiredStack, recorded: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk("", &as_docker(stack), &without_ids(recorded), &mut found);
    found
}

/// The objects as docker would name and label them.
fn as_docker(stack: &DesiredStack) -> Value {
    let mut renamed = BTreeMap::new();
    for (key, name) in stack
        .configs
        .iter()
        .map(|config| (&config.key, &config.spec.name))
        .chain(stack.secrets.iter().map(|secret| (&secret.key, &secret.spec.name)))
    {
        if let Some((plain, _)) =
            name.rsplit_once('-').filter(|(plain, _)| *plain == format!("sk_{key}"))
        {
            renamed.insert(name.clone(), plain.to_owned());
        }
    }
    let object = |value: Value| strip(value, &renamed);
    let named = |objects: Vec<Value>| {
        let objects = objects.into_iter().map(object).map(|value| (text(&value, "Name"), value));
        Value::Object(objects.collect::<Map<_, _>>())
    };
    let to_value = |spec| serde_json::to_value(spec).expect("JSON");
    serde_json::json!({
        "networks": named(stack.networks.iter().map(|network| serde_json::to_value(&network.spec).expect("JSON")).collect()),
        "configs": named(stack.configs.iter().map(|config| serde_json::to_value(&config.spec).expect("JSON")).collect()),
        "services": named(stack.services.iter().map(|service| to_value(&service.spec)).collect()),
        "secrets": stack.secrets.iter().map(|secret| {
            let data = secret.spec.data.as_ref().map(|data| data.expose().clone());
            let mut value = object(serde_json::to_value(&secret.spec).expect("JSON"));
            if let Some(data) = data {
                use base64::Engine as _;
                value["Data"] = base64::engine::general_purpose::STANDARD.encode(data).into();
            }
            (text(&value, "Name"), value)
        }).collect::<Map<_, _>>(),
    })
}

/// Without skep's labels, and with docker's names of configs and secrets.
fn strip(value: Value, renamed: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, _)| !labels::is_own(key))
                .map(|(key, value)| (key, strip(value, renamed)))
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| strip(item, renamed)).collect())
        }
        Value::String(text) => Value::String(renamed.get(&text).cloned().unwrap_or(text)),
        other => other,
    }
}

/// The recorded requests without the Engine's ids.
fn without_ids(golden: &Value) -> Value {
    fn plain(value: &Value) -> Value {
        match value {
            Value::Object(map) => Value::Object(
                map.iter()
                    .filter(|(key, _)| !matches!(key.as_str(), "SecretID" | "ConfigID"))
                    .map(|(key, value)| (key.clone(), plain(value)))
                    .collect(),
            ),
            Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
            other => other.clone(),
        }
    }
    let kinds = ["networks", "configs", "secrets", "services"];
    let kinds =
        kinds.iter().map(|kind| ((*kind).to_owned(), golden.get(*kind).map_or(Value::Null, plain)));
    Value::Object(kinds.collect())
}

fn walk(path: &str, ours: &Value, docker: &Value, found: &mut Vec<String>) {
    match (ours, docker) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for key in keys {
                let null = Value::Null;
                let (left, right) =
                    (left.get(key).unwrap_or(&null), right.get(key).unwrap_or(&null));
                walk(&format!("{path}/{key}"), left, right, found);
            }
        }
        (left, right) if left == right => {}
        (left, right) => found.push(format!("{path}\n    skep   {left}\n    docker {right}")),
    }
}

/// The errors among findings, one line each.
pub(crate) fn describe(findings: &[Finding]) -> String {
    let errors = findings.iter().filter(|finding| finding.is_error());
    let line = |finding: &Finding| {
        let place = finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("    {place} {}: {}", finding.code, finding.message)
    };
    errors.map(line).collect::<Vec<_>>().join("\n")
}
