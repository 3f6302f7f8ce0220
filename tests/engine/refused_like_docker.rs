//! What docker's client refuses to read, skep refuses, too.

use std::fs;

use serde_json::{Value, json};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::Variables;
use skep::spec::load::{Input, Options, load};
use skep::spec::tree::MemoryTree;

use crate::engine::Engine;
use crate::generated::{SEED, stacks};

/// How many files are read by both.
const CASES: usize = 120;

/// What is put where it does not belong.
fn wrong() -> [Value; 9] {
    [
        json!("nonsense"),
        json!(""),
        json!(-7),
        json!(1.5),
        json!(true),
        json!([]),
        json!([["deep"]]),
        json!({"unknown": 1}),
        Value::Null,
    ]
}

/// Places whose values `docs/compose.md` lets skep take and docker does not.
const TAKEN: [&str; 0] = [];

#[test]
fn what_docker_refuses_is_refused() {
    let Some(engine) = Engine::of_this_run() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stack.yaml");
    let stack = stacks(SEED, 1, CASES).remove(0).content;
    let services = stack["services"].as_object().unwrap();
    let (mut refused, mut found) = (0, String::new());
    for (number, service) in services.values().take(CASES).enumerate() {
        let mut service = service.clone();
        let Some(place) = spoil(&mut service, number) else { continue };
        let content = json!({"services": {"a": service}});
        let text = content.to_string();
        fs::write(&file, &text).unwrap();
        let output = engine.command(&["stack", "config", "-c"]).arg(&file).output().unwrap();
        if output.status.success() {
            continue;
        }
        refused += 1;
        if !TAKEN.contains(&place.as_str()) && !is_refused(&text) {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            found.push_str(&format!("{place}: {reason}\n"));
        }
    }
    eprintln!("docker refuses {refused} of {CASES}");
    assert!(found.is_empty(), "{found}");
}

/// Replaces one of the values of a service, which the number chooses; the path of it.
fn spoil(service: &mut Value, number: usize) -> Option<String> {
    let mut places = Vec::new();
    pointers(service, "", &mut places);
    let place = places.get(number * 7919 % places.len())?.clone();
    let wrong = wrong();
    *service.pointer_mut(&place)? = wrong[number % wrong.len()].clone();
    Some(format!("{place} = {}", wrong[number % wrong.len()]))
}

fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut go = |key: &str, value: &Value| {
        let place = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        pointers(value, &place, found);
        found.push(place);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| go(key, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| go(&index.to_string(), value));
        }
        _ => {}
    }
}

fn is_refused(text: &str) -> bool {
    let tree = MemoryTree([("stack.yaml".to_owned(), text.as_bytes().to_vec())].into());
    let files = StackFiles {
        name: "s".to_owned(),
        files: vec!["stack.yaml".to_owned()],
        directory: String::new(),
    };
    let inputs = [Input { files, variables: Variables::new() }];
    load(&tree, &inputs, &Options::default()).stacks.is_empty()
}
