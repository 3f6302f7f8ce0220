//! What somebody changes by hand is seen, shown with both values, and put back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use skep::swarm::NEWEST;

use crate::engine::Engine;
use crate::like_docker::EVERYTHING;
use crate::stage::{Stage, changes, holds};

/// Every leaf below `value`, as a JSON pointer.
fn leaves(value: &Value, at: &str, into: &mut Vec<String>) {
    let below = |key: &str| format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| leaves(value, &below(key), into));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(n, value)| leaves(value, &below(&n.to_string()), into));
        }
        Value::Null => {}
        _ => into.push(at.to_owned()),
    }
}

/// Other values that a leaf may be able to have, likelier ones first.
fn others(leaf: &str, value: &Value) -> Vec<Value> {
    let known: &[&str] = match leaf.rsplit('/').next().unwrap() {
        "Order" => &["stop-first", "start-first"],
        "FailureAction" => &["pause", "continue"],
        "Condition" => &["any", "on-failure"],
        "Type" => &["bind", "volume"],
        "Propagation" => &["rprivate"],
        "StopSignal" => &["SIGTERM"],
        "Protocol" => &["sctp"],
        "PublishMode" => &["ingress", "host"],
        "Mode" if value.is_string() => &["vip", "dnsrr"],
        "Image" => &["skep-demo/web:2"],
        "Isolation" => &["process", "hyperv"],
        _ if leaf.contains("/Capability") => &["CAP_SYS_TIME"],
        _ if leaf.contains("/Nameservers") => &["8.8.8.8"],
        _ => &[],
    };
    match value {
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) => match number.as_i64() {
            Some(number) if number >= 1_000_000 => vec![json!(number * 2)],
            Some(number) => vec![json!(number + 1), json!(number + 100)],
            None => vec![json!(0.5)],
        },
        Value::String(text) => {
            let known = known.iter().filter(|known| *known != text).map(|known| json!(known));
            known.chain([json!(format!("{text}x"))]).collect()
        }
        _ => vec![],
    }
}

/// Leaves that cannot drift by themselves: the Engine refuses to change a name, whoever forces an update means it, an id
/// goes with the name beside it, and skep's own labels have tests of their own.
fn is_no_drift(leaf: &str) -> bool {
    leaf == "/Name"
        || leaf == "/TaskTemplate/ForceUpdate"
        || leaf.ends_with("/ConfigID")
        || leaf.ends_with("/SecretID")
        || leaf.starts_with("/Labels/skep.")
}

/// With every list in order and without what is empty: a repair may write down defaults, and give the attachments of a
/// service another order, which means the same.
fn meaning(value: &Value) -> Option<Value> {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().filter_map(meaning).collect();
            items.sort_by_key(Value::to_string);
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(fields) => {
            let fields =
                fields.iter().filter_map(|(key, value)| Some((key.clone(), meaning(value)?)));
            let fields: serde_json::Map<_, _> = fields.collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        Value::Null | Value::Bool(false) => None,
        other => Some(other.clone()),
    }
}

/// One leaf, changed by hand: the fields of the plan.
fn fields(plan: &Value, service: &str, leaf: &str) -> Vec<Value> {
    let changes = changes(plan);
    let key = format!("service {service}");
    assert_eq!(changes.keys().collect::<Vec<_>>(), [&key], "{leaf}");
    let change = &changes[&key];
    assert_eq!(change["action"], "update", "{leaf}");
    assert_eq!(change["causes"], json!(["drift"]), "{leaf}: {change:#}");
    let fields = change["fields"].as_array().unwrap().clone();
    assert!(!fields.is_empty(), "{leaf}: {change:#}");
    assert!(fields.iter().all(|field| field.get("before") != field.get("after")), "{leaf}");
    fields
}

#[test]
fn every_leaf_that_is_changed_by_hand_is_seen_and_put_back() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    // No node fits, so that no task of such a service ever starts.
    let text = EVERYTHING
        .replace("node.role == manager", "node.role == worker")
        .replace("version: '3.12'\n", "")
        .replace("start_period: 3s", "start_period: 3s, start_interval: 1s")
        .replace("B: '2'", "B: '2', API_TOKEN: one")
        .replace("1800", "1810");
    // What skep sends beside docker's keys, and what docker's client leaves out.
    let more = [
        (
            "    tty: true\n",
            "    tty: true\n    group_add: ['20']\n    dns_opt: [use-vc]\n    oom_score_adj: 10\n    credential_spec: { registry: gmsa }\n",
        ),
        ("aliases: [z, a]", "aliases: [z, a], driver_opts: { a.b: c }"),
        ("nocopy: true", "nocopy: true, subpath: in"),
        ("tmpfs: { size: 1048576 }", "tmpfs: { size: 1048576, mode: 0700 }"),
        ("mode: host }", "mode: host, name: web }"),
        (
            "failure_action: continue, monitor",
            "failure_action: continue, delay: 2s, order: start-first, monitor",
        ),
        (
            "volumes: { data: {",
            "volumes: { data: { driver: local, driver_opts: { type: tmpfs, device: tmpfs },",
        ),
        (
            "mode: replicated-job, replicas: 0",
            "mode: replicated-job, replicas: 2, placement: { constraints: [node.role == worker] }",
        ),
    ];
    let text = more.into_iter().fold(text, |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    });
    stage.exact_stack("all", &text);
    stage.file("all", "plain.txt", "plain\n");
    stage.file("all", "key.txt", "key\n");
    stage.apply_well(&["--no-wait"]);
    stage.apply_well(&["--no-wait"]);
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());
    let data = stage.path("all", "key.txt");
    let [config, secret] = ["config", "secret"].map(|kind| {
        let id = engine.docker(&[kind, "create", &stage.name("other"), data.to_str().unwrap()]);
        id.trim().to_owned()
    });
    let network =
        engine.docker(&["network", "create", "--driver", "overlay", &stage.name("other")]);

    let mut seen = String::new();
    // Of the job only what no other service has.
    for (service, part) in [("all_all", ""), ("all_lone", ""), ("all_job", "/Mode/")] {
        let name = stage.name(service);
        let declared = stage.service(service)["Spec"].clone();
        let mut pointers = Vec::new();
        leaves(&declared, "", &mut pointers);
        for leaf in pointers.iter().filter(|leaf| leaf.starts_with(part) && !is_no_drift(leaf)) {
            let before = declared.pointer(leaf).unwrap();
            let mut candidates = others(leaf, before);
            if leaf.contains("/Networks/") && leaf.ends_with("/Target") {
                candidates = vec![json!(network.trim())];
            }
            let changed = candidates.into_iter().any(|other| {
                let mut spec = declared.clone();
                *spec.pointer_mut(leaf).unwrap() = other;
                // Configs and secrets are named twice.
                for (kind, id) in [("Config", &config), ("Secret", &secret)] {
                    if let Some(reference) = leaf.strip_suffix(&format!("/{kind}Name")) {
                        let reference = spec.pointer_mut(reference).unwrap();
                        reference[format!("{kind}Name")] = json!(stage.name("other"));
                        reference[format!("{kind}ID")] = json!(id);
                    }
                }
                engine.try_update_service(&name, &spec)
                    && stage.service(service)["Spec"] != declared
            });
            if !changed {
                writeln!(seen, "{leaf}\n    cannot be changed").unwrap();
                continue;
            }
            writeln!(seen, "{leaf}").unwrap();
            for field in fields(&stage.plan(&[]), &name, leaf) {
                let value =
                    |of: &str| field.get(of).map_or_else(|| "none".to_owned(), Value::to_string);
                writeln!(
                    seen,
                    "    {}: {} -> {}",
                    field["path"].as_str().unwrap(),
                    value("before"),
                    value("after")
                )
                .unwrap();
            }
            stage.apply_well(&["--no-wait"]);
            let repaired = meaning(&stage.service(service)["Spec"]);
            assert_eq!(repaired, meaning(&declared), "{leaf}");
        }
    }
    // Older engines keep less.
    if engine.get("/version")["ApiVersion"] == NEWEST.to_string() {
        let suffixes = vec![(r"all_key-[0-9a-f]{8}", "all_key-<hash>")];
        insta::with_settings!({filters => suffixes}, {
            insta::assert_snapshot!(stage.plain(&seen));
        });
    }
}

#[test]
fn scaling_by_hand_shows_both_counts_and_is_put_back() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = asleep(&engine);
    let name = stage.name("shop_web");
    engine.docker(&["service", "scale", "--detach", &format!("{name}=3")]);

    let change = changes(&stage.plan(&[]))[&format!("service {name}")].clone();
    assert_eq!(change["causes"], json!(["drift"]));
    assert_eq!(change["effect"]["kind"], "in-place");
    assert_eq!(change["fields"].as_array().unwrap().len(), 1);
    let field = &change["fields"][0];
    assert_eq!(
        (&field["path"], &field["before"], &field["after"]),
        (&json!("deploy.replicas"), &json!(3), &json!(1))
    );
    let text = stage.skep(&["plan", "stacks", "--resolve-image", "never"]);
    text.ends(0, &["drift"]);
    assert!(text.stdout.contains("3 → 1"), "{text}");

    stage.apply_well(&[]);
    assert_eq!(stage.service("shop_web")["Spec"]["Mode"]["Replicated"]["Replicas"], 1);
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());
}

#[test]
fn a_service_that_was_removed_by_hand_comes_back() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = asleep(&engine);
    let name = stage.name("shop_web");
    engine.docker(&["service", "rm", &name]);
    let plan = stage.plan(&[]);
    let changes_ = changes(&plan);
    assert_eq!(changes_.keys().collect::<Vec<_>>(), [&format!("service {name}")]);
    let change = &changes_[&format!("service {name}")];
    assert_eq!((&change["action"], &change["causes"]), (&json!("create"), &json!(["drift"])));
    stage
        .skep(&["plan", "stacks", "--resolve-image", "never"])
        .ends(0, &["drift", "it was applied before, and somebody removed it"]);
    stage.apply_well(&[]);
    assert_eq!(stage.tasks("shop_web").len(), 1);
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());
}

#[test]
fn a_rollback_by_hand_is_drift_and_is_put_back() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = asleep(&engine);
    let name = stage.name("shop_web");
    let file = std::fs::read_to_string(stage.path("shop", "stack.yaml")).unwrap();
    stage.exact_stack("shop", &file.replace("COLOR: blue", "COLOR: green"));
    stage.apply_well(&[]);
    engine.docker(&["service", "rollback", &name]);

    let plan = stage.plan(&[]);
    let change = &changes(&plan)[&format!("service {name}")];
    assert_eq!(change["causes"], json!(["drift"]), "{plan:#}");
    assert_eq!(change["notes"][0], "somebody put an older release back");
    assert_eq!(holds(&plan), Vec::<String>::new(), "that is no refusal of Swarm's");
    stage.skep(&["status"]).ends(0, &["OutOfSync"]);

    stage.apply_well(&[]);
    let env = &stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"];
    assert!(env.as_array().unwrap().contains(&json!("COLOR=green")), "{env}");
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());
}

#[test]
fn an_environment_changed_by_hand_shows_its_values_unless_they_are_sensitive() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = asleep(&engine);
    let name = stage.name("shop_web");
    let by_hand = ["COLOR=red", "NEW=1", "API_TOKEN=stolen", "DB_PASSWORD=stolen"];
    let options = by_hand.iter().flat_map(|variable| ["--env-add", variable]);
    let command: Vec<&str> =
        ["service", "update", "--detach"].into_iter().chain(options).chain([&*name]).collect();
    engine.docker(&command);

    let change = changes(&stage.plan(&[]))[&format!("service {name}")].clone();
    assert_eq!(change["causes"], json!(["drift"]));
    assert_eq!(change["effect"]["kind"], "rolls");
    let shown: Vec<String> = change["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| format!("{}: {} -> {}", field["path"], field["before"], field["after"]))
        .collect();
    // The declared values of both differ, what they were changed to is the same.
    assert_eq!(
        shown,
        [
            r#""environment.API_TOKEN": {"sensitive":1} -> {"sensitive":2}"#,
            r#""environment.COLOR": "red" -> "blue""#,
            r#""environment.DB_PASSWORD": {"sensitive":1} -> {"sensitive":3}"#,
            r#""environment.NEW": "1" -> null"#,
        ]
    );
    let text = stage.skep(&["plan", "stacks", "--resolve-image", "never"]);
    text.ends(0, &["drift", "(sensitive #1) → (sensitive #2)", "(sensitive #1) → (sensitive #3)"]);
    assert!(!text.text().contains("stolen"), "{text}");

    stage.apply_well(&[]);
    let env = stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"].clone();
    assert_eq!(env, json!(["API_TOKEN=one", "COLOR=blue", "DB_PASSWORD=two"]));
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());
}

/// A stack of one service that does nothing.
fn asleep(engine: &Engine) -> Stage<'_> {
    let stage = Stage::on(engine);
    stage.stack(
        "shop",
        "
services:
  web:
    image: skep-demo/web:1
    command: [sleep]
    environment: { COLOR: blue, API_TOKEN: one, DB_PASSWORD: two }
    stop_grace_period: 1s
    deploy: { <<: *quick }
",
    );
    stage.apply_well(&[]);
    stage
}
