//! No finding shows what a variable holds, in whichever value of a file it stands: it may be a secret.

#![expect(clippy::expect_used, reason = "a test that cannot read its own files cannot run")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use skep::model::finding::Finding;
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Options, load};
use skep::spec::tree::MemoryTree;

/// Texts that are right in some places, and wrong in each of them in another way.
const CANARIES: [&str; 5] = [
    "c4nary",
    "C4nary of c4nary",
    "c4nary=c4nary",
    "./c4nary:c4nary:/c4nary@C4NARY,c4nary",
    "4444444444444444444444",
];

/// It unfolds to so many ports that it cannot be loaded hundreds of times.
const MANY_PORTS: &str = "invalid/ports.yaml";

fn is_canary(text: &str) -> bool {
    text.to_lowercase().contains("c4nary") || text.contains("44444444")
}

/// Every stack file of the tests, right and wrong ones.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml")
                && !path.ends_with(MANY_PORTS)
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The pointers to every text, number and truth value.
fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let escaped = |key: &String| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(entries) => entries
            .iter()
            .for_each(|(key, value)| leaves(value, &format!("{pointer}/{}", escaped(key)), found)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| leaves(item, &format!("{pointer}/{index}"), found)),
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(pointer.to_owned()),
    }
}

/// A leaf with the variable in its place, behind it and before it.
fn forms(leaf: &Value) -> Vec<String> {
    let mut forms = vec!["${CANARY}".to_owned()];
    if let Value::String(text) = leaf {
        let text = text.replace('$', "$$");
        forms.extend([format!("{text}${{CANARY}}"), format!("${{CANARY}}{text}")]);
    }
    forms
}

fn findings(stack: &Value, canary: &str) -> Vec<Finding> {
    let tree = MemoryTree([("stack.yaml".to_owned(), stack.to_string().into_bytes())].into());
    let mut variables = Variables::new();
    variables.add("CANARY", canary, Origin::Flag);
    let files = StackFiles {
        name: "shop".to_owned(),
        files: vec!["stack.yaml".to_owned()],
        directory: String::new(),
    };
    load(&tree, &[Input { files, variables }], &Options::default()).findings
}

#[test]
fn no_finding_shows_the_value_of_a_variable() {
    let mut codes = BTreeSet::new();
    let mut shown = BTreeSet::new();
    let mut loaded = 0;
    for path in files() {
        let text = fs::read_to_string(&path).expect("a file");
        let Ok(stack) = serde_yaml::from_str::<Value>(&text) else { continue };
        let mut all = Vec::new();
        leaves(&stack, "", &mut all);
        for pointer in all {
            let leaf = stack.pointer(&pointer).expect("a leaf");
            for form in forms(leaf) {
                let mut stack = stack.clone();
                *stack.pointer_mut(&pointer).expect("a leaf") = form.as_str().into();
                for canary in CANARIES {
                    loaded += 1;
                    for finding in findings(&stack, canary) {
                        codes.insert(finding.code);
                        let related = finding.related.iter().map(|related| &related.message);
                        let texts =
                            [&finding.message].into_iter().chain(&finding.hint).chain(related);
                        shown.extend(
                            texts
                                .filter(|text| is_canary(text))
                                .map(|text| format!("{} ({pointer}: {form}) {text}", finding.code)),
                        );
                    }
                }
            }
        }
    }
    let shown: Vec<String> = shown.into_iter().collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
    assert!(codes.len() > 40 && loaded > 5000, "{loaded} stacks: {codes:?}");
}
