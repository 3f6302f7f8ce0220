//! What needs something else first waits for it, and only then.

use serde_json::Value;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::stage::{Stage, changes};

const STACK: &str = "
services:
  web:
    image: skep-demo/web:1
    environment: { RELEASE: '1' }
    depends_on: { db: { condition: service_healthy }, migrate: { condition: service_completed_successfully } }
    stop_grace_period: 1s
    deploy: { <<: *quick }
  migrate:
    image: skep-demo/web:1
    command: [job]
    environment: { RELEASE: '1', SECONDS: '1' }
    depends_on: { db: { condition: service_healthy } }
    deploy: { mode: replicated-job, restart_policy: { condition: on-failure } }
  db:
    image: skep-demo/web:1
    environment: { START_DELAY: '1' }
    healthcheck: { test: [CMD, /web, healthcheck], interval: 500ms, retries: 20 }
    stop_grace_period: 1s
    deploy: { <<: *quick }
";

fn text(value: &Value, at: &str) -> String {
    value
        .pointer(at)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {at} in {value:#}"))
        .to_owned()
}

/// When the only task of a service reached the state that it is in.
fn since(stage: &Stage<'_>, service: &str) -> String {
    let tasks = stage.tasks(service);
    text(tasks.values().next_back().unwrap(), "/Status/Timestamp")
}

#[test]
fn a_job_runs_before_the_service_that_needs_it_and_after_what_it_needs_itself() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", STACK);
    stage.apply_well(&[]);
    assert!(since(&stage, "shop_db") < text(&stage.service("shop_migrate"), "/CreatedAt"));
    assert!(since(&stage, "shop_migrate") < text(&stage.service("shop_web"), "/CreatedAt"));

    // A release runs the job again first, and leaves what does not change alone.
    let db = stage.service("shop_db");
    stage.stack("shop", &STACK.replace("RELEASE: '1'", "RELEASE: '2'"));
    let plan = stage.plan(&[]);
    let migrate = &changes(&plan)[&format!("service {}", stage.name("shop_migrate"))];
    assert_eq!(
        migrate["effect"],
        serde_json::json!({"kind": "runs-job", "again": true, "completions": 1})
    );
    stage.apply_well(&[]);
    assert_eq!(stage.service("shop_db"), db);
    assert_eq!(stage.service("shop_migrate")["JobStatus"]["JobIteration"]["Index"], 1);
    let job = stage
        .tasks("shop_migrate")
        .into_values()
        .map(|task| text(&task, "/Status/Timestamp"))
        .max();
    assert!(job.unwrap() < text(&stage.service("shop_web"), "/UpdatedAt"));
}

#[test]
fn one_pass_does_what_is_ready_and_says_what_waits() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", STACK);
    let mut waited = false;
    eventually(60, "nothing waits any more", || {
        let run = stage.apply(&["--no-wait"]);
        if run.code == 4 {
            assert!(run.text().contains("waits"), "{run}");
            waited = true;
        }
        (run.code == 0).then_some(())
    });
    assert!(waited);
    assert_eq!(stage.names("service"), ["shop_db", "shop_migrate", "shop_web"]);
}
