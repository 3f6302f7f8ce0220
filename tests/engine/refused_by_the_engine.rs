//! What skep refuses because the Engine would, an engine refuses indeed, and it takes what skep takes.

use serde_json::{Value, json};
use skep::spec::discover::StackFiles;
use skep::spec::interpolate::Variables;
use skep::spec::load::{Input, Options, load};
use skep::spec::tree::MemoryTree;

use crate::engine::Engine;
use crate::raw::{replicas, spec};
use crate::scratch::Scratch;

/// Constraints around what swarmkit's patterns allow.
const CONSTRAINTS: [&str; 20] = [
    "node.labels.zone==a",
    " node.labels.zone  !=  a b ",
    "node.labels.zone == a:b-c_d.e*f(g)h?i+j[k]l\\m^n$o|p/q",
    "node.labels.zone == a != b",
    "node.labels.zone != a == b",
    "node.labels.zone === a",
    "node.labels.zone == a,b",
    "node.labels.zone == a@b",
    "node.labels.zone == é",
    "node.labels.zone ==",
    "node.labels.zone = a",
    "node.labels.example.com/zone == a",
    "node.labels.zwei-drei_4 == a",
    "node labels == a",
    "== a",
    "n == a",
    "_n == a",
    "1n == a",
    "-n == a",
    "N1 == A",
];

fn is_taken(name: &str, stack: &Value) -> bool {
    let tree = MemoryTree([("stack.yaml".to_owned(), stack.to_string().into_bytes())].into());
    let files = StackFiles {
        name: name.to_owned(),
        files: vec!["stack.yaml".to_owned()],
        directory: String::new(),
    };
    let input = Input { files, variables: Variables::new() };
    !load(&tree, &[input], &Options::default()).stacks.is_empty()
}

#[test]
fn a_constraint_is_taken_if_the_engine_takes_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let mut found = Vec::new();
    for (number, constraint) in CONSTRAINTS.iter().enumerate() {
        let mut spec = spec(&scratch.name(&number.to_string()), &["sleep"], replicas(0));
        spec["TaskTemplate"]["Placement"] = json!({"Constraints": [constraint]});
        let (status, message) = engine.send("POST", "/services/create", Some(&spec));
        let written = constraint.replace('$', "$$");
        let deploy = json!({"placement": {"constraints": [written]}});
        let stack = json!({"services": {"a": {"image": "a", "deploy": deploy}}});
        if is_taken("s", &stack) != (status == 201) {
            found.push(format!("{constraint}: {status} {message}"));
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_name_of_a_network_is_taken_if_the_engine_takes_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    for length in [63, 64] {
        let stack: String = scratch.name(&"n".repeat(length)).chars().take(length - 8).collect();
        let name = format!("{stack}_default");
        assert_eq!(name.len(), length);
        let network = json!({"Name": name, "Driver": "overlay"});
        let (status, message) = engine.send("POST", "/networks/create", Some(&network));
        let services = json!({"services": {"a": {"image": "a"}}});
        assert_eq!(is_taken(&stack, &services), status == 201, "{name}: {status} {message}");
        let mut own = services.clone();
        own["networks"] = json!({"default": {"name": name}});
        assert_eq!(is_taken("s", &own), status == 201, "{name}");
        own["networks"]["default"]["external"] = json!(true);
        assert!(is_taken("s", &own), "{name}");
    }
}
