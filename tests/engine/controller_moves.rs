//! The controller and what is on its way from one place to another: stacks between sources, networks that must be made
//! again.

use std::fs;

use http::{Method, StatusCode};
use serde_json::Value;

use crate::controller::web;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::{Fault, Proxy};
use crate::running::Running;
use crate::stage::Stage;

#[test]
fn a_stack_that_moves_between_sources_is_taken_over_in_place() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &web(1, 1));
    stage.stack("other", &web(1, 1).replace("web:\n", "api:\n"));
    let more = stage.folder().join("more");
    fs::create_dir(&more).unwrap();
    let shop = stage.name("shop");
    let sources = "sources: [{name: a, path: stacks}, {name: b, path: more}]";
    let settings =
        format!("{sources}\nintervals: {{poll: 1s, retry: 2s}}\nprune: true\nprune_stacks: true");
    let mut controller = Running::with(&stage, &settings);
    controller.says(&format!("stack {shop} is Ready"));
    let service = format!("service {shop}_web");
    let before = stage.objects()[&service].id.clone();
    fs::rename(stage.path("shop", ""), more.join(&shop)).unwrap();
    eventually(20, "the other source has it", || {
        (stage.service("shop_web")["Spec"]["Labels"]["skep.source"] == "b").then_some(())
    });
    assert_eq!(stage.objects()[&service].id, before);
    assert!(!controller.log().contains(&format!("removed {service}")), "{}", controller.log());

    // What no source has any more goes.
    let last = more.join(stage.name("last"));
    fs::create_dir(&last).unwrap();
    let text = stage.quick(&web(1, 1).replace("web:\n", "last:\n"));
    fs::write(last.join("stack.yaml"), text).unwrap();
    fs::remove_dir_all(more.join(&shop)).unwrap();
    controller.says(&format!("removed {service}"));
}

#[test]
fn services_come_back_to_a_network_that_the_engine_keeps() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    let proxy = Proxy::before(&engine.url);
    stage.through(&proxy);
    let stack = |mtu: u32| {
        let web = web(1, 1).replace("web:1\n", "web:1\n    networks: [back]\n");
        format!(
            "{web}networks: {{ back: {{ driver_opts: {{ com.docker.network.driver.mtu: '{mtu}' }} }} }}\n"
        )
    };
    stage.stack("shop", &stack(1400));
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, "allow_replace: true");
    controller.says(&format!("stack {shop} is Ready"));
    proxy.inject(|call| {
        let words = "network n is in use by task t";
        let removes = call.method == Method::DELETE && call.endpoint().starts_with("/networks/");
        removes.then_some(Fault::Answer(StatusCode::FORBIDDEN, words))
    });
    stage.stack("shop", &stack(1300));
    controller.says("is in use by task t");
    controller.says("cannot be made again");
    let replicas = |service: Value| service["Spec"]["Mode"]["Replicated"]["Replicas"].as_u64();
    eventually(30, "the service is back on it", || {
        (replicas(stage.service("shop_web")) == Some(1)).then_some(())
    });
}
