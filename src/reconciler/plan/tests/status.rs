//! How stacks are, folded from plans and observations of the same small worlds.

use std::collections::BTreeSet;

use crate::diff::mask::Sensitivity;
use crate::model::live::{Observed, UpdateState, UpdateStatus};
use crate::model::name::FleetName;
use crate::model::secret::EnvVar;
use crate::reconciler::plan::Plan;
use crate::reconciler::status::{Health, Status, Sync, fold, schema};

use super::world::*;

fn shop() -> World {
    let mut world = World::applied(vec![
        stack("shop", vec![service("shop", "web"), service("shop", "api")]),
        stack("blog", vec![service("blog", "web")]),
    ]);
    // Long enough ago for the counts of tasks to be believed.
    let then = now() - jiff::SignedDuration::from_hours(1);
    world.observed.services.iter_mut().for_each(|service| service.updated = then);
    world
}

fn change_by_hand(world: &mut World, name: &str) {
    let spec = &mut world.live(name).spec.task_template;
    spec.container_spec.as_mut().unwrap().env.push(EnvVar::parse("DEBUG=1"));
}

fn outline(status: &Status) -> Vec<String> {
    let services = status.stacks.iter().flat_map(|stack| &stack.services);
    services
        .map(|service| format!("{} {} {}", service.name, service.sync, service.health))
        .collect()
}

fn folded(observed: &Observed, fleet: &FleetName, plan: Option<&Plan>) -> Status {
    fold(observed, fleet, plan, &Sensitivity::default())
}

#[test]
fn without_files_a_service_is_compared_with_what_was_applied() {
    let mut world = shop();
    let fleet = world.scope.fleet.clone();
    let status = folded(&world.observed, &fleet, None);
    assert_eq!((status.sync, status.health), (Sync::Synced, Health::Healthy));
    change_by_hand(&mut world, "shop_web");
    let status = folded(&world.observed, &fleet, None);
    assert_eq!(
        outline(&status),
        ["blog_web Synced Healthy", "shop_api Synced Healthy", "shop_web OutOfSync Healthy"]
    );
    let other = folded(&world.observed, &"other".parse().unwrap(), None);
    assert!(other.stacks.is_empty(), "stacks of other fleets are not ours to judge");
}

#[test]
fn a_stack_that_was_rolled_back_is_degraded_unless_that_is_what_is_declared() {
    let mut world = shop();
    let message = "rollback completed".to_owned();
    let update = UpdateStatus {
        state: UpdateState::RollbackCompleted,
        started: None,
        completed: None,
        message,
    };
    world.live("shop_web").update = Some(update);
    let web = |status: Status| {
        let service = &status.stacks[1].services[1];
        format!("{} {} {}: {}", service.name, service.sync, service.health, service.state)
    };
    let fleet = world.scope.fleet.clone();
    let alone = folded(&world.observed, &fleet, None);
    assert_eq!(alone.health, Health::Degraded);
    assert_eq!(web(alone), "shop_web OutOfSync Degraded: rolled back, 2/2 tasks healthy");
    let compared = folded(&world.observed, &fleet, Some(&world.plan()));
    assert_eq!(web(compared), "shop_web Synced Healthy: 2/2 tasks healthy");
}

#[test]
fn with_files_every_difference_counts_and_what_is_missing_shows() {
    let mut world = shop();
    change_by_hand(&mut world, "shop_web");
    world.observed.services.retain(|service| service.spec.name != "shop_api");
    let plan = world.plan();
    let status = folded(&world.observed, &world.scope.fleet, Some(&plan));
    assert_eq!(
        outline(&status),
        ["blog_web Synced Healthy", "shop_api OutOfSync Missing", "shop_web OutOfSync Healthy"]
    );
    assert_eq!((status.sync, status.health), (Sync::OutOfSync, Health::Missing));
    let schema = serde_json::to_value(schema()).unwrap();
    assert!(jsonschema::is_valid(&schema, &serde_json::to_value(&status).unwrap()));
    let blog = status.only(&BTreeSet::from(["blog".parse().unwrap()]));
    assert_eq!((blog.stacks.len(), blog.sync, blog.health), (1, Sync::Synced, Health::Healthy));
}

#[test]
fn a_stack_with_errors_is_neither_in_sync_nor_out_of_it() {
    let mut world = shop();
    let name = "blog".parse().unwrap();
    world.desired.stacks.remove(&name);
    world.scope.invalid.insert(name);
    let plan = world.plan();
    let status = folded(&world.observed, &world.scope.fleet, Some(&plan));
    let blog = &status.stacks[0];
    assert_eq!(
        (blog.name.as_str(), blog.sync, blog.health),
        ("blog", Sync::Unknown, Health::Healthy)
    );
    assert_eq!(blog.holds.len(), 1);
    assert_eq!(blog.services.len(), 1);
}
