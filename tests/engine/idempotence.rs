//! The second pass is empty, and the first does what was planned and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::engine::Engine;
use crate::proxy::Proxy;
use crate::stage::{Mark, Stage, changes};

/// A bit of everything: modes, health, config, secret, networks, volume, job.
const SHOP: &str = "
services:
  web:
    image: skep-demo/web:1
    environment: { MESSAGE: hello, API_TOKEN: not-so-secret }
    networks: { front: { aliases: [www, shop] }, back: {} }
    configs: [{ source: greeting, target: /etc/greeting, mode: 0440 }]
    secrets: [token]
    volumes: ['data:/data', { type: tmpfs, target: /tmp, tmpfs: { size: 1m } }]
    healthcheck: { test: [CMD, /web, healthcheck], interval: 500ms, retries: 5 }
    stop_grace_period: 1s
    depends_on: { migrate: { condition: service_completed_successfully } }
    deploy: { <<: *quick, replicas: 2, resources: { limits: { cpus: '0.5', memory: 32M } } }
  agent:
    image: skep-demo/web:1
    command: [sleep]
    stop_grace_period: 1s
    ulimits: { nofile: { soft: 1024, hard: 2048 } }
    deploy: { <<: *quick, mode: global }
  migrate:
    image: skep-demo/web:1
    command: [job]
    deploy: { mode: replicated-job, restart_policy: { condition: on-failure, max_attempts: 1 } }
networks:
  front: { attachable: true }
  back: { internal: true, driver_opts: { com.docker.network.driver.mtu: '1400' } }
configs: { greeting: { file: greeting.txt } }
secrets: { token: { file: token.txt } }
volumes: { data: {} }
";

pub(crate) fn shop(stage: &Stage<'_>) {
    stage.stack("shop", SHOP);
    stage.file("shop", "greeting.txt", "hello\n");
    stage.file("shop", "token.txt", "t0p\n");
}

#[test]
fn the_second_apply_lists_and_writes_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    shop(&stage);
    stage.apply_well(&[]);
    let before = stage.objects();
    let tasks = (stage.tasks("shop_web"), stage.tasks("shop_migrate"));

    let objects = ["GET /configs", "GET /networks", "GET /secrets", "GET /services"];
    // A plan says what would change; an apply also says how the services are, which their tasks alone tell.
    let all = [&objects[..2], &["GET /nodes"], &objects[2..], &["GET /tasks"]].concat();
    let runs = [
        (["apply", "stacks", "--yes"], all),
        (["plan", "stacks", "--detailed-exitcode"], objects.to_vec()),
    ];
    for (arguments, expected) in runs {
        proxy.forget();
        let run = stage.skep(&[&arguments[..], &["--resolve-image", "never"]].concat());
        assert_eq!(run.code, 0, "{run}");
        let mut calls: Vec<String> = proxy
            .calls()
            .iter()
            .map(|call| format!("{} {}", call.method, call.endpoint()))
            // A network that another test made between two of the lists is looked up.
            .filter(|call| !call.starts_with("GET /networks/"))
            .collect();
        calls.sort();
        assert_eq!(calls, expected);
        assert_eq!(proxy.greetings(), 1, "{run}");
    }
    assert_eq!(stage.objects(), before);
    assert_eq!((stage.tasks("shop_web"), stage.tasks("shop_migrate")), tasks);
    let iteration = &stage.service("shop_migrate")["JobStatus"]["JobIteration"];
    assert_eq!(iteration["Index"].as_u64().unwrap_or(0), 0);
}

#[test]
fn an_image_that_no_registry_gives_a_digest_for_changes_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    let stack = "services: { web: { image: skep-demo/web:1, deploy: { replicas: 0 } } }";
    stage.stack("shop", stack);
    // The only node has the image.
    let run = stage.skep(&["apply", "stacks", "--yes"]);
    run.ends(0, &["no registry could be asked", "the only node has it"]);
    proxy.forget();
    stage.skep(&["apply", "stacks", "--yes"]).ends(0, &["Nothing was written."]);
    assert_eq!(proxy.writes(), []);
    let asked = proxy.calls().iter().any(|call| call.endpoint().contains("distribution"));
    assert!(!asked, "the reference in the file is the one that was deployed");
}

/// What differs between two looks at the Swarm, as `action kind name`.
fn moved(before: &BTreeMap<String, Mark>, after: &BTreeMap<String, Mark>) -> BTreeSet<String> {
    let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| format!("- {key}"));
    let new = after.keys().filter(|key| !before.contains_key(*key)).map(|key| format!("+ {key}"));
    let written =
        after.iter().filter(|(key, mark)| before.get(*key).is_some_and(|was| was != *mark));
    gone.chain(new).chain(written.map(|(key, _)| format!("~ {key}"))).collect()
}

/// What a plan says will move; the suffix of a secret is not known before the fleet has a key.
fn planned(plan: &Value) -> BTreeSet<String> {
    let sign = |change: &Value| match change["action"].as_str().unwrap() {
        "create" => "+",
        "remove" => "-",
        "update" | "adopt" => "~",
        other => panic!("{other}"),
    };
    let changes = changes(plan);
    let changes = changes.iter().map(|(key, change)| format!("{} {key}", sign(change)));
    let record = plan["record"]["name"].as_str().map(|name| format!("~ config {name}"));
    changes.chain(record).collect()
}

/// `name-0123abcd…` as `name-<hash>`.
fn unhashed(of: &BTreeSet<String>, fresh: bool) -> BTreeSet<String> {
    let unhash = |line: &String| match line.rsplit_once('-') {
        Some((name, hash)) if fresh && name.contains(" secret ") && !hash.contains(' ') => {
            format!("{name}-<hash>")
        }
        _ => line.clone(),
    };
    of.iter().map(unhash).collect()
}

#[test]
fn exactly_what_was_planned_moves() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    shop(&stage);
    let edits: [(&str, &dyn Fn()); 5] = [
        ("at first", &|| {}),
        ("a config and a secret", &|| {
            stage.file("shop", "greeting.txt", "good day\n");
            stage.file("shop", "token.txt", "n3w\n");
        }),
        ("a label and replicas", &|| {
            let text = SHOP.replace("replicas: 2", "replicas: 1, labels: { team: shop }");
            stage.stack("shop", &text);
        }),
        ("without the agent and with a network", &|| {
            let agent = SHOP.find("  agent:").unwrap()..SHOP.find("  migrate:").unwrap();
            let mut text = SHOP.to_owned();
            text.replace_range(agent, "");
            stage.stack(
                "shop",
                &text
                    .replace("networks: { front", "networks: { side: {}, front")
                    .replace("\n  front: {", "\n  side: {}\n  front: {"),
            );
        }),
        ("drift", &|| {
            engine.docker(&[
                "service",
                "update",
                "--detach",
                "--env-add",
                "MESSAGE=bye",
                &stage.name("shop_web"),
            ]);
        }),
    ];
    for (number, (what, edit)) in edits.into_iter().enumerate() {
        edit();
        let plan = stage.plan(&["--prune"]);
        let before = stage.objects();
        stage.apply_well(&["--prune"]);
        let after = moved(&before, &stage.objects());
        let fresh = number == 0;
        assert_eq!(unhashed(&after, fresh), unhashed(&planned(&plan), fresh), "{what}: {plan:#}");
        let left = stage.plan(&["--prune"]);
        assert_eq!(changes(&left), BTreeMap::new(), "{what}");
    }
}
