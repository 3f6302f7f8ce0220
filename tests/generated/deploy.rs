//! `deploy`: modes, rollouts, resources, restarts and placement.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::blocks::{
    Values, any_of, durations, just, mapping, merged, pairs, pick, sizes, some_of, texts,
};

/// No node has it.
const NOWHERE: &str = "node.labels.nowhere == yes";

/// How the service is known in its networks, which decides what it may publish.
pub(crate) fn deploy(endpoint_mode: &'static str) -> Values {
    let replicated = json!(["replicated", null]);
    prop_oneof![
        6 => rolling(endpoint_mode, pick(replicated), pick(json!([0, 0, "${UNSET:-0}"])), false),
        1 => rolling(endpoint_mode, just(json!("replicated")), pick(json!([1, 2, 50])), true),
        2 => rolling(endpoint_mode, just(json!("global")), just(Value::Null), true),
        1 => job(endpoint_mode, "replicated-job", pick(json!([0])), false),
        1 => job(endpoint_mode, "global-job", just(Value::Null), true),
    ]
    .boxed()
}

fn rolling(endpoint: &'static str, mode: Values, replicas: Values, nowhere: bool) -> Values {
    let rest = mapping(vec![
        ("labels", 30, pairs(&["on.the", "service", "com.example.Ä", "x"], texts())),
        ("update_config", 40, rollout(json!(["pause", "continue", "rollback"]))),
        ("rollback_config", 30, rollout(json!(["pause", "continue"]))),
        ("resources", 40, resources()),
        ("restart_policy", 40, restart(json!(["none", "on-failure", "any"]))),
    ]);
    common(endpoint, mode, replicas, nowhere, rest)
}

fn job(endpoint: &'static str, mode: &'static str, replicas: Values, nowhere: bool) -> Values {
    let rest = mapping(vec![
        ("labels", 30, pairs(&["on.the", "job"], texts())),
        ("resources", 40, resources()),
        ("restart_policy", 70, restart(json!(["none", "on-failure"]))),
    ]);
    common(endpoint, just(json!(mode)), replicas, nowhere, rest)
}

fn common(
    endpoint: &'static str,
    mode: Values,
    replicas: Values,
    nowhere: bool,
    rest: Values,
) -> Values {
    let head = mapping(vec![
        ("mode", 100, mode),
        ("replicas", 100, replicas),
        ("endpoint_mode", if endpoint == "vip" { 30 } else { 100 }, just(json!(endpoint))),
        ("placement", if nowhere { 100 } else { 40 }, placement(nowhere)),
    ]);
    merged(vec![head, rest])
        .prop_map(|mut deploy| {
            let fields = deploy.as_object_mut().expect("a mapping");
            fields.retain(|_, value| !value.is_null());
            let replicated = matches!(deploy["mode"].as_str(), None | Some("replicated"));
            if !replicated && let Some(placement) = deploy.get_mut("placement") {
                placement.as_object_mut().expect("a mapping").remove("max_replicas_per_node");
            }
            deploy
        })
        .boxed()
}

fn rollout(failure_actions: Value) -> Values {
    mapping(vec![
        ("parallelism", 60, pick(json!([0, 1, 2, 10, "${UNSET:-3}"]))),
        ("delay", 50, durations()),
        ("failure_action", 50, pick(failure_actions)),
        ("monitor", 50, durations()),
        (
            "max_failure_ratio",
            50,
            pick(json!([0, 0.1, 0.25, 0.3, 0.5, 1, 0.015, "${UNSET:-0.2}", 0.123_456_789, 1e-7])),
        ),
        ("order", 50, pick(json!(["start-first", "stop-first"]))),
    ])
}

fn resources() -> Values {
    let cpus = || {
        any_of([
            pick(json!([
                "0.5",
                "2",
                "0.001",
                "1.25",
                "1/4",
                "4.0",
                "5e-1",
                "0.123456789",
                ".5",
                "1."
            ])),
            "[1-9]\\.[0-9]{1,9}".prop_map(Value::String).boxed(),
        ])
    };
    let kind = |kind: &str| {
        mapping(vec![("discrete_resource_spec", 100, just(json!({"kind": kind, "value": 2})))])
    };
    let generic = prop_oneof![
        vec![kind("gpu")].prop_map(Value::Array),
        vec![kind("ssd"), kind("fpga")].prop_map(Value::Array),
    ];
    mapping(vec![
        (
            "limits",
            70,
            mapping(vec![
                ("cpus", 60, cpus()),
                ("memory", 60, sizes()),
                ("pids", 50, pick(json!([0, 1, 50, 4096]))),
            ]),
        ),
        (
            "reservations",
            60,
            mapping(vec![
                ("cpus", 60, cpus()),
                ("memory", 60, sizes()),
                ("generic_resources", 40, generic.boxed()),
            ]),
        ),
    ])
}

fn restart(conditions: Value) -> Values {
    mapping(vec![
        // Without one it is `any`, which jobs may not have.
        ("condition", 100, pick(conditions)),
        ("delay", 50, durations()),
        ("max_attempts", 50, pick(json!([0, 1, 3, 100]))),
        ("window", 50, durations()),
    ])
}

fn placement(nowhere: bool) -> Values {
    let mut constraints = json!([
        "node.role == manager",
        "node.role!=worker",
        "node.labels.zone == a-1",
        "node.labels.com.example.disk != slow",
        "node.hostname == n1",
        "node.platform.os==linux",
        "engine.labels.kind == fast",
        "node.id != 2ivku8v2gvtg4",
        "node.ip != 10.1.0.0/16"
    ]);
    if nowhere {
        constraints = json!([NOWHERE]);
    }
    let preferences = json!([
        {"spread": "node.labels.zone"},
        {"spread": "engine.labels.rack"},
        {"spread": "node.labels.com.example.row"}
    ]);
    mapping(vec![
        ("constraints", if nowhere { 100 } else { 70 }, some_of(constraints)),
        ("preferences", 40, some_of(preferences)),
        ("max_replicas_per_node", 30, pick(json!([1, 2, 7]))),
    ])
}
