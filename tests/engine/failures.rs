//! A rollout that fails ends the apply in time, with exit code 4 and Swarm's own words.

use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::stage::{Stage, changes};

#[test]
fn an_image_that_crashes_ends_the_apply_within_its_deadline_with_the_tasks_error() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
services:
  web: { image: 'skep-demo/web:1', command: [crash], deploy: { <<: *quick } }
  good: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick } }
",
    );
    let begun = Instant::now();
    let run = stage.apply(&["--timeout", "8s"]);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    run.ends(
        4,
        &["failed: non-zero exit (3)", "0/1 tasks ready", "1 of 2 services are not healthy"],
    );
    assert!(run.stdout.contains(&format!("service {}", stage.name("shop_web"))), "{run}");
    assert!(begun.elapsed() >= Duration::from_secs(8), "Swarm was still trying: {run}");

    // Nothing is to be written, and still nothing is well, not even in a moment in which a task runs before it crashes.
    for _ in 0..5 {
        let again = stage.apply(&["--timeout", "1s"]);
        again.ends(4, &["Nothing was written.", "failed: non-zero exit (3)"]);
    }
    stage.skep(&["status", "--exit-code"]).ends(4, &["non-zero exit (3)"]);
}

#[test]
fn an_image_that_does_not_exist_ends_the_apply_at_once_and_names_the_node() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", "services: { web: { image: 'skep-demo/none:1', deploy: { <<: *quick } } }");
    let begun = Instant::now();
    let run = stage.apply(&[]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let node = engine.docker(&["node", "ls", "--format", "{{.Hostname}}"]);
    run.ends(4, &["No such image: skep-demo/none:1", &format!("on {}", node.trim())]);
}

#[test]
fn a_service_without_a_suitable_node_ends_the_apply_within_its_deadline() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "services: { web: { image: 'skep-demo/web:1', deploy: { <<: *quick, placement: { constraints: [node.role == worker] } } } }",
    );
    let run = stage.apply(&["--timeout", "3s"]);
    run.ends(4, &["no suitable node (scheduling constraints not satisfied"]);
}

#[test]
fn a_job_that_fails_ends_the_apply_and_holds_what_waits_for_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
services:
  migrate: { image: 'skep-demo/web:1', command: [crash], deploy: { mode: replicated-job, restart_policy: { condition: none } } }
  web: { image: 'skep-demo/web:1', depends_on: { migrate: { condition: service_completed_successfully } } }
",
    );
    let run = stage.apply(&["--timeout", "20s"]);
    run.ends(4, &["failed: non-zero exit (3)", "job failed"]);
    assert_eq!(stage.names("service"), ["shop_migrate"]);
    assert_eq!(changes(&stage.plan(&[])).len(), 1);
}

#[test]
fn an_update_that_swarm_rolled_back_is_not_tried_again_until_the_file_changes() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |command: &str| {
        let text = "
services:
  web:
    image: skep-demo/web:1
    command: [COMMAND]
    stop_grace_period: 1s
    deploy: { <<: *quick, update_config: { monitor: 5s, failure_action: rollback } }
";
        stage.stack("shop", &text.replace("COMMAND", command));
    };
    stack("sleep");
    stage.apply_well(&[]);
    stack("crash");
    let run = stage.apply(&[]);
    run.ends(4, &["rolled back", "failed: non-zero exit (3)"]);
    let args = |stage: &Stage<'_>| {
        stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"].clone()
    };
    assert_eq!(args(&stage), serde_json::json!(["sleep"]));

    let before = stage.objects();
    stage.apply(&[]).ends(4, &["rolled"]);
    stage.apply(&[]).ends(4, &["rolled"]);
    assert_eq!(stage.objects(), before, "a refused release is not tried again");

    stack("sleep, well");
    stage.apply_well(&[]);
    assert_eq!(args(&stage), serde_json::json!(["sleep", "well"]));
    assert_eq!(changes(&stage.plan(&[])).len(), 0);

    // It stays refused when it comes back, until a person allows one more try.
    stack("crash");
    stage.apply(&[]).ends(4, &["Nothing was written.", "skep retry"]);
    let release = format!("{}/web", stage.name("shop"));
    stage.skep(&["retry", &release]).ends(0, &[]);
    stage.apply(&[]).ends(4, &["rolled back", "non-zero exit (3)"]);

    // What Swarm went back to is what is declared again, and healthy.
    stack("sleep, well");
    stage.apply_well(&[]);
}
