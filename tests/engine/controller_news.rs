//! What a controller tells of releases that go well and of every way in which they fail, on a real Swarm.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::published::assert_published;
use crate::receiver::HttpReceiver;
use crate::running::Running;
use crate::stage::Stage;

const ROLLBACK: &str = "update_config: { monitor: 5s, failure_action: rollback }";
const PAUSE: &str = "update_config: { monitor: 5s, failure_action: pause }";

/// Declares a stack of one service.
fn web(stage: &Stage<'_>, stack: &str, image: &str, command: &str, deploy: &str) {
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
    stage.stack(stack, &text);
}

fn document(controller: &Running<'_, '_>, what: &str) -> Value {
    let run = controller.ask(&[what, "--format", "json", "-n", "1000"]);
    run.ends(0, &[]);
    let document = serde_json::from_str(&run.stdout).unwrap();
    assert_published(what, &document);
    document
}

/// Events of a stack, as `KIND` or `KIND over`.
fn kinds(controller: &Running<'_, '_>, stack: &str) -> Vec<String> {
    let document = document(controller, "events");
    let events = document["events"].as_array().unwrap().iter();
    let of_stack = events.filter(|event| event["stack"] == stack);
    let kind = |event: &Value| {
        let end = if event["recovered"] == true { " over" } else { "" };
        format!("{}{end}", event["kind"].as_str().unwrap())
    };
    of_stack.map(kind).collect()
}

#[track_caller]
fn waits_for(controller: &Running<'_, '_>, stack: &str, kind: &str) {
    eventually(90, kind, || {
        kinds(controller, stack).iter().any(|known| known == kind).then_some(())
    });
}

fn outcomes(controller: &Running<'_, '_>, stack: &str) -> Vec<String> {
    let document = document(controller, "history");
    let releases = document["releases"].as_array().unwrap().iter();
    let of_stack = releases.filter(|entry| entry["stack"] == stack);
    of_stack.map(|entry| entry["outcome"].as_str().unwrap().to_owned()).collect()
}

const SETTINGS: &str = "
sources: [{name: main, path: stacks}]
intervals: {poll: 1s, retry: 2s}
resolve_image: never
notifications:
  group: 1s
  settle: 1s
  targets: [{ name: hook, webhook: { url: 'URL' } }]
";

fn started<'s, 'e>(stage: &'s Stage<'e>) -> Running<'s, 'e> {
    Running::spawn(stage, stage.command(&["run", "-vv", "-c", "skep.yaml"]))
}

/// Releases that fail, each in its own way.
fn break_all(stage: &Stage<'_>) {
    web(stage, "back", "skep-demo/web:1", "crash", ROLLBACK);
    web(stage, "paused", "skep-demo/web:1", "crash", PAUSE);
    web(stage, "loop", "skep-demo/web:1", "crash", "replicas: 1");
    web(stage, "rejected", "skep-demo/none:1", "sleep", "replicas: 1");
    web(
        stage,
        "pending",
        "skep-demo/web:1",
        "sleep",
        "placement: { constraints: [node.role == worker] }",
    );
    stage.stack(
        "job",
        "
services:
  web:
    image: 'skep-demo/web:1'
    command: [crash]
    deploy: { mode: replicated-job, restart_policy: { condition: none } }
",
    );
}

/// Swarm's own words are in the messages.
fn says_why(controller: &Running<'_, '_>, stage: &Stage<'_>) {
    let events = document(controller, "events");
    let message = |stack: &str, kind: &str| {
        let mut events = events["events"].as_array().unwrap().iter();
        let found =
            events.find(|event| event["stack"] == stage.name(stack) && event["kind"] == kind);
        found.unwrap()["message"].as_str().unwrap().to_owned()
    };
    for (stack, kind, words) in [
        ("back", "release-rolled-back", "rolled back"),
        ("paused", "release-paused", "non-zero exit (3)"),
        ("rejected", "service-failing", "No such image: skep-demo/none:1"),
        ("pending", "service-pending", "node.role == worker"),
        ("job", "job-failed", "non-zero exit (3)"),
    ] {
        let message = message(stack, kind);
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_in_which_a_release_ends_is_told_kept_and_sent() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let server = HttpReceiver::start().await;
    let hook = format!("{}/hook", server.address);
    fs::write(stage.folder().join("skep.yaml"), SETTINGS.replace("URL", &hook)).unwrap();
    let name = |stack: &str| stage.name(stack);
    for (stack, deploy) in [("back", ROLLBACK), ("paused", PAUSE)] {
        web(&stage, stack, "skep-demo/web:1", "sleep", deploy);
    }
    let mut controller = started(&stage);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    for stack in ["back", "paused"] {
        waits_for(&controller, &name(stack), "release-healthy");
        assert_eq!(kinds(&controller, &name(stack)), ["release-started", "release-healthy"]);
        assert_eq!(outcomes(&controller, &name(stack)), ["healthy"]);
    }

    break_all(&stage);
    for (stack, kind) in [
        ("back", "release-rolled-back"),
        ("paused", "release-paused"),
        ("loop", "service-failing"),
        ("rejected", "service-failing"),
        ("pending", "service-pending"),
        ("job", "job-failed"),
    ] {
        waits_for(&controller, &name(stack), kind);
    }
    for (stack, outcome) in [("back", "rolled-back"), ("paused", "paused"), ("rejected", "failed")]
    {
        eventually(60, outcome, || {
            outcomes(&controller, &name(stack)).first().is_some_and(|o| o == outcome).then_some(())
        });
    }
    says_why(&controller, &stage);
    eventually(60, "people are told of all of them", || {
        let sent: String = server.all().into_iter().map(|taken| taken.body).collect();
        let stacks = ["back", "paused", "loop", "rejected", "pending", "job"];
        stacks.iter().all(|stack| sent.contains(&name(stack))).then_some(())
    });

    // Another controller knows what goes on, and tells of its end only.
    let before = kinds(&controller, &name("rejected"));
    controller.signal(Signal::TERM);
    assert_eq!(controller.ended(), 0);
    web(&stage, "rejected", "skep-demo/web:1", "sleep", "replicas: 1");
    let mut controller = started(&stage);
    controller.ask(&["sync", "--wait", "--timeout", "60s", &name("rejected")]).ends(0, &[]);
    waits_for(&controller, &name("rejected"), "service-failing over");
    let after = kinds(&controller, &name("rejected"));
    assert_eq!(after[..before.len()], before);
    let fresh = &after[before.len()..];
    assert!(!fresh.iter().any(|kind| kind == "service-failing"), "{after:?}");
    assert_eq!(outcomes(&controller, &name("rejected")), ["healthy", "failed"]);

    // The commands for people.
    let history = controller.ask(&["history", &name("back")]);
    history.ends(0, &["rolled-back", "healthy"]);
    controller.ask(&["events", &name("job"), "--severity", "error"]).ends(0, &["job-failed"]);
    let logs = controller.ask(&["logs", &format!("{}/web", name("loop")), "--tail", "3"]);
    logs.ends(0, &["| web 1: crashed because it was told to"]);
    controller.signal(Signal::TERM);
    assert_eq!(controller.ended(), 0);
}
