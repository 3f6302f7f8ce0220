//! What became of a release while no skep ran, the next one finds out: nothing is remembered outside the Swarm.

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::Proxy;
use crate::raw::{Raw, args};
use crate::stage::{Stage, changes};

/// Two tasks; Swarm does `ACTION` when one does not do what `COMMAND` says. The delay makes Swarm see that before it
/// goes on to the second one.
const WEB: &str = "
services:
  web:
    image: skep-demo/web:1
    command: [COMMAND]
    stop_grace_period: 1s
    deploy: { <<: *quick, replicas: 2, update_config: { monitor: 5s, delay: 3s, failure_action: ACTION } }
";

fn web(stage: &Stage<'_>, action: &str, command: &str) {
    stage.stack("shop", &WEB.replace("ACTION", action).replace("COMMAND", command));
}

/// What `skep status` says of service `name`, with its exit code.
fn status(stage: &Stage<'_>, name: &str) -> (i32, Value) {
    let run = stage.skep(&["status", "--exit-code", "--format", "json"]);
    let status: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    let mut services = status["stacks"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stack| stack["services"].as_array().unwrap());
    let service = services.find(|service| service["name"] == stage.name(name));
    (run.code, service.unwrap_or_else(|| panic!("{run}")).clone())
}

/// One pass of skep, and then nothing until Swarm has come to a verdict.
fn leave_alone(stage: &Stage<'_>, engine: &Engine, state: &str) {
    stage.apply(&["--no-wait"]);
    Raw::of(engine, stage.name("shop_web")).reaches(state);
}

#[test]
fn a_release_that_was_paused_while_no_skep_ran_stays_so_and_is_never_written_to() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    web(&stage, "pause", "sleep");
    stage.apply_well(&[]);
    web(&stage, "pause", "crash");
    leave_alone(&stage, &engine, "paused");

    let before = stage.service("shop_web");
    proxy.forget();
    let (code, seen) = status(&stage, "shop_web");
    assert_eq!((code, &seen["health"]), (4, &json!("Paused")), "{seen:#}");
    for options in [&[][..], &["--timeout", "3s"]] {
        stage.apply(options).ends(4, &["update paused", "non-zero exit (3)"]);
    }
    stage.apply(&["--no-wait"]).ends(
        4,
        &["Nothing was written. 1 service is not healthy.", "update paused", "non-zero exit (3)"],
    );
    stage.skep(&["status", "--path", "stacks", "--exit-code"]).ends(4, &["paused"]);
    stage.plan(&[]);
    // A label would be enough to make Swarm go on.
    web(&stage, "pause, order: start-first", "crash");
    stage.apply(&[]).ends(4, &["[rollout-paused]"]);
    assert_eq!(proxy.writes(), []);
    assert_eq!(stage.service("shop_web")["Version"], before["Version"]);

    web(&stage, "pause", "sleep, well");
    stage.apply_well(&[]);
    assert_eq!(status(&stage, "shop_web").0, 0);
}

#[test]
fn a_release_that_was_rolled_back_while_no_skep_ran_is_not_tried_again() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    web(&stage, "rollback", "sleep");
    stage.apply_well(&[]);
    web(&stage, "rollback", "crash");
    leave_alone(&stage, &engine, "rollback_completed");
    Raw::of(&engine, stage.name("shop_web")).runs(2);

    let before = stage.service("shop_web");
    proxy.forget();
    let compared = ["status", "--path", "stacks", "--exit-code"];
    stage.skep(&compared).ends(4, &["Degraded", "rolled back"]);
    for _ in 0..2 {
        stage.apply(&[]).ends(4, &["rolled back", "non-zero exit (3)", "skep retry"]);
    }
    let services = proxy.writes().into_iter().filter(|call| call.path.contains("/services/"));
    assert_eq!(services.count(), 0, "only the record of the fleet is written");
    assert_eq!(stage.service("shop_web")["Version"], before["Version"]);

    // To declare what runs is no release.
    web(&stage, "rollback", "sleep");
    stage.apply_well(&[]);
    assert_eq!(stage.service("shop_web")["Version"], before["Version"]);
}

#[test]
fn a_first_release_that_failed_while_no_skep_ran_is_degraded_and_is_no_refusal() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |command: &str| {
        let text = "
services:
  web: { image: 'skep-demo/web:1', command: [COMMAND], stop_grace_period: 1s, deploy: { <<: *quick, restart_policy: { condition: none } } }
  late: { image: 'skep-demo/web:1', command: [sleep], depends_on: [web], stop_grace_period: 1s, deploy: { <<: *quick } }
";
        stage.stack("shop", &text.replace("COMMAND", command));
    };
    stack("crash");
    stage.apply(&["--no-wait"]);
    let service = Raw::of(&engine, stage.name("shop_web"));
    eventually(30, "the only task has failed", || {
        let tasks = engine.tasks(&service.name);
        tasks.iter().any(|task| task["Status"]["State"] == "failed").then_some(())
    });
    stage.apply(&["--timeout", "60s"]).ends(4, &["non-zero exit (3)"]);
    let (code, seen) = status(&stage, "shop_web");
    assert_eq!((code, &seen["health"]), (4, &json!("Degraded")), "{seen:#}");
    assert_eq!(stage.names("service"), ["shop_web"]);
    assert_eq!(engine.tasks(&service.name).len(), 1, "it is not tried again");

    stack("sleep");
    stage.apply_well(&[]);
    assert_eq!(stage.names("service"), ["shop_late", "shop_web"]);
}

#[test]
fn a_job_that_ended_while_no_skep_ran_is_not_run_again() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let job = |name: &str, command: &str| {
        format!(
            "  {name}: {{ image: 'skep-demo/web:1', command: [{command}], deploy: {{ mode: replicated-job, restart_policy: {{ condition: none }} }} }}\n"
        )
    };
    let stack = |command: &str| {
        stage.stack("shop", &format!("\nservices:\n{}{}", job("good", "job"), job("bad", command)));
    };
    stack("crash");
    stage.apply(&["--no-wait"]);
    let ended = |name: &str, state: &str| {
        let name = stage.name(name);
        eventually(30, &format!("{name} is {state}"), || {
            engine.tasks(&name).iter().any(|task| task["Status"]["State"] == state).then_some(())
        });
    };
    ended("shop_good", "complete");
    ended("shop_bad", "failed");
    let before = stage.objects();

    for _ in 0..2 {
        stage.apply(&[]).ends(4, &["Nothing was written.", "non-zero exit (3)"]);
    }
    assert_eq!(status(&stage, "shop_bad").1["health"], "Degraded");
    assert_eq!(status(&stage, "shop_good").1["health"], "Healthy");
    assert_eq!(stage.objects(), before);
    for name in ["shop_good", "shop_bad"] {
        assert_eq!(engine.tasks(&stage.name(name)).len(), 1, "{name}");
    }

    stack("job, well");
    assert_eq!(changes(&stage.plan(&[])).len(), 1);
    stage.apply_well(&[]);
    assert_eq!(engine.tasks(&stage.name("shop_good")).len(), 1);
    let tasks = engine.tasks(&stage.name("shop_bad"));
    assert_eq!(args(tasks.last().unwrap()), &json!(["job", "well"]));
}
