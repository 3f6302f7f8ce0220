//! The controller before a real engine: what makes it write, and what does not.

use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::{Fault, Proxy};
use crate::running::Running;
use crate::stage::{Run, Stage};

/// A stack file with one quick service.
pub(crate) fn web(tag: u32, replicas: u32) -> String {
    format!(
        "services:\n  web:\n    image: skep-demo/web:{tag}\n    deploy: {{ <<: *quick, replicas: {replicas} }}\n"
    )
}

fn replicas(stage: &Stage<'_>) -> u64 {
    stage.service("shop_web")["Spec"]["Mode"]["Replicated"]["Replicas"].as_u64().unwrap()
}

fn image(stage: &Stage<'_>) -> String {
    let image = &stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"];
    image.as_str().unwrap().to_owned()
}

#[test]
fn a_commit_rolls_drift_is_put_right_and_a_bad_revision_keeps_the_last_good_one() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    stage.stack("other", &web(1, 1).replace("web:\n", "api:\n"));
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, "prune: true");
    controller.says(&format!("stack {shop} is Ready"));

    stage.stack("shop", &web(2, 1));
    controller.says(&format!("updated service {shop}_web"));
    controller.says(&format!("stack {shop} is Ready"));
    assert_eq!(image(&stage), "skep-demo/web:2");

    engine.docker(&["service", "scale", "-d", &format!("{shop}_web=2")]);
    controller.says(&format!("updated service {shop}_web"));
    assert_eq!(replicas(&stage), 1);

    // The other stack of the same revision goes on; drift of the broken one is still put right.
    stage.stack("shop", &web(3, 1).replace("image", "imgae"));
    stage.stack("other", &web(2, 1).replace("web:\n", "api:\n"));
    controller.says("unknown key `imgae`");
    controller.says("stay at their last good revision");
    controller.says(&format!("updated service {}_api", stage.name("other")));
    // It may have been seen before the change of the other stack was.
    eventually(20, "the broken stack is stalled", || {
        (controller.report()["stacks"][&shop]["condition"] == "Stalled").then_some(())
    });
    engine.docker(&["service", "scale", "-d", &format!("{shop}_web=0")]);
    eventually(20, "the last good revision is put back", || (replicas(&stage) == 1).then_some(()));
    assert_eq!(image(&stage), "skep-demo/web:2");

    stage.stack("shop", &web(3, 1));
    eventually(20, "the corrected revision rolls", || {
        (image(&stage) == "skep-demo/web:3").then_some(())
    });
}

#[test]
fn a_source_that_is_emptied_or_vanishes_takes_nothing_with_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, "prune: true\nprune_stacks: true");
    controller.says(&format!("stack {shop} is Ready"));
    stage.forget("shop");
    controller.says(&format!("stack {shop} is Stalled: the source declares no stacks at all"));
    fs::remove_dir(stage.stacks()).unwrap();
    controller.says("source main cannot be read");
    assert_eq!(stage.names("service"), ["shop_web"]);
    stage.stack("shop", &web(2, 1));
    controller.says("source main can be read again");
    eventually(20, "it goes on", || (image(&stage) == "skep-demo/web:2").then_some(()));
}

#[test]
fn an_idle_controller_asks_four_lists_and_writes_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    let proxy = Proxy::before(&engine.url);
    stage.through(&proxy);
    stage.stack("shop", &web(1, 1));
    let mut controller = Running::start(&stage, "");
    controller.says(&format!("stack {} is Ready", stage.name("shop")));
    controller.says("nothing to write");
    // What is heard of the last writes is over.
    thread::sleep(Duration::from_secs(2));
    proxy.forget();
    controller.signal(Signal::HUP);
    controller.says("pass (signal): nothing to write");
    let mut asked: Vec<String> =
        proxy.calls().iter().map(|call| call.endpoint().to_owned()).collect();
    asked.sort();
    assert_eq!(asked, ["/configs", "/networks", "/secrets", "/services"]);
    assert_eq!(proxy.greetings(), 0);
}

#[test]
fn an_engine_out_of_reach_is_not_pestered_and_nothing_is_lost() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    let proxy = Proxy::before(&engine.url);
    stage.through(&proxy);
    stage.stack("shop", &web(1, 1));
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, "");
    controller.says(&format!("stack {shop} is Ready"));
    proxy.inject(|_| Some(Fault::CutBefore));
    stage.stack("shop", &web(2, 1));
    controller.says("the Swarm cannot be observed");
    proxy.forget();
    thread::sleep(Duration::from_secs(6));
    let asked = proxy.calls().len() + proxy.greetings();
    assert!(asked < 20, "{asked} requests in six seconds");
    proxy.inject(|_| None);
    controller.says("the Swarm can be observed again");
    eventually(20, "the revision of meanwhile rolls", || {
        (image(&stage) == "skep-demo/web:2").then_some(())
    });
}

#[test]
fn the_first_signal_ends_it_well_and_another_controller_goes_on() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, "");
    controller.says(&format!("created service {shop}_web"));
    controller.signal(Signal::TERM);
    assert_eq!(controller.ended(), 0);
    assert!(controller.log().ends_with("skep ends\n"), "{}", controller.log());
    let marks = stage.objects();
    let mut next = Running::start(&stage, "");
    next.says(&format!("stack {shop} is Ready"));
    let service = format!("service {shop}_web");
    assert_eq!(stage.objects()[&service].id, marks[&service].id);
}

#[test]
fn drift_that_is_only_reported_stays() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, "drift: report");
    controller.says(&format!("stack {shop} is Ready"));
    engine.docker(&["service", "scale", "-d", &format!("{shop}_web=2")]);
    controller.says("pass (event): nothing to write");
    stage.stack("shop", &web(1, 1).replace("web:1\n", "web:1\n    hostname: w\n"));
    controller.says(&format!("updated service {shop}_web"));
    eventually(20, "a commit writes the whole service", || (replicas(&stage) == 1).then_some(()));
}

#[test]
fn a_suspended_stack_is_left_alone_across_restarts_and_sync_waits_for_its_own_request() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    let shop = stage.name("shop");
    let ask = |arguments: &[&str]| {
        let mut command = stage.command(arguments);
        Run::of(command.env("XDG_RUNTIME_DIR", stage.folder()).output().unwrap(), arguments)
    };
    let mut controller = Running::start(&stage, "");
    controller.says(&format!("stack {shop} is Ready"));

    stage.stack("shop", &web(2, 1));
    let synced = ask(&["sync", "--wait"]);
    assert_eq!(synced.code, 0, "{synced}");
    assert_eq!(image(&stage), "skep-demo/web:2");

    let suspended = ask(&["suspend", &shop, "--reason", "the database moves"]);
    assert_eq!(suspended.code, 0, "{suspended}");
    assert!(suspended.stdout.contains("the database moves"), "{suspended}");
    stage.stack("shop", &web(3, 1));
    let synced = ask(&["sync"]);
    assert_eq!(synced.code, 2, "{synced}");
    assert!(synced.stdout.contains("Suspended"), "{synced}");
    drop(controller);
    let mut controller = Running::start(&stage, "");
    controller.says(&format!("stack {shop} is Suspended"));
    assert_eq!(image(&stage), "skep-demo/web:2");
    let second = ask(&["run"]);
    assert_eq!(second.code, 1, "one controller at a time: {second}");

    let resumed = ask(&["resume", &shop]);
    assert_eq!(resumed.code, 0, "{resumed}");
    eventually(20, "the commit of meanwhile rolls", || {
        (image(&stage) == "skep-demo/web:3").then_some(())
    });
}

#[test]
fn status_shows_the_log_of_a_task_that_fails_and_reads_it_once() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    let proxy = Proxy::before(&engine.url);
    stage.through(&proxy);
    let crashing = "services: { web: { image: 'skep-demo/web:1', command: [crash], deploy: { <<: *quick, restart_policy: { condition: none } } } }";
    stage.stack("shop", crashing);
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, "");
    controller.says(&format!("stack {shop} is Degraded"));
    let log = |report: &Value| {
        let service = &report["status"]["stacks"][0]["services"][0];
        service["failure"]["log"]["lines"].clone()
    };
    eventually(20, "the report has the log", || {
        (log(&controller.report()) == json!(["web 1: crashed because it was told to"]))
            .then_some(())
    });
    let passes = controller.report()["passes"].as_u64();
    controller.signal(Signal::HUP);
    eventually(20, "another pass", || {
        (controller.report()["passes"].as_u64() > passes).then_some(())
    });
    assert_eq!(log(&controller.report()), json!(["web 1: crashed because it was told to"]));
    let reads = proxy.calls().iter().filter(|call| call.endpoint().ends_with("/logs")).count();
    assert_eq!(reads, 1);
    let arguments = ["status", "--fleet", stage.fleet()];
    let mut status = stage.bare(&arguments);
    let status = status.env("XDG_RUNTIME_DIR", stage.folder()).output().unwrap();
    Run::of(status, &arguments)
        .ends(0, &["\u{2502} web 1: crashed because it was told to", "controller"]);
}
