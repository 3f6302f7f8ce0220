//! `networks` of services and of the stack.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::blocks::{Values, any_of, boolean, just, mapping, merged, pairs, pick, some_of, texts};

/// What the stack declares, and services may be attached to.
const NETWORKS: [&str; 5] = ["default", "front", "back", "given", "host"];

/// The networks of a service.
pub(crate) fn attachments() -> Values {
    let list = || some_of(json!(NETWORKS));
    let attachment = any_of([
        just(Value::Null),
        just(json!({})),
        mapping(vec![
            ("aliases", 80, some_of(json!(["z", "a", "db.internal", "B"]))),
            (
                "driver_opts",
                40,
                pairs(&["com.example.opt", "x"], texts())
                    .prop_filter("a mapping", Value::is_object)
                    .boxed(),
            ),
            ("ipv4_address", 10, just(json!("10.9.9.9"))),
            ("ipv6_address", 10, just(json!("2001:db8::9"))),
        ]),
    ]);
    let map = list().prop_flat_map(move |names| {
        let names: Vec<String> = serde_json::from_value(names).expect("names");
        let count = names.len();
        vec![attachment.clone(); count]
            .prop_map(move |values| names.iter().cloned().zip(values).collect::<Value>())
    });
    any_of([list(), map.boxed()])
}

/// The `networks` of stack number `stack`.
pub(crate) fn definitions(stack: usize) -> Values {
    let subnet = format!("10.21{}.0.0/24", stack % 10);
    let options = || {
        mapping(vec![
            ("driver", 50, just(json!("overlay"))),
            ("attachable", 50, boolean()),
            ("internal", 50, boolean()),
            ("labels", 50, pairs(&["on.the", "network"], texts())),
        ])
    };
    let ipam = merged(vec![
        just(json!({"config": [{"subnet": subnet}]})),
        mapping(vec![("driver", 50, just(json!("default")))]),
    ]);
    mapping(vec![
        ("default", 50, options()),
        ("front", 100, any_of([just(Value::Null), options()])),
        (
            "back",
            100,
            merged(vec![
                options(),
                just(json!({"name": format!("%{}-back", super::name(stack))})),
                mapping(vec![(
                    "driver_opts",
                    100,
                    pick(
                        json!([{"encrypted": ""}, {"encrypted": "true"}, {"com.docker.network.driver.mtu": 1400}]),
                    ),
                )]),
            ]),
        ),
        ("given", 100, merged(vec![options(), mapping(vec![("ipam", 100, ipam)])])),
        (
            "host",
            100,
            pick(
                json!([{"external": true}, {"external": true, "name": "host"}, {"external": {"name": "bridge"}}]),
            ),
        ),
    ])
}
