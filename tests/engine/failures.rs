//! A rollout that fails ends the apply in time, with exit code 4 and Swarm's own words.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::raw::Raw;
use crate::stage::{Stage, changes, holds};

/// An update policy that puts the release before back.
const ROLLBACK: &str = "update_config: { monitor: 5s, failure_action: rollback }";

/// Declares a stack of one service.
fn web(stage: &Stage<'_>, image: &str, command: &str, deploy: &str) {
    let text = format!(
        "
services:
  web:
    image: {image}
    command: [{command}]
    stop_grace_period: 1s
    deploy: {{ <<: *quick, {deploy} }}
"
    );
    stage.stack("shop", &text);
}

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
        &[
            "timed out (0/1, crash loop)",
            "failed: non-zero exit (3)",
            "│ web 1: crashed because it was told to",
            "1 of 2 services are not healthy",
        ],
    );
    assert!(run.stdout.contains(&format!("service {}", stage.name("shop_web"))), "{run}");
    assert!(begun.elapsed() >= Duration::from_secs(8), "Swarm was still trying: {run}");

    // Nothing is to be written, and still nothing is well, not even in a moment in which a task runs before it crashes.
    for _ in 0..5 {
        let again = stage.apply(&["--timeout", "1s"]);
        again.ends(4, &["Nothing was written.", "failed: non-zero exit (3)"]);
    }
    stage.skep(&["status", "--exit-code"]).ends(4, &["non-zero exit (3)", "│ web 1: crashed"]);
    let said = stage.said("shop_web");
    assert_eq!(said["failure"]["log"]["lines"], json!(["web 1: crashed because it was told to"]));
    assert_eq!(said["failure"]["exit_code"], 3);
    assert!(["crash-loop", "task-ended"].contains(&said["reason"].as_str().unwrap()), "{said:#}");
    assert_eq!(stage.said("shop_good")["verdict"], "converged");
}

#[test]
fn a_log_is_read_without_frames_too_and_one_that_is_not_kept_is_a_note() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
x-web: &web { image: 'skep-demo/web:1', command: [crash], deploy: { <<: *quick, restart_policy: { condition: none } } }
services:
  terminal: { <<: *web, tty: true }
  none: { <<: *web, logging: { driver: none } }
",
    );
    stage.apply(&["--timeout", "30s"]).ends(
        4,
        &[
            "│ web 1: crashed because it was told to",
            "its log is not kept: the logging driver is none",
        ],
    );
    let log = |name: &str| stage.said(name)["failure"]["log"].clone();
    assert_eq!(log("shop_terminal")["lines"], json!(["web 1: crashed because it was told to"]));
    assert_eq!(log("shop_none")["lines"], json!([]));
}

#[test]
fn a_health_check_that_fails_is_told_from_a_crash() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
x-web: &web
  image: 'skep-demo/web:1'
  environment: { FAIL_HEALTH: '1' }
  healthcheck: { test: [CMD, /web, healthcheck], interval: 1s, retries: 1 }
  deploy: { <<: *quick }
services:
  killed: { <<: *web, stop_signal: SIGKILL }
  drained: { <<: *web }
",
    );
    // Swarm reports an end with exit code 0 as such, whoever asked for it.
    stage.apply(&["--timeout", "12s"]).ends(
        4,
        &[
            "(0/1, health check)",
            "unhealthy container",
            "Swarm does not say whether its health check stopped it",
        ],
    );
    assert_eq!(stage.said("shop_killed")["reason"], "health-check");
}

#[test]
fn zero_replicas_and_global_services_are_judged_like_others() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
x-web: &web { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s }
services:
  none: { <<: *web, deploy: { <<: *quick, replicas: 0 } }
  everywhere: { <<: *web, deploy: { <<: *quick, mode: global } }
  nowhere: { <<: *web, deploy: { <<: *quick, mode: global, placement: { constraints: [node.role == worker] } } }
  job: { image: 'skep-demo/web:1', command: [job], deploy: { mode: global-job } }
",
    );
    stage.apply_well(&[]);
    for (service, verdict, state) in [
        ("shop_none", "converged", "no tasks wanted"),
        ("shop_everywhere", "converged", "1/1 tasks healthy"),
        ("shop_nowhere", "converged", "no tasks wanted"),
        ("shop_job", "job-complete", "job complete (1/1)"),
    ] {
        let said = stage.said(service);
        assert_eq!(
            (&said["verdict"], &said["state"]),
            (&json!(verdict), &json!(state)),
            "{said:#}"
        );
    }
}

#[test]
fn progress_names_the_batch_of_an_update() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let batches = "replicas: 4, update_config: { parallelism: 2, delay: 3s, monitor: 1s }";
    web(&stage, "skep-demo/web:1", "sleep", batches);
    stage.apply_well(&[]);
    web(&stage, "skep-demo/web:1", "sleep, well", batches);
    let run = stage.apply_well(&[]);
    for words in ["batch 1 of 2)", "rolling (2/4, batch 1 of 2)", "batch 2 of 2)"] {
        assert!(run.stderr.contains(words), "{words} is not in {run}");
    }
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
    let place = format!("on {}", node.trim());
    run.ends(4, &["failing (0/1, rejected)", "No such image: skep-demo/none:1", &place]);
    let failure = &stage.said("shop_web")["failure"];
    assert_eq!(failure["log"], json!(null), "no container was there to write one");
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
    let node = engine.docker(&["node", "ls", "--format", "{{.Hostname}}"]);
    let node = node.trim();
    let words = format!("node.role == worker does not hold on {node}");
    run.ends(
        4,
        &[
            "timed out (0/1, no suitable node)",
            "no suitable node (scheduling constraints not satisfied",
            &words,
        ],
    );
    let said = stage.said("shop_web");
    assert_eq!(
        (&said["verdict"], &said["reason"]),
        (&json!("pending"), &json!("no-suitable-node"))
    );
    assert_eq!(
        said["obstacles"],
        json!([{ "code": "constraint", "what": "node.role == worker", "nodes": [node] }])
    );
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
    let stack = |command: &str| web(&stage, "skep-demo/web:1", command, ROLLBACK);
    stack("sleep");
    stage.apply_well(&[]);
    stack("crash");
    let run = stage.apply(&[]);
    run.ends(4, &["rolled back", "failed: non-zero exit (3)"]);
    let args = |stage: &Stage<'_>| {
        stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"].clone()
    };
    assert_eq!(args(&stage), serde_json::json!(["sleep"]));

    // Without files, the release that is not there is named too, with the command that allows it.
    let retry = format!("{}/web", stage.name("shop"));
    stage.skep(&["status", "--exit-code"]).ends(
        4,
        &[
            "OutOfSync",
            "Degraded",
            "rolled back, 1/1 tasks healthy",
            "Swarm rolled the last release back",
            "skep retry",
            &retry,
        ],
    );

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

#[test]
fn a_refused_release_of_a_service_that_was_made_anew_is_forgotten() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |command: &str| web(&stage, "skep-demo/web:1", command, ROLLBACK);
    stack("sleep");
    stage.apply_well(&[]);
    stack("crash");
    stage.apply(&[]).ends(4, &["rolled back"]);
    engine.docker(&["service", "rm", &stage.name("shop_web")]);
    stage.apply(&["--timeout", "2s"]).ends(4, &[]);
    engine.docker(&["service", "scale", "--detach", &format!("{}=2", stage.name("shop_web"))]);
    let plan = stage.plan(&[]);
    assert_eq!(holds(&plan), Vec::<String>::new(), "{plan:#}");
    let change = &changes(&plan)[&format!("service {}", stage.name("shop_web"))];
    assert_eq!(change["causes"], serde_json::json!(["drift"]));
}

#[test]
fn a_release_that_crashes_is_remembered_however_often_swarm_writes_its_node() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |command: &str| {
        let text = "
services:
  web: { image: 'skep-demo/web:1', command: [COMMAND], stop_grace_period: 1s, deploy: { <<: *quick, ROLLBACK } }
  steady: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick } }
";
        stage.stack("shop", &text.replace("COMMAND", command).replace("ROLLBACK", ROLLBACK));
    };
    stack("sleep");
    stage.apply_well(&[]);
    stack("crash");
    // The run that writes does not see how it ends.
    stage.apply(&["--no-wait"]);
    let service = Raw::of(&engine, stage.name("shop_web"));
    service.reaches("rollback_completed");
    let tasks = engine.tasks(&service.name);
    let failed = tasks.iter().find(|task| task["Status"]["State"] == "failed").unwrap();
    let ended = moment(&failed["Status"]["Timestamp"]);

    // A network that is new to a node is a write of the node.
    let busy = stage.name("busy");
    engine.docker(&["network", "create", "--driver", "overlay", &busy]);
    engine.docker_service(&busy, &["--network", &busy, "skep-demo/web:1", "sleep"]);
    eventually(30, "the node was written", || {
        let nodes = engine.get("/nodes");
        (moment(&nodes[0]["UpdatedAt"]) > ended).then_some(())
    });
    assert_eq!(holds(&stage.plan(&[])), ["refused-release"]);
    stage.apply(&[]).ends(4, &["it is not tried again by itself", "skep retry"]);
    assert_eq!(service.get()["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"], json!(["sleep"]));
}

/// A moment that the Engine tells.
fn moment(text: &Value) -> Timestamp {
    text.as_str().unwrap().parse().unwrap()
}

#[test]
fn a_release_whose_image_a_node_cannot_fetch_is_rolled_back_and_not_held_against_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |image: &str| web(&stage, image, "sleep", ROLLBACK);
    stack("skep-demo/web:1");
    stage.apply_well(&[]);
    // A digest that a registry named, and no registry that gives it out.
    let digest = "0".repeat(64);
    stack(&format!("127.0.0.1:9/web:2@sha256:{digest}"));
    for _ in 0..2 {
        let run = stage.apply(&[]);
        run.ends(
            4,
            &["1 updated", "could not fetch 127.0.0.1:9/web:2@sha256", "nothing is remembered"],
        );
    }
    let plan = stage.plan(&[]);
    assert_eq!(holds(&plan), [""; 0], "the next run tries again: {plan:#}");
    // Without a digest nobody knows that there is such an image: that is the release's own fault.
    stack("127.0.0.1:9/web:3");
    let run = stage.apply(&[]);
    run.ends(4, &["Swarm rolled this release back", "it is not tried again by itself"]);
    assert_eq!(holds(&stage.plan(&[])), ["refused-release"], "{run}");
    assert_eq!(stage.apply(&[]).stdout.matches("updated").count(), 0);
}
