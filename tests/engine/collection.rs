//! Superseded configs and secrets: they stay as long as anything of anybody needs them, and then they go.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::proxy::{Fault, Proxy};
use crate::raw::{Raw, spec};
use crate::stage::{Stage, changes};

/// One config and one secret, and no task to wait for.
const SHOP: &str = "
services:
  web: { image: 'skep-demo/web:1', configs: [plain], secrets: [key], deploy: { replicas: 0 } }
configs: { plain: { file: plain.txt } }
secrets: { key: { file: key.txt } }
networks: { default: { external: true, name: bridge } }
";

/// A stage with a stack, the contents of whose files `write` names.
fn shop(engine: &Engine) -> Stage<'_> {
    let stage = Stage::on(engine);
    stage.exact_stack("shop", SHOP);
    stage
}

fn write(stage: &Stage<'_>, text: &str) {
    stage.file("shop", "plain.txt", format!("plain {text}\n"));
    stage.file("shop", "key.txt", format!("key {text}\n"));
}

fn rotate(stage: &Stage<'_>, text: &str) {
    write(stage, text);
    stage.apply_well(&[]);
}

/// The objects that a plan keeps, with the reasons.
fn kept(plan: &Value) -> Vec<(String, String)> {
    let stacks = plan["stacks"].as_array().unwrap().iter();
    let kept = stacks.flat_map(|stack| stack["retained"].as_array().into_iter().flatten());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    kept.map(|kept| (text(&kept["object"]["name"]), text(&kept["reason"]))).collect()
}

#[test]
fn a_generation_stays_while_a_foreign_service_is_on_it_or_can_roll_back_to_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = shop(&engine);
    rotate(&stage, "one");
    let (config, secret) = (stage.names("config")[0].clone(), stage.names("secret")[0].clone());
    let (config, secret) = (stage.name(&config), stage.name(&secret));
    let uses = ["--replicas", "0", "--config", &config, "--secret", &secret, "skep-demo/web:1"];
    engine.docker_service(&stage.name("guest"), &uses);
    rotate(&stage, "two");
    rotate(&stage, "three");
    let left = || (stage.names("config").len(), stage.names("secret").len());
    assert_eq!(left(), (3, 3), "those of the guest, of the rollback, and the current ones");
    let guest = format!("service {} uses it", stage.name("guest"));
    assert!(kept(&stage.plan(&[])).contains(&(config.clone(), guest)));

    let update = ["service", "update", "--detach", "--no-resolve-image"];
    let web = stage.name("guest");
    let remove = ["--config-rm", &config, "--secret-rm", &secret, &web];
    engine.docker(&[&update[..], &remove].concat());
    stage.apply_well(&[]);
    assert_eq!(left(), (3, 3));
    let rollback = format!("service {web} can roll back to it");
    assert!(kept(&stage.plan(&[])).contains(&(config.clone(), rollback)));

    engine.docker(&[&update[..], &["--label-add", "a=b", &web]].concat());
    stage.apply_well(&[]);
    assert_eq!(left(), (2, 2), "nobody needs it any more");
}

#[test]
fn a_generation_that_could_not_be_deleted_goes_with_the_next_pass_or_the_next_run() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = shop(&engine);
    stage.through(&proxy);
    rotate(&stage, "one");
    rotate(&stage, "two");
    let fail = |times: usize| {
        let deletions = AtomicUsize::new(0);
        proxy.inject(move |call| {
            let fails =
                call.method == Method::DELETE && deletions.fetch_add(1, Ordering::Relaxed) < times;
            fails.then_some(Fault::Answer(StatusCode::INTERNAL_SERVER_ERROR, "not now"))
        });
    };
    let deletions = || {
        let deletions = proxy.writes().into_iter().filter(|call| call.method == Method::DELETE);
        deletions.count()
    };

    // The first one fails; the pass after it deletes what is left.
    fail(1);
    proxy.forget();
    write(&stage, "three");
    let run = stage.apply_well(&[]);
    assert!(run.text().contains("not now"), "{run}");
    assert_eq!(deletions(), 3);
    assert_eq!((stage.names("config").len(), stage.names("secret").len()), (2, 2));

    // All of them fail: the run says so, and what it applied stands. The next one has nothing else to do.
    fail(usize::MAX);
    write(&stage, "four");
    stage.apply(&[]).ends(1, &["not now"]);
    assert_eq!((stage.names("config").len(), stage.names("secret").len()), (3, 3));
    proxy.inject(|_| None);
    let left = changes(&stage.plan(&[]));
    assert!(left.values().all(|change| change["action"] == "remove"), "{left:#?}");
    proxy.forget();
    stage.apply_well(&[]);
    assert_eq!(proxy.writes().len(), 2);
    assert_eq!((stage.names("config").len(), stage.names("secret").len()), (2, 2));
}

#[test]
fn the_retention_setting_keeps_as_many_generations_as_it_says() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = shop(&engine);
    let retain = |count: usize| {
        fs::write(stage.stacks().join("../skep.yaml"), format!("retention: {count}\n")).unwrap();
    };
    retain(1);
    for text in ["one", "two", "three", "four"] {
        rotate(&stage, text);
    }
    let left = || (stage.names("config").len(), stage.names("secret").len());
    assert_eq!(left(), (3, 3), "the current ones, those of the rollback, and one more");
    let reasons = kept(&stage.plan(&[]));
    let by_setting = reasons.iter().filter(|(_, reason)| reason == "kept by the retention setting");
    assert_eq!(by_setting.count(), 2, "{reasons:?}");
    retain(0);
    stage.apply_well(&[]);
    assert_eq!(left(), (2, 2));
}

#[test]
fn nothing_is_collected_before_the_new_generation_is_healthy() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |command: &str| {
        stage.stack(
            "shop",
            &format!(
                "
services:
  web: {{ image: 'skep-demo/web:1', command: [{command}], configs: [plain], stop_grace_period: 1s, deploy: {{ <<: *quick, restart_policy: {{ condition: none }} }} }}
configs: {{ plain: {{ file: plain.txt }} }}
"
            ),
        );
    };
    stack("sleep");
    for text in ["one", "two"] {
        stage.file("shop", "plain.txt", text);
        stage.apply_well(&[]);
    }
    stack("crash");
    stage.file("shop", "plain.txt", "three");
    stage.apply(&["--timeout", "20s"]).ends(4, &[]);
    assert_eq!(stage.names("config").len(), 3, "what the last good one had stays");
    stack("sleep, well");
    stage.apply_well(&[]);
    assert_eq!(stage.names("config").len(), 1, "the release that failed had the same");
}

#[test]
fn plain_objects_of_docker_are_used_on_when_swarm_says_that_they_are_the_same() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = shop(&engine);
    write(&stage, "one");
    let (file, name) = (stage.path("shop", "stack.yaml"), stage.name("shop"));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("version: '3.8'\n{text}")).unwrap();
    let deploy = ["stack", "deploy", "--detach=true", "--resolve-image", "never", "-c"];
    engine.docker(&[&deploy[..], &[file.to_str().unwrap(), &name]].concat());
    let template = || stage.service("shop_web")["Spec"]["TaskTemplate"].clone();
    let before = template();

    let plan = stage.plan(&[]);
    let secret = &changes(&plan)[&format!("secret {}", stage.name("shop_key"))];
    assert_eq!(secret["action"], "adopt");
    assert_eq!(secret["notes"], json!(["content checked when applied"]));
    stage.apply_well(&[]);
    assert_eq!(template(), before, "no task restarts");
    assert_eq!(
        (stage.names("config"), stage.names("secret")),
        (vec!["shop_plain".to_owned()], vec!["shop_key".to_owned()])
    );
    assert_eq!(changes(&stage.plan(&[])).len(), 0);

    // Other content makes generations with hashes; the plain ones are ours, and go when their time has come.
    rotate(&stage, "two");
    assert_eq!((stage.names("config").len(), stage.names("secret").len()), (2, 2));
    rotate(&stage, "three");
    let names = [stage.names("config"), stage.names("secret")].concat();
    assert!(names.iter().all(|name| name.contains('-')), "{names:?}");
}

#[test]
fn a_plain_secret_with_other_data_stays_where_it_is() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = shop(&engine);
    write(&stage, "ours");
    let secret = stage.name("shop_key");
    let labels = json!({"com.docker.stack.namespace": stage.name("shop")});
    // "theirs".
    let spec = json!({"Name": secret, "Labels": labels, "Data": "dGhlaXJz"});
    engine.create("/secrets/create", &spec);
    let before = engine.get(&format!("/secrets/{secret}"));
    stage.apply_well(&[]);
    assert_eq!(engine.get(&format!("/secrets/{secret}")), before, "it was never ours");
    assert_eq!(stage.names("secret").len(), 2);
    rotate(&stage, "other");
    rotate(&stage, "another");
    assert!(stage.names("secret").contains(&"shop_key".to_owned()));
}

#[test]
fn a_generation_stays_while_a_task_of_somebody_runs_with_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = shop(&engine);
    rotate(&stage, "one");
    let config = engine.get(&format!("/configs/{}", stage.name(&stage.names("config")[0])));
    let reference = json!([{
        "ConfigID": config["ID"],
        "ConfigName": config["Spec"]["Name"],
        "File": {"Name": "/plain", "UID": "0", "GID": "0", "Mode": 0o444},
    }]);
    let guest = stage.name("guest");
    let with = json!({"TaskTemplate": {"ContainerSpec": {"Configs": reference}}});
    let service = Raw::running(&engine, &spec(&guest, &["sleep"], with));
    rotate(&stage, "two");
    // Two updates that no node can take: neither spec names it any more, and the task runs on. With a constraint it might
    // not: Swarm holds the tasks that are there to that, too, when it next writes their node.
    for label in ["a", "b"] {
        let mut stuck = spec(
            &guest,
            &["sleep"],
            json!({
                "Labels": {"turn": label},
                "UpdateConfig": {"Order": "start-first"},
                "TaskTemplate": {"Resources": {"Reservations": {"MemoryBytes": 1_u64 << 50}}},
            }),
        );
        stuck["TaskTemplate"]["ContainerSpec"]["Env"] = json!([format!("TURN={label}")]);
        engine.update_service(&guest, &stuck);
    }
    let task = || {
        let tasks = engine.tasks(&service.name);
        tasks.into_iter().find(|task| task["Status"]["State"] == "running")
    };
    rotate(&stage, "three");
    assert!(task().is_some(), "it runs on while the update has no node");
    assert_eq!(stage.names("config").len(), 3);
    let words = format!("a task of service {guest} uses it");
    let reasons = kept(&stage.plan(&[]));
    assert!(reasons.iter().any(|(_, reason)| *reason == words), "{reasons:?}");
}
