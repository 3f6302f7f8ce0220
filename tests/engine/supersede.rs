//! A newer release while a rollout is under way waits for Swarm's verdict, except where nothing would be lost.

use serde_json::Value;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::stage::{Stage, holds};

/// A release that is rolled out slowly: one task, a while of nothing, the other task.
const SLOW: &str = "
services:
  web:
    image: skep-demo/web:1
    environment: { RELEASE: '@', FAIL_HEALTH: '?' }
    healthcheck: { test: [CMD, /web, healthcheck], interval: 500ms, retries: 100, start_period: 60s }
    stop_grace_period: 1s
    deploy: { replicas: 2, update_config: { monitor: 1s, delay: 6s } }
";

fn declare(stage: &Stage<'_>, release: &str, fails: bool) {
    let text = SLOW.replace('@', release).replace('?', if fails { "1" } else { "0" });
    stage.stack("shop", &text);
}

/// The release that a task's spec has.
fn release(spec: &Value) -> String {
    let env = spec["ContainerSpec"]["Env"].as_array().unwrap();
    let mut release = env.iter().filter_map(|line| line.as_str()?.strip_prefix("RELEASE="));
    release.next_back().unwrap().to_owned()
}

/// Declares and begins to roll out a release, and waits until Swarm has begun, too.
fn begin(stage: &Stage<'_>, number: &str, fails: bool) {
    declare(stage, number, fails);
    stage.apply(&["--no-wait", "--now"]).ends(0, &["1 updated"]);
    eventually(30, "the rollout is under way", || {
        let service = stage.service("shop_web");
        let mut tasks = stage.tasks("shop_web").into_values();
        let is_begun = tasks.any(|task| {
            let state = task["Status"]["State"].as_str().unwrap_or_default();
            release(&task["Spec"]) == number && state == if fails { "starting" } else { "running" }
        });
        (service["UpdateStatus"]["State"] == "updating" && is_begun).then_some(())
    });
}

#[test]
fn a_newer_release_waits_for_the_verdict_on_the_one_before() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    declare(&stage, "1", false);
    stage.apply_well(&[]);

    begin(&stage, "2", false);
    declare(&stage, "3", false);
    assert_eq!(holds(&stage.plan(&[])), ["waits-for-rollout"]);
    let run = stage.apply(&["--no-wait"]);
    run.ends(4, &["waits for Swarm's verdict", "--now", "[waits-for-rollout]"]);
    assert_eq!(release(&stage.service("shop_web")["Spec"]["TaskTemplate"]), "2");
    assert_eq!(release(&stage.service("shop_web")["PreviousSpec"]["TaskTemplate"]), "1");
    stage.apply_well(&[]);
    let service = stage.service("shop_web");
    let releases = ["Spec", "PreviousSpec"].map(|spec| release(&service[spec]["TaskTemplate"]));
    assert_eq!(releases, ["3", "2"]);

    // Not if a person is in a hurry,
    begin(&stage, "4", false);
    declare(&stage, "5", false);
    stage.apply(&["--no-wait", "--now"]).ends(0, &["1 updated"]);
    assert_eq!(release(&stage.service("shop_web")["Spec"]["TaskTemplate"]), "5");
}

#[test]
fn a_release_of_which_no_task_is_healthy_is_not_waited_for() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    declare(&stage, "1", false);
    stage.apply_well(&[]);
    begin(&stage, "2", true);
    declare(&stage, "3", false);
    assert!(holds(&stage.plan(&[])).is_empty());
    stage.apply_well(&[]);
    assert_eq!(release(&stage.service("shop_web")["Spec"]["TaskTemplate"]), "3");
}
