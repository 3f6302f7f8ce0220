//! What is not skep's survives everything that skep does.

use std::collections::BTreeMap;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::stage::{Mark, Stage, changes};

const STACK: &str = "
services:
  web: { image: 'skep-demo/web:1', command: [sleep], configs: [plain], secrets: [key], volumes: ['data:/data'], networks: [own], stop_grace_period: 1s, deploy: { <<: *quick } }
  old: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick } }
networks: { own: {} }
configs: { plain: { file: plain.txt } }
secrets: { key: { file: key.txt } }
volumes: { data: {} }
";

/// Objects of every kind, made by hand under these names and with these labels.
fn make(engine: &Engine, stage: &Stage<'_>, name: &str, labels: &[(&str, &str)]) {
    let name = &stage.name(name);
    let data = stage.path("shop", "key.txt");
    let data = data.to_str().unwrap();
    let labels: Vec<String> =
        labels.iter().map(|(key, value)| format!("--label={key}={value}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let docker =
        |before: &[&str], after: &[&str]| engine.docker(&[before, &labels, after].concat());
    docker(&["network", "create", "--driver", "overlay"], &[name]);
    docker(&["config", "create"], &[name, data]);
    docker(&["secret", "create"], &[name, data]);
    docker(&["volume", "create"], &[name]);
    let uses = ["--network", name, "skep-demo/web:1", "sleep"];
    engine.docker_service(name, &[&labels[..], &uses].concat());
}

#[test]
fn what_is_not_skeps_survives_apply_prune_and_removal() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", STACK);
    stage.file("shop", "plain.txt", "plain\n");
    stage.file("shop", "key.txt", "key\n");
    let namespace = stage.name("shop");
    let beside = ["alone", "shop_beside", "shop_web-copy"];
    make(&engine, &stage, beside[0], &[]);
    // In the stack's own name and namespace, but not declared and not skep's.
    make(&engine, &stage, beside[1], &[("com.docker.stack.namespace", &namespace)]);
    // With labels that were copied from another object.
    let copied = format!("service {namespace}_web");
    let labels = [
        ("com.docker.stack.namespace", namespace.as_str()),
        ("skep.fleet", stage.fleet()),
        ("skep.source", "cli"),
        ("skep.stack", &namespace),
        ("skep.object", &copied),
    ];
    make(&engine, &stage, beside[2], &labels);
    let theirs = || -> BTreeMap<String, Mark> {
        let objects = stage.objects().into_iter();
        let volumes = engine.docker(&["volume", "ls", "--format", "{{.Name}}"]);
        let volumes = volumes
            .lines()
            .map(|name| (format!("volume {name}"), Mark { id: String::new(), version: 0 }));
        objects
            .chain(volumes)
            .filter(|(key, _)| {
                beside.iter().any(|name| key.ends_with(&format!(" {}", stage.name(name))))
            })
            .collect()
    };
    let tasks = || beside.map(|name| stage.tasks(name).into_keys().collect::<Vec<_>>());
    // Swarm moves versions by itself while it allocates addresses.
    eventually(30, "everything beside is up", || {
        let is_up = |name: &str| {
            let tasks = stage.tasks(name);
            let runs = tasks.values().all(|task| task["Status"]["State"] == "running");
            let addresses = stage.service(name)["Endpoint"]["VirtualIPs"].is_array();
            !tasks.is_empty() && runs && addresses
        };
        beside.iter().all(|name| is_up(name)).then_some(())
    });
    let before = (theirs(), tasks());
    assert_eq!(before.0.len(), 15);

    stage.apply_well(&[]);
    assert_eq!((theirs(), tasks()), before);

    stage.stack(
        "shop",
        STACK
            .lines()
            .filter(|line| !line.contains(" old:"))
            .collect::<Vec<_>>()
            .join("\n")
            .as_str(),
    );
    stage.apply_well(&["--prune"]);
    assert!(!stage.names("service").contains(&"shop_old".to_owned()));
    assert_eq!((theirs(), tasks()), before);

    stage.forget("shop");
    stage.stack(
        "other",
        "services: { site: { image: 'skep-demo/web:1', deploy: { replicas: 0 } } }",
    );
    stage.apply_well(&["--prune", "--prune-stacks"]);
    assert_eq!(stage.names("service"), ["alone", "other_site", "shop_beside", "shop_web-copy"]);
    assert_eq!(stage.names("config"), beside);
    assert_eq!(stage.names("secret"), beside);
    assert_eq!((theirs(), tasks()), before);
    let volumes = engine.docker(&["volume", "ls", "--format", "{{.Name}}"]);
    assert!(volumes.contains(&stage.name("shop_data")), "volumes are never removed");
    assert_eq!(changes(&stage.plan(&["--prune", "--prune-stacks"])), BTreeMap::new());
}
