//! What people want of the controller: drift that stays, stacks that are left alone, an answer to their own request.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::controller::web;
use crate::controller_git::image;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::{Fault, Proxy};
use crate::running::Running;
use crate::stage::{Stage, holds};

fn replicas(stage: &Stage<'_>, stack: &str) -> u64 {
    let service = stage.service(&format!("{stack}_web"));
    service["Spec"]["Mode"]["Replicated"]["Replicas"].as_u64().unwrap()
}

fn scale(engine: &Engine, stage: &Stage<'_>, stack: &str, to: u64) {
    let service = stage.name(&format!("{stack}_web={to}"));
    engine.docker(&["service", "scale", "-d", &service]);
}

#[test]
fn drift_is_put_right_shown_or_left_as_the_settings_say_of_each_stack() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    for stack in ["off", "report", "correct"] {
        stage.stack(stack, &web(1, 1));
    }
    let of = |report: &str| {
        format!(
            "drift: off\nstacks: [{{ name: {}, drift: {report} }}, {{ name: {}, drift: correct }}]",
            stage.name("report"),
            stage.name("correct")
        )
    };
    let mut controller = Running::start(&stage, &of("report"));
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    for stack in ["off", "report", "correct"] {
        scale(&engine, &stage, stack, 2);
    }
    eventually(20, "it is put right", || (replicas(&stage, "correct") == 1).then_some(()));
    controller.ask(&["sync"]);
    let report = controller.report();
    let named = |report: &Value, stack: &str| report["stacks"][stage.name(stack)].clone();
    let status = |report: &Value, stack: &str| {
        let stacks = report["status"]["stacks"].as_array().unwrap();
        stacks.iter().find(|found| found["name"] == stage.name(stack)).unwrap().clone()
    };
    assert_eq!(named(&report, "correct")["repairs"], 1);
    assert_eq!((replicas(&stage, "off"), replicas(&stage, "report")), (2, 2));
    assert_eq!(status(&report, "off")["sync"], "Synced", "{report:#}");
    assert_eq!(status(&report, "report")["sync"], "OutOfSync", "{report:#}");
    assert!(report.to_string().contains("drift is only reported"), "{report:#}");

    // Other settings are taken up without a restart.
    let settings = fs::read_to_string(stage.folder().join("skep.yaml")).unwrap();
    fs::write(
        stage.folder().join("skep.yaml"),
        settings.replace("drift: report", "drift: correct"),
    )
    .unwrap();
    controller.signal(Signal::HUP);
    controller.says("reading the settings and every source anew");
    eventually(20, "it is put right", || (replicas(&stage, "report") == 1).then_some(()));
    assert_eq!(replicas(&stage, "off"), 2);
    fs::write(stage.folder().join("skep.yaml"), settings.replace("drift: off", "drift: of"))
        .unwrap();
    controller.signal(Signal::HUP);
    controller.says("the settings stay as they were");
}

#[test]
fn what_somebody_keeps_undoing_is_put_right_less_often_whatever_else_happens() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    stage.stack("other", &web(1, 1));
    let mut controller = Running::start(&stage, "");
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    let (shop, other) = (stage.name("shop"), stage.name("other"));
    let repaired = format!("updated service {shop}_web");
    controller.forget();
    let undone = Instant::now();
    scale(&engine, &stage, "shop", 2);
    controller.says(&repaired);
    let first = Instant::now();
    assert!(first.duration_since(undone) < Duration::from_secs(2), "{first:?}");
    scale(&engine, &stage, "shop", 2);
    controller.says(&format!("stack {shop} is Retrying: was put right just now"));
    controller.says(&repaired);
    let second = Instant::now();
    assert!(second.duration_since(first) > Duration::from_millis(1_800), "{second:?}");
    scale(&engine, &stage, "shop", 2);
    controller.says(&repaired);
    let third = Instant::now();
    assert!(third.duration_since(second) > Duration::from_millis(5_500), "{third:?}");
    // What was undone three times is another writer's will, until something else is declared.
    scale(&engine, &stage, "shop", 2);
    controller.says(&format!("stack {shop} is Stalled: this run wrote it 3 times"));
    assert_eq!(replicas(&stage, "shop"), 2);
    // That another stack has changed makes nothing more urgent.
    stage.stack("other", &web(2, 1));
    controller.says(&format!("updated service {other}_web"));
    controller.says(&format!("stack {shop} is Retrying: was put right just now"));
    assert_eq!(controller.report()["stacks"][shop]["repairs"], 3);
}

#[test]
fn sync_is_answered_by_a_pass_that_began_after_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    let proxy = Proxy::before(&engine.url);
    stage.through(&proxy);
    stage.stack("shop", &web(1, 1));
    let settings = "sources: [{ name: main, path: stacks }]\nintervals: { poll: 1h, resync: 1h }";
    let mut controller = Running::with(&stage, settings);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);

    // A pass is under way, and takes its time.
    proxy.inject(|call| {
        (call.endpoint() == "/services").then_some(Fault::Late(Duration::from_secs(2)))
    });
    controller.forget();
    controller.signal(Signal::HUP);
    controller.says("reading the settings");
    eventually(10, "the pass asks", || {
        proxy.calls().iter().any(|call| call.endpoint() == "/services").then_some(())
    });
    stage.stack("shop", &web(2, 1));
    let asked = Instant::now();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| controller.ask(&["sync"]));
        }
    });
    assert!(asked.elapsed() > Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(image(&stage, "shop"), "skep-demo/web:2");
    proxy.inject(|_| None);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
}

#[test]
fn a_newer_commit_waits_for_the_verdict_on_the_one_before() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let slow = |tag: u32| {
        format!(
            "services:\n  web:\n    image: skep-demo/web:{tag}\n    deploy: {{ replicas: 2, update_config: {{ monitor: 1s, delay: 3s }} }}\n"
        )
    };
    stage.stack("shop", &slow(1));
    let controller = Running::start(&stage, "");
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    stage.stack("shop", &slow(2));
    controller.ask(&["sync"]);
    eventually(20, "one task of two is new", || {
        let tasks = stage.tasks("shop_web");
        let mut new = tasks.values().filter(|task| {
            task["Status"]["State"] == "running"
                && task["Spec"]["ContainerSpec"]["Image"] == "skep-demo/web:2"
        });
        (new.next().is_some() && new.next().is_none()).then_some(())
    });
    stage.stack("shop", &slow(3));
    let waits = controller.ask(&["sync"]);
    waits.ends(4, &["Progressing"]);
    assert_eq!(image(&stage, "shop"), "skep-demo/web:2", "{waits}");
    assert_eq!(holds(&stage.plan(&[])), ["waits-for-rollout"]);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    assert_eq!(image(&stage, "shop"), "skep-demo/web:3");
    let previous = &stage.service("shop_web")["PreviousSpec"]["TaskTemplate"]["ContainerSpec"];
    assert_eq!(previous["Image"], "skep-demo/web:2");
}

#[test]
fn all_stacks_can_be_suspended_with_who_and_since_and_a_restart_changes_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    let controller = Running::start(&stage, "");
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    controller.ask(&["suspend", "--all", "--reason", "a holiday"]).ends(0, &["a holiday"]);
    let before = controller.report()["suspended"].clone();
    assert_eq!(before["reason"], "a holiday");
    assert!(before["since"].is_string() && before["by"].is_string(), "{before}");
    drop(controller);
    stage.stack("shop", &web(2, 1));
    stage.stack("new", &web(1, 1));
    scale(&engine, &stage, "shop", 2);
    let controller = Running::again(&stage);
    controller.ask(&["sync"]).ends(2, &["Suspended", "a holiday"]);
    let report = controller.report();
    assert_eq!(report["suspended"], before);
    assert_eq!(report["stacks"][stage.name("new")]["condition"], "Suspended");
    assert_eq!(stage.names("service"), ["shop_web"]);
    assert_eq!((image(&stage, "shop").as_str(), replicas(&stage, "shop")), ("skep-demo/web:1", 2));
    controller.ask(&["resume", "--all"]).ends(0, &["looked after again"]);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    assert_eq!((image(&stage, "shop").as_str(), replicas(&stage, "shop")), ("skep-demo/web:2", 1));
    assert_eq!(stage.names("service"), ["new_web", "shop_web"]);
}
