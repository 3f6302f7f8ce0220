//! The schema of stack files: it is the one that is committed, and it agrees with the loader about files.

#![expect(clippy::expect_used, reason = "a machine on which these fail cannot run the test")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::Variables;
use skep::spec::load::{Input, Options, load};
use skep::spec::schema;
use skep::spec::tree::MemoryTree;
use skep::spec::yaml::node::{Node, ScalarKind, Value as Yaml};
use skep::spec::yaml::{budget::Budget, parse};

/// Set to write the committed schema anew.
const BLESS: &str = "SKEP_BLESS";

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/stack.schema.json")
}

fn json(node: &Node) -> Value {
    match &node.value {
        Yaml::Mapping(mapping) => {
            let entries = mapping.entries.iter();
            Value::Object(
                entries.map(|entry| (entry.key.clone(), json(&entry.value))).collect::<Map<_, _>>(),
            )
        }
        Yaml::Sequence(items) => Value::Array(items.iter().map(json).collect()),
        Yaml::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => Value::Null,
            ScalarKind::Bool(value) => value.into(),
            ScalarKind::Int(value) => value.into(),
            ScalarKind::Uint(value) => value.into(),
            ScalarKind::Float(value) => value.into(),
            ScalarKind::Timestamp | ScalarKind::String => scalar.text.clone().into(),
        },
    }
}

fn problems(path: &Path) -> Vec<String> {
    let validator = jsonschema::validator_for(&schema::stack()).expect("a schema");
    let bytes = fs::read(path).expect("a file");
    let name = path.display().to_string();
    let Ok(node) = parse(&bytes, name.as_str().into(), &Budget::default()) else {
        return vec![format!("{name}: no YAML")];
    };
    let problem = |error: jsonschema::ValidationError<'_>| {
        format!("{name}: {} at {}", error, error.instance_path())
    };
    validator.iter_errors(&json(&node)).map(problem).collect()
}

fn stack_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(stack_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let generated = format!("{:#}\n", schema::stack());
    if std::env::var_os(BLESS).is_some() {
        fs::write(committed(), &generated).expect("writing the schema");
    }
    let committed = fs::read_to_string(committed()).unwrap_or_default();
    assert_eq!(committed, generated, "run `{BLESS}=1 cargo test --test library stack_schema`");
}

#[test]
fn our_examples_satisfy_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = stack_files(&root.join("examples/stacks"));
    files.extend(stack_files(&root.join("tests/fixtures/compose")));
    files.extend(stack_files(&root.join("tests/fixtures/stacks/valid")));
    let problems: Vec<_> = files.iter().flat_map(|path| problems(path)).collect();
    assert!(!files.is_empty() && problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_example_in_the_schema_satisfies_its_own_part() {
    fn walk(root: &Value, value: &Value, path: &str, checked: &mut usize) {
        if let Value::Object(object) = value {
            if let Some(Value::Array(examples)) = object.get("examples") {
                let mut part = object.clone();
                part.insert("definitions".to_owned(), root["definitions"].clone());
                let part = Value::Object(part);
                let validator = jsonschema::validator_for(&part).expect("a schema");
                for example in examples {
                    assert!(validator.is_valid(example), "{path}: {example}");
                    *checked += 1;
                }
            }
            for (key, value) in object {
                walk(root, value, &format!("{path}/{key}"), checked);
            }
        } else if let Value::Array(items) = value {
            for (index, item) in items.iter().enumerate() {
                walk(root, item, &format!("{path}/{index}"), checked);
            }
        }
    }
    let schema = schema::stack();
    let mut checked = 0;
    walk(&schema, &schema, "", &mut checked);
    assert!(checked > 40, "{checked} examples");
}

#[test]
fn every_key_of_the_schema_is_described_and_has_an_example() {
    fn walk(value: &Value, path: &str, lacking: &mut Vec<String>) {
        if let Some(keys) = value.get("properties").and_then(Value::as_object) {
            for (key, property) in keys {
                for field in ["description", "examples"] {
                    if property.get(field).is_none() {
                        lacking.push(format!("{path}/{key} has no {field}"));
                    }
                }
            }
        }
        match value {
            Value::Object(fields) => fields
                .iter()
                .filter(|(field, _)| !matches!(field.as_str(), "examples" | "if" | "then"))
                .for_each(|(field, value)| walk(value, &format!("{path}/{field}"), lacking)),
            Value::Array(items) => items.iter().for_each(|item| walk(item, path, lacking)),
            _ => {}
        }
    }
    let mut lacking = Vec::new();
    walk(&schema::stack(), "", &mut lacking);
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn the_schema_and_the_loader_agree_on_what_goes_with_external() {
    let schema = schema::stack();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut refused = Vec::new();
    for (kind, part) in [
        ("configs", "Config"),
        ("secrets", "Secret"),
        ("volumes", "Volume"),
        ("networks", "Network"),
    ] {
        let keys = schema["definitions"][part]["properties"].as_object().expect("properties");
        for (key, property) in keys.iter().filter(|(key, _)| *key != "external") {
            for external in [Value::Bool(true), serde_json::json!({}), Value::Bool(false)] {
                let object =
                    serde_json::json!({ "external": external, key: property["examples"][0] });
                let file = serde_json::json!({ kind: { "a": object } });
                let conflicts = errors(&file).contains(&"conflicting-keys");
                assert!(validator.is_valid(&file) != conflicts, "{file}");
                if conflicts {
                    refused.push(format!("{part}.{key}"));
                }
            }
        }
    }
    refused.dedup();
    assert_eq!(refused.len(), 9, "{refused:?}");
}

/// The codes of the errors that the loader finds in a stack file.
fn errors(file: &Value) -> Vec<&'static str> {
    let tree = MemoryTree([("stack.yaml".to_owned(), file.to_string().into_bytes())].into());
    let files = StackFiles {
        name: "s".to_owned(),
        files: vec!["stack.yaml".to_owned()],
        directory: String::new(),
    };
    let loaded = load(&tree, &[Input { files, variables: Variables::new() }], &Options::default());
    let errors = loaded.findings.iter().filter(|finding| finding.is_error());
    errors.map(|finding| finding.code).collect()
}

/// Files that docker refuses, and why the schema cannot; the loader has a finding for each, see `corpus.rs`.
const SHAPELY: &[(&str, &str)] = &[
    ("011", "a service without an image may be laid over another one"),
    ("040", "a variable stands for the number"),
    ("055", "the text of variables is not read"),
    ("056", "the text of variables is not read"),
    ("100", "two items are the same with their variables only"),
    ("116", "a key that a Swarm has no place for is a warning"),
    ("120", "allowed by the Compose specification"),
    ("191", "whether a file is there is not seen"),
    ("195", "a service without an image may be laid over another one"),
    ("220", "the text of variables is not read"),
    ("250", "allowed by the Compose specification"),
    ("251", "the text of variables is not read"),
];

#[test]
fn files_that_docker_refuses_fail_the_schema_unless_their_shape_is_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inputs = std::env::var_os("SKEP_INPUTS")
        .map_or_else(|| root.join("../shared/inputs"), PathBuf::from);
    let files = stack_files(&inputs.join("invalid"));
    if files.is_empty() {
        println!("skipped: no corpus; set SKEP_INPUTS to the folder that holds it");
        return;
    }
    let folder = inputs.join("invalid");
    let id = |path: &Path| {
        let name = path.strip_prefix(&folder).expect("below it").to_string_lossy().into_owned();
        name.chars().take_while(char::is_ascii_digit).collect::<String>()
    };
    let taken: Vec<String> =
        files.iter().filter(|path| problems(path).is_empty()).map(|path| id(path)).collect();
    println!("{} of {} files fail the schema", files.len() - taken.len(), files.len());
    let known: Vec<&str> = SHAPELY.iter().map(|(id, _)| *id).collect();
    assert_eq!(taken, known);
}

#[test]
fn real_stack_files_satisfy_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inputs = std::env::var_os("SKEP_INPUTS")
        .map_or_else(|| root.join("../shared/inputs"), PathBuf::from);
    let Ok(cases) = fs::read_dir(inputs.join("corpus/_cases")) else {
        println!("skipped: no corpus; set SKEP_INPUTS to the folder that holds it");
        return;
    };
    let mut found = Vec::new();
    let mut total = 0;
    for case in cases {
        let case = fs::read(case.expect("a case").path()).expect("a case");
        let case: Value = serde_json::from_slice(&case).expect("JSON");
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        found.extend(problems(&inputs.join("corpus").join(text("dir")).join(text("file"))));
        total += 1;
    }
    println!("{total} files");
    assert!(found.is_empty(), "{}", found.join("\n"));
}
