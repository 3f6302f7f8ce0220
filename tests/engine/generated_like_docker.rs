//! Hundreds of services made at random are the same from `docker stack deploy` and from skep, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::env;

use serde_json::Value;

use crate::alike::NOT_SENT;
use crate::both_ways::Both;
use crate::engine::Engine;
use crate::generated::{EXTERNAL, FILES, SEED, SERVICES, STACKS, VARIABLES, name, stacks, text};
use crate::stage::Stage;

/// The seed of this run: `SKEP_SEED`, or always the same.
pub(crate) fn seed() -> u64 {
    let seed = env::var("SKEP_SEED").map_or(SEED, |text| text.parse().unwrap());
    eprintln!("generated from SKEP_SEED={seed}");
    seed
}

#[test]
fn generated_stacks_are_the_same_from_docker_and_from_skep() {
    let Some(engine) = Engine::of_this_run() else { return };
    // Docker's client sends older engines less, and fails on the rest.
    if env::var("SKEP_TEST_VERSION").is_ok_and(|version| version != "28") {
        return;
    }
    let stage = Stage::on(&engine);
    let generated = stacks(seed(), STACKS, SERVICES);
    prepare(&stage, &engine, &generated);
    let names: Vec<String> = (0..STACKS).map(name).collect();
    let both = Both::of(&stage, &engine, "g", &names, &VARIABLES);
    assert_distinct(&both.from_docker);
    let found = both.differences(&stage, |key| format!("{:#}", source(&generated, key)));
    assert!(found.is_empty(), "{found}");
}

/// Writes the stacks, and makes what they expect to be there.
fn prepare(stage: &Stage<'_>, engine: &Engine, generated: &[Value]) {
    for (number, stack) in generated.iter().enumerate() {
        stage.exact_stack(&name(number), &text(stack));
        for (file, content) in FILES {
            stage.file(&name(number), file, content);
        }
    }
    let file = stage.path(&name(0), "plain.txt");
    for name in EXTERNAL.map(|name| stage.name(name.trim_start_matches('%'))) {
        for kind in ["config", "secret"] {
            engine.docker(&[kind, "create", &name, file.to_str().unwrap()]);
        }
    }
}

/// At least three hundred services differ in more than their names.
fn assert_distinct(objects: &BTreeMap<String, Value>) {
    let services = objects.iter().filter(|(key, _)| key.starts_with("service "));
    let bodies = services.map(|(_, spec)| {
        let mut spec = spec.clone();
        spec["Name"].take();
        spec["Labels"]["com.docker.stack.namespace"].take();
        spec["TaskTemplate"]["ContainerSpec"]["Labels"]["com.docker.stack.namespace"].take();
        spec.to_string()
    });
    let bodies: BTreeSet<String> = bodies.collect();
    eprintln!("{} distinct services of {} objects", bodies.len(), objects.len());
    assert!(bodies.len() >= 300);
}

/// What the stack file says of a service.
fn source<'g>(generated: &'g [Value], key: &str) -> &'g Value {
    let place = key.strip_prefix("service g").and_then(|name| name.split_once('_'));
    let stack = place.and_then(|(stack, _)| generated.get(stack.parse::<usize>().ok()?));
    match (stack, place) {
        (Some(stack), Some((_, service))) => &stack["services"][service],
        _ => &Value::Null,
    }
}

#[test]
fn what_docker_is_known_not_to_send_is_documented() {
    let page = include_str!("../../docs/compose.md");
    for unsent in NOT_SENT {
        let row = format!("| `{}` | accepted, but not sent | sent |", unsent.compose_key);
        assert!(page.contains(&row), "docs/compose.md lacks {row}");
    }
}
