//! What can only be made again: networks with their services, renamed services and stacks, changed modes.

use crate::diff::document::{Action, Effect};
use crate::model::desired::{DesiredService, DesiredStack, FieldPath};
use crate::model::mount::Mount;
use crate::model::service::{EndpointSpec, Global, PortConfig, ServiceMode};
use crate::reconciler::policy::Policy;

use super::world::*;

pub(super) fn replacing() -> Policy {
    Policy { allow_replace: true, ..Policy::default() }
}

/// A live stack whose network is declared with other options.
fn with_other_options(services: Vec<DesiredService>) -> World {
    let mut world = World::applied(vec![stack("shop", services)]);
    world.stack("shop").networks[0].spec.internal = true;
    world.policy = replacing();
    world
}

pub(super) fn publish(service: &mut DesiredService, published_port: u32) {
    let port = PortConfig {
        protocol: "tcp".to_owned(),
        target_port: 80,
        published_port,
        publish_mode: "ingress".to_owned(),
        ..PortConfig::default()
    };
    service.spec.endpoint_spec = Some(EndpointSpec { mode: "vip".to_owned(), ports: vec![port] });
}

#[test]
fn services_stop_once_while_their_network_is_made_again() {
    let mut agent = service("shop", "agent");
    agent.spec.mode = ServiceMode { global: Some(Global {}), ..ServiceMode::default() };
    let mut world = with_other_options(vec![service("shop", "web"), agent, job("shop", "init")]);
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        [
            "replace network shop_default [waits-for-tasks-gone, waits-for-tasks-gone, waits-for-tasks-gone]",
            "update service shop_web",
            "update service shop_agent",
            "replace service shop_init",
        ]
    );
    assert_eq!(change(&plan, "network shop_default").effect, Effect::Downtime { tasks: 3 });
    let web = change(&plan, "service shop_web");
    assert_eq!(web.effect, Effect::Downtime { tasks: 2 });
    assert_eq!(web.notes, ["leaves network shop_default until that is made again"]);
    let again = Effect::RunsJob { again: true, completions: Some(1) };
    assert_eq!(change(&plan, "service shop_init").effect, again);

    world.perform(&plan);
    assert_eq!(world.live("shop_web").spec.mode.replicas(), 0);
    let away = world.plan();
    assert_eq!(
        outline(&away),
        [
            "replace network shop_default",
            "update service shop_web [waits-for-object]",
            "update service shop_agent [waits-for-object]",
            "create service shop_init [waits-for-object]",
        ]
    );
    assert!(away.is_waiting());
    let passes = world.converge();
    assert_eq!(passes[0], ["network shop_default"], "removed");
    assert_eq!(
        passes[1],
        ["network shop_default", "service shop_web", "service shop_agent", "service shop_init"]
    );
    assert_eq!(passes.len(), 2);
    assert!(outline(&world.plan()).is_empty());
    assert_eq!(world.live("shop_web").spec.mode.replicas(), 2);
}

#[test]
fn a_service_whose_replicas_somebody_else_owns_rolls_instead() {
    let mut web = service("shop", "web");
    web.ignore = vec![FieldPath("deploy.replicas".to_owned())];
    let mut world = with_other_options(vec![web]);
    world.live("shop_web").spec.mode = ServiceMode::replicated(Some(7));
    let plan = world.plan();
    assert!(matches!(change(&plan, "service shop_web").effect, Effect::Rolls { tasks: 7, .. }));
    world.converge();
    assert_eq!(world.live("shop_web").spec.mode.replicas(), 7);
    assert_eq!(world.live("shop_web").spec.task_template.networks.len(), 1);
}

#[test]
fn a_network_that_somebody_else_is_on_stays_and_nobody_leaves_it() {
    let mut world = with_other_options(vec![service("shop", "web")]);
    let mut foreign = live_service(&service("shop", "guest").spec);
    foreign.spec.labels.clear();
    foreign.spec.name = "guest".to_owned();
    world.observed.services.push(foreign);
    let plan = world.plan();
    assert_eq!(outline(&plan), ["replace network shop_default [network-in-use]"]);
    let hold = &change(&plan, "network shop_default").holds[0];
    assert!(hold.reason.contains("service guest is attached to it"), "{}", hold.reason);
    assert!(plan.steps.is_empty() && !plan.is_waiting());
    world.observed.services.pop();

    // The services left, and the engine kept it all the same: they come back to it.
    let plan = world.plan();
    world.perform(&plan);
    let words = "network shop_default is in use by task x".to_owned();
    world.learned.networks_in_use.insert("shop_default".to_owned(), words);
    assert_eq!(
        outline(&world.plan()),
        ["replace network shop_default [network-in-use]", "update service shop_web"]
    );
    assert_eq!(world.converge(), [["service shop_web"]]);
}

#[test]
fn nobody_leaves_a_network_that_one_of_its_services_cannot_leave() {
    let mut world = with_other_options(vec![service("shop", "web"), service("shop", "api")]);
    mount_config(world.declared("shop", "api"), "missing");
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        [
            "replace network shop_default [network-in-use]",
            "update service shop_api [missing-external]"
        ]
    );
    assert!(plan.steps.is_empty());
    let hold = &change(&plan, "network shop_default").holds[0];
    assert_eq!(hold.needs.as_ref().unwrap().to_string(), "service shop_api");
    // Nor while the stack of one of them is paused.
    let mut world = with_other_options(vec![service("shop", "web")]);
    guest(&mut world);
    world.stack("blog").policy.paused = true;
    assert_eq!(outline(&world.plan()), ["replace network shop_default [network-in-use]"]);
}

/// Adds a stack whose service is on the network of another one.
fn guest(world: &mut World) {
    let mut blog: DesiredStack = stack("blog", vec![service("blog", "app")]);
    blog.networks.clear();
    blog.services[0].spec.task_template.networks[0].target = "shop_default".to_owned();
    world.observed.services.push(live_service(&blog.services[0].spec));
    world.desired.stacks.insert(blog.name.clone(), blog);
}

#[test]
fn services_of_other_stacks_leave_and_come_back_too() {
    let mut world = with_other_options(vec![service("shop", "web")]);
    guest(&mut world);
    assert_eq!(
        world.converge(),
        [
            vec!["service blog_app", "service shop_web"],
            vec!["network shop_default"],
            vec!["network shop_default", "service shop_web"],
            vec!["service blog_app"],
        ]
    );
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn what_goes_anyway_does_not_wait_for_the_network_that_waits_for_it() {
    let mut world = with_other_options(vec![service("shop", "web"), service("shop", "old")]);
    world.stack("shop").services.pop();
    assert_eq!(
        outline(&world.plan()),
        [
            "replace network shop_default [network-in-use]",
            "remove service shop_old [prune-not-asked]"
        ]
    );
    world.policy.prune = true;
    assert_eq!(world.converge()[0], ["service shop_web", "service shop_old"]);
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn a_mode_is_not_changed_while_the_new_service_could_not_be_made() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    world.policy = replacing();
    let web = world.declared("shop", "web");
    web.spec.mode = ServiceMode { global: Some(Global {}), ..ServiceMode::default() };
    mount_config(web, "missing");
    let plan = world.plan();
    assert_eq!(outline(&plan), ["replace service shop_web [missing-external]"]);
    assert!(plan.steps.is_empty());
}

/// A service that was called `web` and is called `site` now, both with the same port.
fn renamed() -> World {
    let mut web = service("shop", "web");
    publish(&mut web, 80);
    let mut world = World::applied(vec![stack("shop", vec![web])]);
    let mut site = service("shop", "site");
    publish(&mut site, 80);
    site.previous_name = Some("shop_web".to_owned());
    world.stack("shop").services = vec![site];
    world
}

#[test]
fn a_renamed_service_gives_its_port_up_before_its_successor_takes_it() {
    let mut world = renamed();
    let held = "move service shop_site [waits-for-object, replace-not-allowed]";
    assert_eq!(outline(&world.plan())[0], held);
    assert!(world.plan().steps.is_empty());
    world.policy = replacing();
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        ["move service shop_site [waits-for-object]", "remove service shop_web"]
    );
    assert_eq!(change(&plan, "service shop_site").effect, Effect::Downtime { tasks: 2 });
    assert_eq!(world.converge(), [["service shop_web"], ["service shop_site"]]);
    // What is protected is not taken away.
    let mut world = renamed();
    world.policy = replacing();
    world.stack("shop").policy.protect = true;
    assert_eq!(outline(&world.plan())[0], "move service shop_site [port-taken]");
}

#[test]
fn a_renamed_stack_moves_and_says_where_its_data_stays() {
    let volume = |source: &str| Mount {
        r#type: "volume".to_owned(),
        source: source.to_owned(),
        target: "/data".to_owned(),
        ..Mount::default()
    };
    let with = |name: &str| {
        let mut web = service(name, "web");
        let container = web.spec.task_template.container_spec.as_mut().unwrap();
        container.mounts.push(volume(&format!("{name}_data")));
        stack(name, vec![web])
    };
    let mut world = World::applied(vec![with("shop")]);
    world.desired.stacks.clear();
    let mut store = with("store");
    store.policy.previous_name = Some("shop".parse().unwrap());
    world.desired.stacks.insert(store.name.clone(), store);
    let plan = world.plan();
    let moved = change(&plan, "service store_web");
    assert_eq!((moved.action, moved.is_standing()), (Action::Move, true));
    world.policy = replacing();
    let plan = world.plan();
    assert_eq!(
        change(&plan, "service store_web").notes,
        [
            "was shop_web, which goes when this one is healthy",
            "volume store_data is another one than shop_data, in which the data stays"
        ]
    );
    let passes = world.converge();
    assert_eq!(passes[0], ["network store_default", "service store_web"]);
    assert_eq!(passes[1], ["service shop_web"]);
    // Under the same name they are one volume.
    world.declared("store", "web").previous_name = Some("store_old".to_owned());
    let mut old = world.live("store_web").clone();
    old.spec.name = "store_old".to_owned();
    old.spec.labels.insert("skep.object".to_owned(), "service store_old".to_owned());
    world.observed.services = vec![old];
    assert_eq!(
        change(&world.plan(), "service store_web").notes[1..],
        ["until then both write to volume store_data"]
    );
}
