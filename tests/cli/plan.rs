//! `skep plan` against a file of `skep observe`: its forms and its exit codes.

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::{Ran, World, root};

const WEB: &str =
    "services:\n  web:\n    image: nginx:1.27\n    environment:\n      API_TOKEN: canary-4711\n";
/// A Swarm in which nothing runs.
const EMPTY: &str = r#"{
  "format_version": 1,
  "engine": {"api": "1.51", "version": "28.5.2", "now": "2026-11-21T06:00:00Z"},
  "networks": [], "configs": [], "secrets": [], "services": [],
  "workload": {"tasks": [], "nodes": [{
    "id": "n1", "hostname": "node1", "manager": true, "availability": "active", "state": "ready",
    "labels": {}, "engine_labels": {}, "os": "linux", "architecture": "x86_64",
    "nano_cpus": 4000000000, "memory_bytes": 8000000000
  }]}
}"#;

fn world() -> World {
    World::new().file("swarm.json", EMPTY).file("stacks/shop/stack.yaml", WEB)
}

fn plan(world: &World, arguments: &[&str]) -> Ran {
    let live = ["plan", "stacks", "--live", "swarm.json"];
    world.run(&[&live, arguments].concat())
}

#[test]
fn a_plan_has_three_forms_that_hide_the_same() {
    let world = world();
    let [text, json, markdown] =
        ["text", "json", "markdown"].map(|form| plan(&world, &["--format", form]));
    for ran in [&text, &json, &markdown] {
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(ran.stdout.contains("shop_web"), "{ran}");
        assert!(!ran.to_string().contains("canary"), "{ran}");
    }
    assert_snapshot!(text);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    let schema = std::fs::read_to_string(root().join("schema/plan.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> =
        validator.iter_errors(&document).map(|problem| problem.to_string()).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn exit_codes_are_detailed_only_when_asked_for() {
    let world = world();
    assert_eq!(plan(&world, &[]).code, Some(0));
    assert_eq!(plan(&world, &["--detailed-exitcode"]).code, Some(2));
    let broken = world.file("stacks/blog/stack.yaml", "services:\n  web:\n    imgae: nginx\n");
    for arguments in [&[] as &[&str], &["--detailed-exitcode"]] {
        let ran = plan(&broken, arguments);
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains("imgae") && ran.stdout.contains("shop_web"), "{ran}");
        assert!(ran.stdout.contains("stack blog has errors"), "{ran}");
    }
}

#[test]
fn findings_are_part_of_a_plan_for_programs() {
    let world = world().file("stacks/blog/stack.yaml", "services:\n  web:\n    image: x:1$TAG\n");
    let ran = plan(&world, &["--format", "json"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["findings"][0]["code"], "unset-variable", "{ran}");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(plan(&world, &[]).stderr.contains("unset-variable"));
}

#[test]
fn an_empty_directory_plans_nothing() {
    let world = World::new().file("swarm.json", EMPTY).file("stacks/README.md", "");
    let ran = plan(&world, &["--prune"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.stderr.contains("warning[no-stacks]"), "{ran}");
}
