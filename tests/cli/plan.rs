//! `skep plan` against a file of `skep observe`: its forms and its exit codes.

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::{Ran, World};
use crate::published::assert_published;

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
    assert_published("plan", &document);
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
fn whatever_is_wrong_with_a_stack_the_others_are_planned() {
    let laughs = (1..12).fold("a0: &a0 [lol, lol]\n".to_owned(), |text, n| {
        let one = format!("*a{}", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", vec![one; 10].join(", "))
    });
    let service = |rest: &str| format!("services: {{web: {{image: nginx, {rest}}}}}\n");
    let config =
        |file: &str| format!("{}configs: {{a: {{file: {file}}}}}", service("configs: [a]"));
    let bad = [
        ("broken", "services:\n  web: [\n".to_owned()),
        ("unknown-key", service("imgae: a")),
        ("wrong-type", service("deploy: {replicas: many}")),
        ("missing-variable", service("user: '${ID:?set it}'")),
        ("missing-file", service("env_file: none.env")),
        ("outside", config("../../swarm.json")),
        ("absolute", config("/etc/passwd")),
        ("linked", config("link")),
        ("laughs", format!("{laughs}services: {{web: {{image: nginx, command: *a11}}}}\n")),
        ("cycle", "services: {a: {image: a, depends_on: {b: {condition: service_started}}}, b: {image: b, depends_on: {a: {condition: service_started}}}}".to_owned()),
        ("unknown-network", service("networks: [none]")),
        ("unknown-secret", service("secrets: [none]")),
        ("twin", format!("name: other\n{}", service(""))),
        ("other", service("")),
    ];
    let mut world = world().link("stacks/linked/link", "/etc/passwd").large_file(
        "stacks/large/stack.yaml",
        WEB.as_bytes(),
        50 << 20,
    );
    for (name, text) in &bad {
        world = world.file(&format!("stacks/{name}/stack.yaml"), text);
    }
    let ran = plan(&world, &["--format", "json"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    let stacks = document["stacks"].as_array().unwrap();
    let mut held = Vec::new();
    for stack in stacks {
        let name = stack["name"].as_str().unwrap();
        if name == "shop" {
            assert_eq!(stack.get("holds"), None, "{stack:#}");
            assert!(stack["changes"].as_array().unwrap().len() >= 2, "{stack:#}");
        } else {
            assert_eq!(stack["holds"][0]["code"], "invalid-stack", "{stack:#}");
            held.push(name);
        }
    }
    // Twins are one stack; where they stand, they are told.
    let mut expected: Vec<&str> = bad.iter().map(|(name, _)| *name).collect();
    expected.retain(|name| *name != "twin");
    expected.push("large");
    expected.sort_unstable();
    held.sort_unstable();
    assert_eq!(held, expected);
    for finding in document["findings"].as_array().unwrap() {
        assert!(finding["place"]["file"].is_string(), "{finding:#}");
    }
    for (name, _) in &bad {
        let at = format!("stacks/{name}/");
        let told = |finding: &Value| finding.to_string().contains(&at);
        assert!(document["findings"].as_array().unwrap().iter().any(told), "{name}: {ran}");
    }
    assert!(!ran.to_string().contains("root:x:"), "{ran}");
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
