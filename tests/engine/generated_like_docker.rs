//! Hundreds of services made at random are the same from `docker stack deploy` and from skep, field by field.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write as _;

use serde_json::Value;

use crate::alike::difference;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::generated::{FILES, Generated, VARIABLES, name, stacks};
use crate::stage::{Stage, changes};

/// `SKEP_SEED` makes other stacks.
const SEED: u64 = 28;
const STACKS: usize = 4;
const SERVICES: usize = 90;

fn seed() -> u64 {
    let seed = env::var("SKEP_SEED").ok().map(|text| text.parse().expect("SKEP_SEED is a number"));
    let seed = seed.unwrap_or(SEED);
    eprintln!("generated from SKEP_SEED={seed}");
    seed
}

#[test]
fn generated_stacks_are_the_same_from_docker_and_from_skep() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let generated = stacks(seed(), STACKS, SERVICES);
    for (number, stack) in generated.iter().enumerate() {
        stage.exact_stack(&name(number), &stack.text);
        for (file, text) in FILES {
            stage.file(&name(number), file, text);
        }
    }
    let file = stage.path(&name(0), "plain.txt");
    for kind in ["config", "secret"] {
        engine.docker(&[kind, "create", &stage.name("outside"), file.to_str().unwrap()]);
    }
    let names = || (0..STACKS).map(name);
    let everything = || -> BTreeMap<String, Value> {
        names().flat_map(|name| stage.everything_of(&engine, &name)).collect()
    };
    let variables: Vec<String> =
        VARIABLES.iter().map(|(name, value)| format!("--var={name}={value}")).collect();
    let options: Vec<&str> = variables.iter().map(String::as_str).collect();

    for name in names() {
        stage.docker_deploy(&engine, &name, VARIABLES);
    }
    let from_docker = everything();
    assert_distinct(&from_docker);

    let taken_over = changes(&stage.plan(&options));
    names().for_each(|name| stage.clear(&name));
    eventually(60, "everything is made", || {
        stage.apply(&[options.as_slice(), &["--no-wait"]].concat());
        changes(&stage.plan(&options)).is_empty().then_some(())
    });
    let from_skep = everything();
    let mut differences = String::new();
    for key in from_docker.keys().chain(from_skep.keys()).collect::<BTreeSet<_>>() {
        let of = |objects: &BTreeMap<String, Value>| objects.get(key).cloned().unwrap_or_default();
        if let Some(lines) = difference(&of(&from_skep), &of(&from_docker)) {
            let source = source(&generated, &stage.plain(key));
            writeln!(differences, "{key}\n{source:#}\n{lines}").unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
    for (key, change) in taken_over {
        assert!(change.get("fields").is_none(), "{key} is not taken over as it is: {change:#}");
    }
}

/// At least three hundred services that differ in more than their names.
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
fn source<'g>(generated: &'g [Generated], key: &str) -> &'g Value {
    let place = key.strip_prefix("service g").and_then(|name| name.split_once('_'));
    let stack = place.and_then(|(stack, _)| generated.get(stack.parse::<usize>().ok()?));
    match (stack, place) {
        (Some(stack), Some((_, service))) => &stack.content["services"][service],
        _ => &Value::Null,
    }
}
