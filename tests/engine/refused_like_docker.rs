//! What docker's client refuses to read, skep refuses, too.

use std::fmt::Write as _;
use std::fs;

use serde_json::{Value, json};
use skep::spec::compose::{attachments, unsupported};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Options, load};
use skep::spec::tree::MemoryTree;

use crate::engine::Engine;
use crate::generated::{FILES, stacks, text};
use crate::generated_like_docker::seed;

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

/// Whether `docs/compose.md` says that skep takes such a value.
fn is_taken(place: &str) -> bool {
    let (path, value) = place.split_once(" = ").unwrap();
    let key = path.split('/').nth(1).unwrap();
    let is_pair = |part: &str| ["environment", "labels", "options"].contains(&part);
    // skep says of such a key that it does nothing, whatever its value.
    let does_nothing = |part: &str| {
        let keys = unsupported::UNSUPPORTED.iter().filter(|_| part == key);
        keys.chain(attachments::UNSUPPORTED).any(|unsupported| unsupported.key == part)
    };
    path.split('/').any(does_nothing)
        || (["command", "entrypoint"].contains(&key) && value == "null")
        || (path.split('/').any(is_pair) && value == "true")
}

#[test]
fn what_docker_refuses_is_refused() {
    let Some(engine) = Engine::of_this_run() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in FILES {
        fs::write(folder.path().join(file), text).unwrap();
    }
    let file = folder.path().join("stack.yaml");
    let stack = stacks(seed(), 1, CASES).remove(0);
    let services = stack["services"].as_object().unwrap();
    let (mut refused, mut found) = (0, String::new());
    for (number, service) in services.values().take(CASES).enumerate() {
        let mut service = service.clone();
        let Some(place) = spoil(&mut service, number) else { continue };
        let mut content = stack.clone();
        content["services"] = json!({"a": service, "base": services["base"]});
        let text = text(&content).replace('%', "t_");
        fs::write(&file, &text).unwrap();
        let output = engine.command(&["stack", "config", "-c"]).arg(&file).output().unwrap();
        if output.status.success() {
            continue;
        }
        refused += 1;
        if !is_taken(&place) && !is_refused(&text) {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            writeln!(found, "{place}: {reason}").unwrap();
        }
    }
    eprintln!("docker refuses {refused} of {CASES}");
    assert!(refused >= CASES / 2);
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
    let files = FILES.iter().copied().chain([("stack.yaml", text)]);
    let tree = MemoryTree(files.map(|(path, text)| (path.to_owned(), text.into())).collect());
    let files = StackFiles {
        name: "s".to_owned(),
        files: vec!["stack.yaml".to_owned()],
        directory: String::new(),
    };
    let mut variables = Variables::new();
    variables.add("HOME", "/home/dummy", Origin::Flag);
    let options = Options { bind_root: Some("/srv".to_owned()), ..Options::default() };
    load(&tree, &[Input { files, variables }], &options).stacks.is_empty()
}
