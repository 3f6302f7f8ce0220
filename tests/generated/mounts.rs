//! `volumes` of services and of the stack.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::blocks::{Values, any_of, boolean, just, mapping, merged, numbered, pairs, pick, texts};

/// What the stack declares, and one of the services may mount.
const VOLUMES: [&str; 5] = ["data", "labelled", "named", "driven", "outside"];

/// The mounts of a service.
pub(crate) fn mounts() -> Values {
    numbered(4, |number| {
        any_of([short(number), bind(number), volume(number), tmpfs(number), cluster(number)])
    })
}

fn short(number: usize) -> Values {
    let target = format!("/m{number}");
    let volumes = VOLUMES.iter().flat_map(|volume| {
        ["", ":ro", ":rw", ":nocopy", ":ro,nocopy", ":z"]
            .map(|mode| format!("{volume}:{target}{mode}"))
    });
    let others = [
        target.clone(),
        format!("/etc:{target}"),
        format!("/etc:{target}:ro"),
        format!("/proc:{target}:ro,rslave"),
        format!("/srv:{target}:rshared"),
        format!("./beside:{target}"),
        format!("../above:{target}:ro"),
        format!(".:{target}"),
        format!("~/at-home:{target}"),
    ];
    pick(Value::Array(volumes.chain(others).map(Value::String).collect()))
}

fn base(kind: &str, number: usize) -> Values {
    merged(vec![
        just(json!({"type": kind, "target": format!("/m{number}")})),
        mapping(vec![
            ("read_only", 40, boolean()),
            ("consistency", 10, pick(json!(["consistent", "cached", "delegated", "default"]))),
        ]),
    ])
}

fn bind(number: usize) -> Values {
    let propagation = pick(json!(["rprivate", "private", "rshared", "shared", "rslave", "slave"]));
    merged(vec![
        base("bind", number),
        mapping(vec![
            ("source", 100, pick(json!(["/etc", "./beside", "../above", "~/at-home", "/srv/a b"]))),
            ("bind", 50, mapping(vec![("propagation", 80, propagation)])),
        ]),
    ])
}

fn volume(number: usize) -> Values {
    let options = mapping(vec![
        ("nocopy", 50, pick(json!([true, false]))),
        ("subpath", 50, pick(json!(["a", "a/b"]))),
    ]);
    merged(vec![
        base("volume", number),
        mapping(vec![("source", 80, pick(json!(VOLUMES))), ("volume", 50, options)]),
    ])
}

fn tmpfs(number: usize) -> Values {
    let options = mapping(vec![("size", 80, pick(json!([0, 4096, 1_048_576, 67_108_864])))]);
    merged(vec![base("tmpfs", number), mapping(vec![("tmpfs", 60, options)])])
}

fn cluster(number: usize) -> Values {
    let source = mapping(vec![("source", 100, pick(json!(["group:fast", "group:slow"])))]);
    merged(vec![base("cluster", number), source])
}

/// The `volumes` of the stack.
pub(crate) fn definitions(stack: usize) -> Values {
    let name = super::name(stack);
    let options =
        || pairs(&["type", "device", "o"], texts()).prop_filter("a mapping", Value::is_object);
    mapping(vec![
        ("data", 100, pick(json!([null, {}]))),
        ("labelled", 100, mapping(vec![("labels", 100, pairs(&["on.the", "volume"], texts()))])),
        ("named", 100, just(json!({"name": format!("%{name}-named")}))),
        (
            "driven",
            100,
            merged(vec![
                just(json!({"driver": "local"})),
                mapping(vec![("driver_opts", 80, options().boxed())]),
            ]),
        ),
        (
            "outside",
            100,
            pick(
                json!([{"external": true}, {"external": true, "name": format!("%{name}-volume")}, {"external": {"name": format!("%{name}-volume")}}]),
            ),
        ),
        (
            "claimed",
            100,
            just(
                json!({"driver": "x", "x-cluster-spec": {"group": "fast", "availability": "drain"}}),
            ),
        ),
    ])
}
