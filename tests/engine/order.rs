//! What needs something else first waits for it, and only then.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
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

#[test]
fn every_condition_is_met_by_what_its_name_says() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
services:
  web:
    image: skep-demo/web:1
    command: [sleep]
    depends_on:
      sick: { condition: service_started }
      plain: { condition: service_healthy }
      seed: { condition: service_completed_successfully }
    stop_grace_period: 1s
    deploy: { <<: *quick }
  # It starts, and is never well.
  sick:
    image: skep-demo/web:1
    environment: { FAIL_HEALTH: '1' }
    healthcheck: { test: [CMD, /web, healthcheck], interval: 1s, retries: 100, start_period: 90s }
    stop_grace_period: 1s
    deploy: { <<: *quick }
  # Without a health check, to run for the monitor period is health.
  plain: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick, mode: global, update_config: { monitor: 2s } } }
  seed: { image: 'skep-demo/web:1', command: [job], deploy: { mode: global-job, restart_policy: { condition: none } } }
",
    );
    let run = stage.apply(&["--timeout", "8s"]);
    run.ends(4, &["1 of 4 services are not healthy", "shop_sick: timed out (0/1"]);
    let made: Timestamp = text(&stage.service("shop_web"), "/CreatedAt").parse().unwrap();
    let plain: Timestamp = since(&stage, "shop_plain").parse().unwrap();
    assert!(made.duration_since(plain) >= SignedDuration::from_secs(2), "{plain} {made}");
    assert!(since(&stage, "shop_seed") < text(&stage.service("shop_web"), "/CreatedAt"));
}

#[test]
fn a_dependency_that_fails_ends_the_wait_at_once_with_its_reason() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
services:
  web: { image: 'skep-demo/web:1', depends_on: { cache: { condition: service_healthy } }, deploy: { <<: *quick } }
  cache: { image: 'skep-demo/web:1', depends_on: { db: { condition: service_started } }, deploy: { <<: *quick } }
  db: { image: 'skep-demo/none:1', deploy: { <<: *quick } }
",
    );
    let begun = Instant::now();
    let run = stage.apply(&["--timeout", "10m"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let (db, cache) = (stage.name("shop_db"), stage.name("shop_cache"));
    run.ends(
        4,
        &[
            &format!("waits for service {db}: failing"),
            "No such image: skep-demo/none:1",
            &format!("waits for service {cache}, which is held"),
        ],
    );
    assert_eq!(stage.names("service"), ["shop_db"]);
}
