//! `skep remove`: a whole stack goes, in order, and nothing else does, whenever it is killed.

use std::collections::BTreeMap;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::Proxy;
use crate::pruning::{obey, unblock};
use crate::stage::{Run, Stage};
use crate::still::{WRITES, still};
use crate::victim::{Moment, kill};

/// A stack whose web takes a while to stop, and needs its database.
const SHOP: &str = "
services:
  web:
    image: skep-demo/web:1
    command: [sleep]
    networks: [front]
    configs: [plain]
    secrets: [key]
    depends_on: [db]
    stop_grace_period: 2s
    deploy: { <<: *quick }
  db: { image: 'skep-demo/web:1', command: [sleep], networks: [front], volumes: ['data:/data'], stop_grace_period: 1s, deploy: { <<: *quick } }
networks: { front: { attachable: true } }
configs: { plain: { content: plain } }
secrets: { key: { file: key.txt } }
volumes: { data: {} }
";

const BESIDE: &str = "services: { api: { image: 'skep-demo/web:1', deploy: { replicas: 0 } } }";

fn shop(stage: &Stage<'_>) {
    stage.stack("shop", SHOP);
    stage.file("shop", "key.txt", "key\n");
    stage.exact_stack("beside", BESIDE);
    stage.apply_well(&[]);
}

fn remove(stage: &Stage<'_>, options: &[&str]) -> Run {
    let stack = stage.name("shop");
    stage.skep(&[&["remove", &stack, "--path", "stacks"], options].concat())
}

/// The objects that are not of the stack, nor the fleet record, which notes what goes.
fn others(stage: &Stage<'_>) -> BTreeMap<String, crate::stage::Mark> {
    let mut objects = stage.objects();
    objects.retain(|key, _| !key.contains(&stage.name("shop")) && !key.contains("record"));
    objects
}

/// Obeys what the end of a removal says, once the last container has gone.
fn remove_volume(engine: &Engine, name: &str) {
    eventually(30, "the volume is free", || engine.try_docker(&["volume", "rm", name]));
}

#[test]
fn a_stack_goes_in_order_and_its_volumes_and_everything_else_stay() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    shop(&stage);
    let run = remove(&stage, &["--yes"]);
    run.ends(5, &["still declares stack", "[guard-still-declared]", "Nothing was written."]);
    stage.forget("shop");
    remove(&stage, &[]).ends(64, &["no terminal to ask on"]);
    let plan = remove(&stage, &["--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["summary"]["remove"], 5, "{plan:#}");
    let before = others(&stage);
    assert_eq!(before.len(), 2, "{before:?}");

    proxy.forget();
    let run = remove(&stage, &["--yes"]);
    let node = engine.docker(&["node", "ls", "--format", "{{.Hostname}}"]);
    let volume = stage.name("shop_data");
    let command = format!("docker volume rm {volume}   # on {}", node.trim());
    run.ends(0, &["Applied: 5 removed.", &command, "waits until task"]);
    assert_eq!(others(&stage), before);
    assert_eq!(stage.objects().len(), before.len() + 1, "{run}");
    engine.docker(&["volume", "inspect", &volume]);
    let gone: Vec<String> = proxy
        .calls()
        .iter()
        .filter(|call| call.writes_an_object())
        .map(|call| call.endpoint().rsplit_once('/').unwrap().0.to_owned())
        .collect();
    assert_eq!((gone.len(), gone[0].as_str(), gone[4].as_str()), (5, "/services", "/networks"));

    let run = remove(&stage, &["--yes"]);
    run.ends(0, &["There is no stack", &stage.name("beside")]);
    remove_volume(&engine, &volume);
}

#[test]
fn a_stack_of_which_others_use_something_goes_without_that_when_it_is_said_again() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    shop(&stage);
    stage.forget("shop");
    let (network, guest) = (stage.name("shop_front"), stage.name("guest"));
    let container =
        engine.docker(&["run", "--detach", "--network", &network, "skep-demo/web:1", "sleep"]);
    remove(&stage, &["--yes"]).ends(5, &["attached by hand uses it", "[guard-in-use]"]);
    engine.docker(&["rm", "--force", container.trim()]);
    let options = ["--replicas", "0", "--network", &network, "skep-demo/web:1"];
    engine.docker_service(&guest, &options);
    // What Swarm adds of its own comes a moment after the creation.
    let spec = || engine.get(&format!("/services/{guest}"))["Spec"].clone();
    let before = spec();
    let run = eventually(30, "only the service is in the way", || {
        let run = remove(&stage, &["--format", "json"]);
        (!run.stdout.contains("by hand")).then_some(run)
    });
    run.ends(5, &[&format!("service {guest} uses it")]);
    let plan = serde_json::from_str(&run.stdout).unwrap();
    let run = obey(&stage, &unblock(&plan));
    run.ends(0, &["4 removed"]);
    assert_eq!(stage.names("service"), ["beside_api", "guest"]);
    assert_eq!(spec(), before);
    engine.docker(&["network", "inspect", &network]);
    remove_volume(&engine, &stage.name("shop_data"));
}

#[test]
fn a_stack_that_docker_deployed_is_not_skeps_to_remove() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("shop", BESIDE);
    let (file, stack) = (stage.path("shop", "stack.yaml"), stage.name("shop"));
    let file = file.to_str().unwrap();
    engine.docker(&["stack", "deploy", "--resolve-image", "never", "-c", file, &stack]);
    let before = stage.objects();
    stage.forget("shop");
    let run = remove(&stage, &["--yes"]);
    run.ends(
        5,
        &[
            "docker stack deploy made it",
            "Nothing to do now: ",
            "stack rm",
            &format!("{stack}; or let skep take it over"),
        ],
    );
    assert_eq!(stage.objects(), before);
}

#[test]
fn a_removal_that_is_killed_after_any_write_is_finished_by_the_next_one() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    // All but the record.
    for write in 1..WRITES {
        let stage = still(&engine, &proxy);
        stage.exact_stack("beside", BESIDE);
        stage.apply_well(&[]);
        stage.forget("shop");
        let before = others(&stage);
        let stack = stage.name("shop");
        let command = stage.command(&["remove", &stack, "--path", "stacks", "--yes"]);
        assert!(kill(command, &proxy, Moment::Written(write)), "at write {write}");
        remove(&stage, &["--yes"]).ends(0, &[]);
        assert_eq!(others(&stage), before, "after write {write}");
        assert_eq!(stage.objects().len(), before.len() + 1, "after write {write}");
    }
}

#[test]
fn a_stack_without_a_network_is_gone_when_its_last_task_is() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack(
        "shop",
        "
services: { web: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 5s, stop_signal: SIGUSR1, deploy: { <<: *quick } } }
networks: { default: { external: true, name: bridge } }
",
    );
    stage.apply_well(&[]);
    stage.forget("shop");
    let label = format!("label=com.docker.swarm.service.name={}", stage.name("shop_web"));
    let containers = || engine.docker(&["ps", "--quiet", "--filter", &label]);
    assert!(!containers().is_empty());
    // Who is killed, or does not wait, leaves the wait to the next one.
    remove(&stage, &["--yes", "--no-wait"]).ends(0, &["1 removed"]);
    assert_eq!(stage.names("service"), [""; 0]);
    assert!(!containers().is_empty());
    remove(&stage, &["--yes"])
        .ends(0, &["Nothing to do now: stack", "waits.", "the last of stack"]);
    assert_eq!(containers(), "");
    remove(&stage, &["--yes"]).ends(0, &["There is no stack"]);
}
