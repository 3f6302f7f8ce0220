//! Stacks that need other stacks, and a program that is killed while it waits.

use std::time::Duration;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::Proxy;
use crate::stage::{Stage, changes, holds};
use crate::victim::{Moment, kill};

/// Its service finds a node once a label is there.
const DATA: &str = "
services:
  db:
    image: skep-demo/web:1
    command: [sleep]
    stop_grace_period: 1s
    deploy: { <<: *quick, placement: { constraints: ['node.labels.%ready == yes'] } }
";

/// By name it comes first.
const APP: &str = "
x-skep: { depends_on: ['%data'] }
services:
  web: { image: 'skep-demo/web:1', command: [sleep, '1'], stop_grace_period: 1s, deploy: { <<: *quick } }
";

/// Lets the database find a node, or no more.
fn label(engine: &Engine, stage: &Stage<'_>, there: bool) {
    let label = stage.name("ready");
    let change =
        if there { format!("--label-add={label}=yes") } else { format!("--label-rm={label}") };
    let node = engine.docker(&["node", "ls", "--quiet"]);
    engine.docker(&["node", "update", &change, node.trim()]);
}

#[test]
fn a_stack_waits_for_another_one_whoever_is_killed_meanwhile() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    stage.stack("app", APP);
    stage.stack("data", DATA);
    let arguments = ["apply", "stacks", "--yes", "--resolve-image", "never"];
    let after = Moment::After(Duration::from_secs(3));
    assert!(kill(stage.command(&arguments), &proxy, after), "it waits");
    assert_eq!(stage.names("service"), ["data_db"]);
    assert_eq!(holds(&stage.plan(&[])), ["waits-for-stack"]);
    let run = stage.apply(&["--no-wait"]);
    run.ends(4, &["waits for stack", "no suitable node", "[waits-for-stack]"]);
    let run = stage.skep(&["status", "--path", "stacks", "--resolve-image", "never"]);
    run.ends(0, &["waits for stack"]);
    assert_eq!(stage.names("service"), ["data_db"]);

    label(&engine, &stage, true);
    stage.apply_well(&[]);
    assert_eq!(stage.names("service"), ["app_web", "data_db"]);
    assert_eq!(changes(&stage.plan(&[])).len(), 0);

    // What stays as it is waits for nothing, and a release waits also where only its own stack is looked at.
    label(&engine, &stage, false);
    eventually(30, "the task is gone", || {
        let tasks = stage.tasks("data_db");
        tasks.values().all(|task| task["Status"]["State"] != "running").then_some(())
    });
    assert_eq!(changes(&stage.plan(&[])).len(), 0);
    stage.stack("app", &APP.replace("'1'", "'2'"));
    let alone = |options: &[&str]| {
        let path = format!("stacks/{}", stage.name("app"));
        let arguments = ["apply", &path, "--yes", "--resolve-image", "never"];
        stage.skep(&[&arguments, options].concat())
    };
    let before = stage.objects();
    alone(&["--no-wait"]).ends(4, &["waits for stack", "0/1"]);
    assert_eq!(stage.objects(), before);
    stage.clear("data");
    alone(&[]).ends(4, &["of which there is no service"]);
    stage.apply(&["--no-wait"]).ends(4, &["waits for stack"]);
    label(&engine, &stage, true);
    eventually(60, "the database is back", || (alone(&[]).code == 0).then_some(()));
    label(&engine, &stage, false);
}
