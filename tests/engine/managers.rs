//! Several managers to choose from: one that dies, one that is none, and one of another Swarm.

use std::fs;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::own::Own;
use crate::running::Running;
use crate::stage::{Run, Stage};

fn web(tag: u32) -> String {
    format!(
        "services:\n  web:\n    image: skep-demo/web:{tag}\n    deploy: {{ <<: *quick, placement: {{ constraints: [node.hostname == test-one] }} }}\n"
    )
}

fn image(stage: &Stage<'_>) -> String {
    let image = &stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"];
    image.as_str().unwrap().to_owned()
}

fn hosts(engines: &[&Engine]) -> String {
    let hosts: Vec<&str> = engines.iter().map(|engine| engine.url.as_str()).collect();
    format!("engine: {{hosts: [{}]}}", hosts.join(", "))
}

/// What the controller tells of its engines.
fn engines(controller: &Running<'_, '_>) -> Vec<(bool, String)> {
    let report = controller.report();
    let engine = |engine: &Value| {
        let problem = engine["problem"].as_str().unwrap_or_default().to_owned();
        (engine["in_use"].as_bool().unwrap(), problem)
    };
    report["engines"].as_array().unwrap().iter().map(engine).collect()
}

#[test]
fn when_the_manager_in_use_dies_the_next_pass_uses_another() {
    let Some(cluster) = Cluster::whole() else { return };
    let engine = cluster.manager();
    let [_, two, three] = [0, 1, 2].map(|number| cluster.node(number));
    engine.docker(&["node", "promote", two.name, three.name]);
    eventually(60, "there are three managers", || {
        [two, three]
            .iter()
            .all(|node| node.engine.try_docker(&["node", "ls"]).is_some())
            .then_some(())
    });
    let stage = Stage::on(engine);
    stage.stack("shop", &web(1));
    let shop = stage.name("shop");
    let listed = hosts(&[&two.engine, &three.engine, engine]);
    let mut controller = Running::of_settings(&stage, &listed);
    controller.says(&format!("working with {}", two.engine.url));
    controller.says(&format!("stack {shop} is Ready"));

    two.killer()();
    // A commit right after the death, and drift after that: neither is lost.
    stage.stack("shop", &web(2));
    controller.says(&format!("{} is passed over", two.engine.url));
    controller.says(&format!("working with {}", three.engine.url));
    controller.says(&format!("updated service {shop}_web"));
    controller.says(&format!("stack {shop} is Ready"));
    assert_eq!(image(&stage), "skep-demo/web:2");
    engine.docker(&["service", "scale", "-d", &format!("{shop}_web=0")]);
    controller.says(&format!("updated service {shop}_web"));
    let told = engines(&controller);
    let in_use: Vec<bool> = told.iter().map(|(in_use, _)| *in_use).collect();
    assert_eq!(in_use, [false, true, false], "{told:?}");
    assert!(told[0].1.contains("no engine listens"), "{told:?}");
    assert!(!controller.log().contains("the Swarm cannot be observed"), "no pass was lost");

    two.revive();
    cluster.are_all_ready();
    drop(controller);
    eventually(60, "there are enough managers without them", || {
        engine.try_docker(&["node", "demote", two.name, three.name])
    });
}

#[test]
fn an_engine_in_the_list_that_is_no_manager_of_the_swarm_is_passed_over_and_named() {
    let Some(cluster) = Cluster::whole() else { return };
    let Some(stranger) = Own::up("test-stranger", &[]) else { return };
    let engine = cluster.manager();
    let worker = &cluster.node(1).engine;
    let stage = Stage::on(engine);
    stage.stack("shop", &web(1));
    let listed = hosts(&[worker, engine, &stranger.engine]);
    let settings = stage.folder().join("managers.yaml");
    fs::write(&settings, format!("resolve_image: never\n{listed}\n")).unwrap();
    let skep = |arguments: &[&str]| {
        let arguments = [arguments, &["-c", "managers.yaml", "--fleet", stage.fleet()]].concat();
        Run::of(stage.bare(&arguments).output().unwrap(), &arguments)
    };
    let run = skep(&["apply", "stacks", "--yes"]);
    run.ends(0, &["healthy", &format!("warning: {} is passed over", worker.url), "it is a worker"]);

    let mut controller = Running::of_settings(&stage, &listed);
    controller.says(&format!("{} is passed over", worker.url));
    controller.says(&format!("working with {}", engine.url));
    // The report follows what the log says.
    let told = eventually(10, "the report names the engine in use", || {
        Some(engines(&controller)).filter(|told| told[1].0)
    });
    assert!(told[0].1.contains("it is a worker"), "{told:?}");
    assert_eq!(told[1].1, "");
    drop(controller);

    let none = format!("resolve_image: never\n{}\n", hosts(&[worker, &cluster.node(2).engine]));
    fs::write(&settings, none).unwrap();
    skep(&["plan", "stacks"])
        .ends(1, &["none of the managers can be worked with", "it is a worker"]);
}

#[test]
fn a_manager_of_another_swarm_never_stands_in() {
    let Some(cluster) = Cluster::whole() else { return };
    let Some(stranger) = Own::up("test-stranger", &[]) else { return };
    let two = cluster.node(1);
    cluster.manager().docker(&["node", "promote", two.name]);
    eventually(60, "there is a second manager", || two.engine.try_docker(&["node", "ls"]));
    let stage = Stage::on(cluster.manager());
    stage.stack("shop", &web(1));
    let shop = stage.name("shop");
    let listed = hosts(&[&two.engine, &stranger.engine]);
    let mut controller = Running::of_settings(&stage, &listed);
    controller.says(&format!("stack {shop} is Ready"));
    cluster.manager().docker(&["node", "demote", two.name]);
    controller.says("the engine manages another Swarm");
    controller.says("the Swarm cannot be observed");
    assert_eq!(stranger.engine.docker(&["service", "ls", "-q"]), "");
    drop(controller);
}
