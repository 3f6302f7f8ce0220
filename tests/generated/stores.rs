//! Configs and secrets: what services mount, and what the stack declares.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::EXTERNAL;
use super::blocks::{Values, any_of, just, mapping, merged, pairs, pick, raw, some_of, texts};

const NAMES: [&str; 5] = ["plain", "template", "named", "outside", "old"];

/// The configs or secrets of a service.
pub(crate) fn references() -> Values {
    some_of(json!(NAMES))
        .prop_flat_map(|names| {
            let names: Vec<String> = serde_json::from_value(names).expect("names");
            names.iter().map(|name| reference(name)).collect::<Vec<_>>()
        })
        .prop_map(Value::Array)
        .boxed()
}

fn reference(name: &str) -> Values {
    let modes = [raw("0440"), raw("0400"), raw("0o444"), json!(292), json!(0)];
    let long = merged(vec![
        just(json!({"source": name})),
        mapping(vec![
            (
                "target",
                60,
                pick(json!([
                    format!("/etc/{name}"),
                    format!("other-{name}"),
                    format!("deep/{name}")
                ])),
            ),
            ("uid", 40, pick(json!(["0", "103"]))),
            ("gid", 40, pick(json!(["0", "103"]))),
            ("mode", 60, pick(json!(modes))),
        ]),
    ]);
    any_of([just(json!(name)), long])
}

/// The `configs` or `secrets` of the stack.
pub(crate) fn definitions(kind: &'static str, stack: usize) -> Values {
    let labels = || mapping(vec![("labels", 50, pairs(&["on.the", "store"], texts()))]);
    mapping(vec![
        ("plain", 100, merged(vec![just(json!({"file": "./plain.txt"})), labels()])),
        (
            "template",
            100,
            merged(vec![
                just(json!({"file": "template.txt", "template_driver": "golang"})),
                labels(),
            ]),
        ),
        (
            "named",
            100,
            merged(vec![
                just(json!({"file": "key.txt", "name": format!("%{}-{kind}", super::name(stack))})),
                labels(),
            ]),
        ),
        ("outside", 100, just(json!({"external": true, "name": EXTERNAL[0]}))),
        ("old", 100, just(json!({"external": {"name": EXTERNAL[1]}}))),
    ])
}
