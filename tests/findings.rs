//! What skep says about wrong stack files: everything at once, each with its place and a hint.

#![expect(clippy::expect_used, reason = "a test that cannot read its own files cannot run")]

use std::fmt::Write as _;
use std::path::Path;

use skep::model::finding::{Finding, Severity};
use skep::sources::DirectoryTree;
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::{Origin, Variables};
use skep::spec::load::{Input, Loaded, Options, load};
use skep::spec::tree::{MemoryTree, Tree};

fn load_file(tree: &dyn Tree, file: &str, options: &Options) -> Loaded {
    let files = StackFiles {
        name: file.trim_end_matches(".yaml").to_owned(),
        files: vec![file.to_owned()],
        directory: String::new(),
    };
    let mut variables = Variables::new();
    variables.add("DB_PASSWORD", CANARY, Origin::Flag);
    load(tree, &[Input { files, variables }], options)
}

fn show(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place =
            finding.place.as_ref().map_or_else(String::new, |p| format!("{}:{}", p.line, p.column));
        let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
        writeln!(text, "{place} {severity}[{}] {}", finding.code, finding.message).expect("text");
        for related in &finding.related {
            let place = &related.place;
            writeln!(text, "    {}:{} {}", place.line, place.column, related.message)
                .expect("text");
        }
        if let Some(hint) = &finding.hint {
            writeln!(text, "    = {hint}").expect("text");
        }
    }
    text
}

/// A value that must stand in no finding.
const CANARY: &str = "c4n4ry-5ecret";

fn snapshot(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/findings");
    let tree = DirectoryTree::open(&folder).expect("the fixtures");
    let loaded = load_file(&tree, &format!("{name}.yaml"), &Options::default());
    assert!(loaded.stacks.is_empty());
    insta::assert_snapshot!(name, show(&loaded.findings));
}

#[test]
fn misspelt_keys_are_named_with_what_was_meant() {
    snapshot("slips");
}

#[test]
fn wrong_types_name_the_key_and_what_it_wants() {
    snapshot("types");
}

#[test]
fn what_the_engine_would_refuse_is_refused_before() {
    snapshot("semantics");
}

fn memory(text: &str) -> MemoryTree {
    MemoryTree([("stack.yaml".to_owned(), text.as_bytes().to_vec())].into())
}

#[test]
fn strict_makes_warnings_errors() {
    let tree = memory("services: {web: {image: nginx, container_name: web}}");
    assert_eq!(load_file(&tree, "stack.yaml", &Options::default()).stacks.len(), 1);
    let strict = Options { strict: true, ..Options::default() };
    assert_eq!(load_file(&tree, "stack.yaml", &strict).failed.len(), 1);
}

#[test]
fn no_finding_shows_the_value_of_a_variable_or_secret() {
    let text = format!(
        r#"
services:
  web:
    image: nginx
    environment: [DB_PASSWORD={CANARY}, DB_PASSWORD={CANARY}, "={CANARY}"]
    env_file: bad.env
    healthcheck: {{test: "true"}}
  list:
    image: nginx
    environment: {{A: [{CANARY}]}}
  interpolated:
    image: nginx
    environment: {{URL: "postgres://$DB_PASSWORD@db/${{"}}
secrets:
  inline: {{content: {CANARY}}}
  value: {{environment: DB_PASSWORD, file: x}}
configs:
  c: {{content: {CANARY}, file: absent}}
"#
    );
    let mut tree = memory(&text);
    tree.0.insert("bad.env".to_owned(), format!("A B={CANARY}\n={CANARY}\n").into_bytes());
    let loaded = load_file(&tree, "stack.yaml", &Options::default());
    assert!(loaded.findings.len() >= 8, "{}", show(&loaded.findings));
    let shown = format!("{}{:?}", show(&loaded.findings), loaded.findings);
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn one_bad_stack_leaves_the_others_alone() {
    let mut tree = memory("");
    tree.0.insert("good/stack.yaml".to_owned(), b"services: {web: {image: nginx}}".to_vec());
    tree.0.insert("bad/stack.yaml".to_owned(), b"services: {web: {image: }}".to_vec());
    tree.0.insert("broken/stack.yaml".to_owned(), b"services: {web: [".to_vec());
    tree.0.insert("twin/stack.yaml".to_owned(), b"name: again\nservices: {a: {image: a}}".to_vec());
    tree.0.insert("again/stack.yaml".to_owned(), b"services: {a: {image: a}}".to_vec());
    let inputs: Vec<Input> = ["again", "bad", "broken", "good", "twin"]
        .iter()
        .map(|name| Input {
            files: StackFiles {
                name: (*name).to_owned(),
                files: vec![format!("{name}/stack.yaml")],
                directory: (*name).to_owned(),
            },
            variables: Variables::new(),
        })
        .collect();
    let loaded = load(&tree, &inputs, &Options::default());
    let good: Vec<&str> = loaded.stacks.iter().map(|stack| stack.name.as_str()).collect();
    let failed: Vec<&str> = loaded.failed.iter().map(|failed| failed.name.as_str()).collect();
    assert_eq!((good, failed), (vec!["good"], vec!["again", "again", "bad", "broken"]));
    assert!(loaded.failed.iter().all(|failed| failed.findings.iter().any(Finding::is_error)));
}

#[test]
fn a_dependency_cycle_of_thousands_of_services_is_found() {
    let mut text = String::from("services:\n");
    for index in 0..3000 {
        let next = (index + 1) % 3000;
        writeln!(text, "  s{index}: {{image: a, depends_on: [s{next}]}}").expect("text");
    }
    let loaded = load_file(&memory(&text), "stack.yaml", &Options::default());
    assert_eq!(loaded.findings.iter().filter(|f| f.code == "dependency-cycle").count(), 1);
}

#[test]
fn configs_and_secrets_have_the_sizes_that_a_swarm_allows() {
    let text = "
services: {web: {image: nginx, configs: [c], secrets: [s]}}
configs: {c: {file: c}}
secrets: {s: {file: s}}
";
    let load = |config: usize, secret: usize| {
        let mut tree = memory(text);
        tree.0.insert("c".to_owned(), vec![b'x'; config]);
        tree.0.insert("s".to_owned(), vec![b'x'; secret]);
        let loaded = load_file(&tree, "stack.yaml", &Options::default());
        loaded.findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(load(1_023_999, 511_999), [""; 0]);
    assert_eq!(load(1_024_000, 512_000), ["too-large", "too-large"]);
    assert_eq!(load(5_000_000, 0), ["too-large", "empty-data"]);
}
