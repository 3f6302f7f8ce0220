//! A newer revision while a rollout is under way.

use jiff::ToSpan as _;

use crate::model::labels;
use crate::model::live::{UpdateState, UpdateStatus, Workload};
use crate::model::service::ServiceMode;
use crate::reconciler::policy::Supersede;

use super::world::*;

/// A service with a rollout under way, of which one task of two is healthy, and a newer release of it.
fn world() -> World {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    let web = world.live("shop_web");
    web.update = Some(UpdateStatus {
        state: UpdateState::Updating,
        started: Some(now()),
        completed: None,
        message: "update in progress".to_owned(),
    });
    let tasks = vec![running(web, 1, now())];
    world.observed.workload = Some(Workload { tasks, nodes: vec![node()] });
    release(&mut world);
    world
}

fn release(world: &mut World) {
    let container = &mut world.declared("shop", "web").spec.task_template.container_spec;
    container.as_mut().unwrap().env.clear();
}

const WAITS: [&str; 1] = ["update service shop_web [waits-for-rollout]"];
const GOES: [&str; 1] = ["update service shop_web"];

#[test]
fn any_write_waits_for_the_verdict_unless_a_person_is_in_a_hurry() {
    let mut world = world();
    assert_eq!(outline(&world.plan()), WAITS);
    let plan = world.plan();
    assert!(plan.is_waiting());
    let hold = &change(&plan, "service shop_web").holds[0];
    assert!(hold.reason.ends_with("with 1 of 2 tasks healthy"), "{}", hold.reason);
    assert_eq!(hold.unblock.as_deref(), Some("skep apply stacks --now"));
    world.policy.supersede = Supersede::Now;
    assert_eq!(outline(&world.plan()), GOES);

    // What is written in place makes a rollback target, too, and so does adoption.
    let mut world = self::world();
    world.stack("shop").services = vec![service("shop", "web")];
    assert!(outline(&world.plan()).is_empty());
    world.declared("shop", "web").spec.mode = ServiceMode::replicated(Some(3));
    assert_eq!(outline(&world.plan()), WAITS);
    world.live("shop_web").spec.labels.remove(labels::FLEET);
    assert_eq!(outline(&world.plan()), ["adopt service shop_web [waits-for-rollout]"]);
}

#[test]
fn a_release_that_is_not_getting_anywhere_is_not_waited_for() {
    let mut world = world();
    world.observed.workload = Some(Workload { tasks: Vec::new(), nodes: vec![node()] });
    assert_eq!(outline(&world.plan()), GOES, "no task is healthy");

    let mut world = self::world();
    world.observed.engine.now = now() + 4.minutes();
    assert_eq!(outline(&world.plan()), WAITS);
    world.observed.engine.now = now() + 6.minutes();
    assert_eq!(outline(&world.plan()), GOES, "no further task became healthy");

    let mut world = self::world();
    world.live("shop_web").update.as_mut().unwrap().state = UpdateState::Completed;
    assert_eq!(outline(&world.plan()), GOES, "Swarm has judged");
}
