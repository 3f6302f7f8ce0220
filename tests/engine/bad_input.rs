//! Engines that cannot be used, stacks that cannot be loaded, and objects that are not there: the rest goes on.

use crate::engine::Engine;
use crate::own::Own;
use crate::proxy::{Fault, Proxy};
use crate::stage::{Stage, changes, holds};

const GOOD: &str = "services: { web: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick } } }";

#[test]
fn an_engine_that_is_not_there_is_named_with_a_hint_and_findings_come_first() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    stage.stack("good", GOOD);
    stage.stack("bad", "services: { web: { imgae: a, command: 1 } }");
    stage.host("unix:///nowhere/docker.sock");
    for command in [["plan", "stacks"].as_slice(), &["apply", "stacks", "--yes"]] {
        let run = stage.skep(command);
        run.ends(
            1,
            &["unknown key", "did you mean `image`?", "/nowhere/docker.sock", "hint:", "--host"],
        );
    }
    for command in ["status", "observe"] {
        stage.skep(&[command]).ends(1, &["/nowhere/docker.sock", "hint:"]);
    }
}

#[test]
fn an_engine_without_a_swarm_is_told_to_be_made_a_manager() {
    if Engine::of_this_run().is_none() {
        return;
    }
    let Some(own) = Own::up("test-single", &["--no-swarm"]) else { return };
    let stage = Stage::on(&own.engine);
    stage.stack("good", GOOD);
    for command in
        [["plan", "stacks"].as_slice(), &["apply", "stacks", "--yes"], &["status"], &["observe"]]
    {
        stage.skep(command).ends(1, &["not a swarm manager", "hint:", "docker swarm init"]);
    }
}

#[test]
fn an_engine_that_breaks_off_every_write_is_asked_again_and_then_given_up() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    stage.stack("good", GOOD);
    proxy.inject(|call| call.writes().then_some(Fault::CutBefore));
    stage.apply(&[]).ends(1, &["deferred config", "failed config"]);
    assert_eq!(stage.objects().len(), 0);
    proxy.inject(|_| None);
    stage.apply_well(&[]);
}

#[test]
fn a_broken_stack_stays_as_it_is_and_the_good_one_is_applied() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("good", GOOD);
    stage.stack("bad", GOOD);
    stage.stack("gone", GOOD);
    stage.apply_well(&[]);
    let bad = stage.service("bad_web");

    stage.stack("good", &GOOD.replace("[sleep]", "[sleep, well]"));
    stage.stack("bad", &GOOD.replace("command", "comand").replace("[sleep]", "[sleep, ill]"));
    stage.forget("gone");
    let run = stage.apply(&["--prune", "--prune-stacks"]);
    run.ends(1, &["unknown key `comand`", "its last good state stays"]);
    assert_eq!(stage.service("bad_web"), bad);
    assert_eq!(
        stage.service("good_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"],
        serde_json::json!(["sleep", "well"])
    );
    let plan = stage.plan(&["--prune", "--prune-stacks"]);
    assert_eq!(changes(&plan).len(), 0, "{plan:#}");
    assert_eq!(holds(&plan), ["invalid-stack"]);
}

#[test]
fn what_others_must_create_first_holds_only_what_needs_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("good", GOOD);
    stage.stack(
        "needy",
        "
services:
  free: { image: 'skep-demo/web:1', deploy: { replicas: 0 } }
  net: { image: 'skep-demo/web:1', networks: [public], deploy: { replicas: 0 } }
  key: { image: 'skep-demo/web:1', secrets: [key], deploy: { replicas: 0 } }
networks: { public: { external: true, name: %public } }
secrets: { key: { external: true, name: %key } }
",
    );
    let run = stage.apply(&[]);
    let public = format!("network {}", stage.name("public"));
    let key = format!("secret {}", stage.name("key"));
    run.ends(5, &["held", &public, &key]);
    assert_eq!(stage.names("service"), ["good_web", "needy_free"]);
    assert_eq!(holds(&stage.plan(&[])), ["missing-external", "missing-external"]);
    stage.skep(&["plan", "stacks", "--resolve-image", "never", "--detailed-exitcode"]).ends(5, &[]);

    engine.docker(&["network", "create", "--driver", "overlay", &stage.name("public")]);
    let file = stage.path("needy", "stack.yaml");
    engine.docker(&["secret", "create", &stage.name("key"), file.to_str().unwrap()]);
    stage.apply_well(&[]);
    assert_eq!(stage.names("service"), ["good_web", "needy_free", "needy_key", "needy_net"]);
}

#[test]
fn what_the_engine_refuses_is_said_in_its_words_and_does_not_stop_the_rest() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("good", GOOD);
    stage.stack(
        "odd",
        "services: { web: { image: 'skep-demo/web:1', networks: [odd], deploy: { replicas: 0 } } }
networks: { odd: { ipam: { config: [{ subnet: 10.9.8.7/24 }] } } }",
    );
    let run = stage.apply(&[]);
    run.ends(1, &["10.9.8.7/24"]);
    assert_eq!(stage.names("service"), ["good_web"]);
}
