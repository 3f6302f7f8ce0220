//! How stacks are, folded from plans and observations of the same small worlds.

use std::collections::BTreeSet;

use crate::diff::mask::Sensitivity;
use crate::model::live::{Observed, UpdateState, UpdateStatus};
use crate::model::name::FleetName;
use crate::model::secret::EnvVar;
use crate::reconciler::controller::condition::{Condition, condition};
use crate::reconciler::known;
use crate::reconciler::plan::Plan;
use crate::reconciler::policy::RemoveStack;
use crate::reconciler::record;
use crate::reconciler::retry::{Retried, judge};
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

/// The same shop as the fleet record remembers it.
fn remembered() -> World {
    let mut world = shop();
    let record = &mut world.observed.configs[0].spec.labels;
    for service in ["blog_web", "shop_api", "shop_web"] {
        record::remember(record, service, "0123456789abcdef");
    }
    world
}

#[test]
fn what_was_applied_and_is_gone_is_missing_without_files_whole_stacks_included() {
    let mut world = remembered();
    let fleet = world.scope.fleet.clone();
    world.observed.services.retain(|service| service.spec.name == "shop_web");
    world.observed.networks.retain(|network| network.spec.name == "shop_default");
    let status = folded(&world.observed, &fleet, None);
    assert_eq!(
        outline(&status),
        ["blog_web OutOfSync Missing", "shop_api OutOfSync Missing", "shop_web Synced Healthy"]
    );
    assert_eq!((status.sync, status.health), (Sync::OutOfSync, Health::Missing));
    // What the files no longer declare is not missed.
    world.stack("shop").services.retain(|service| service.key == "web");
    let status = folded(&world.observed, &fleet, Some(&world.plan()));
    assert_eq!(outline(&status), ["blog_web OutOfSync Missing", "shop_web Synced Healthy"]);
    let known = known::stacks(&world.observed, &fleet, None);
    assert!(known.contains("shop") && !known.contains("blog"), "{known:?}");
}

#[test]
fn removing_a_stack_of_which_nothing_is_left_forgets_it() {
    let mut world = remembered();
    world.observed.services.clear();
    world.observed.networks.clear();
    world.desired.stacks.clear();
    world.policy.remove = Some(RemoveStack { stack: "blog".parse().unwrap(), declared_in: None });
    let plan = world.plan();
    assert_eq!(plan.steps.len(), 1);
    world.perform(&plan);
    let status = folded(&world.observed, &world.scope.fleet, None);
    assert_eq!(outline(&status), ["shop_api OutOfSync Missing", "shop_web OutOfSync Missing"]);
    assert!(world.plan().steps.is_empty());
}

#[test]
fn a_suspended_stack_is_shown_as_such() {
    let mut world = shop();
    let record = &mut world.observed.configs[0].spec.labels;
    let label = "2026-05-01T10:00:00Z ada@m1 the database moves";
    record.insert("skep.suspended.shop".to_owned(), label.to_owned());
    let status = folded(&world.observed, &world.scope.fleet, None);
    let suspended: Vec<_> = status.stacks.iter().map(|stack| stack.suspended.as_ref()).collect();
    assert_eq!(suspended[0], None);
    let told = suspended[1].unwrap().to_string();
    assert_eq!(told, "by ada@m1 since 2026-05-01T10:00:00Z: the database moves");
    let schema = serde_json::to_value(schema()).unwrap();
    assert!(jsonschema::is_valid(&schema, &serde_json::to_value(&status).unwrap()));
}

#[test]
fn a_service_that_was_written_is_on_its_way_however_it_was_before() {
    let mut world = shop();
    let message = "rollback completed".to_owned();
    let state = UpdateState::RollbackCompleted;
    let update = UpdateStatus { state, started: None, completed: None, message };
    world.live("shop_web").update = Some(update.clone());
    world.live("blog_web").update = Some(update);
    let declared = &mut world.declared("shop", "web").spec.task_template;
    declared.container_spec.as_mut().unwrap().env.push(EnvVar::parse("FIXED=1"));
    let plan = world.plan();
    let condition_of = |status: &Status| {
        let section = plan.document.stacks.iter().find(|section| section.name == "shop").unwrap();
        condition(section, &status.stacks[1], false)
    };
    let before = folded(&world.observed, &world.scope.fleet, Some(&plan));
    assert_eq!(condition_of(&before).0, Condition::Degraded);
    let after = before.written(&BTreeSet::from(["shop_web".to_owned()]));
    assert_eq!(condition_of(&after), (Condition::Progressing, None));
    let services = &after.stacks[1].services;
    assert_eq!((services[1].health, services[1].judged.is_none()), (Health::Progressing, true));
    assert_eq!(after.stacks[0].health, Health::Healthy, "the other one is declared as it is");
}

#[test]
fn another_try_is_refused_with_the_reason() {
    let mut world = shop();
    let (fleet, shop) = (world.scope.fleet.clone(), "shop".parse().unwrap());
    let judged = |world: &World, service: Option<&str>| {
        let record = record::find(&world.observed.configs, &fleet);
        let judged = judge(&world.observed, &fleet, record.as_ref(), &shop, service);
        judged.map(|services| services.len())
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(judged(&world, None), Err(Retried::NotRefused));
    let services = names(&["shop_web", "shop_api"]);
    assert_eq!(judged(&world, Some("wbe")), Err(Retried::NoService(services)));
    let nosuch = judge(&world.observed, &fleet, None, &"nosuch".parse().unwrap(), None);
    let stacks = ["blog", "shop"].map(str::to_owned).into();
    assert_eq!(nosuch.map(|services| services.len()), Err(Retried::NoStack(stacks)));

    record::refuse(&mut world.observed.configs[0].spec.labels, "shop_web", "f", "id");
    assert_eq!((judged(&world, None), judged(&world, Some("web"))), (Ok(1), Ok(1)));
    assert_eq!(judged(&world, Some("api")), Err(Retried::NotRefused));
    let message = "rolling back".to_owned();
    let state = UpdateState::RollbackStarted;
    world.live("shop_web").update =
        Some(UpdateStatus { state, started: None, completed: None, message });
    assert_eq!(judged(&world, None), Err(Retried::RollingBack(names(&["shop_web"]))));
    world.live("shop_web").update = None;
    let version = world.live("shop_web").version;
    record::allow(&mut world.observed.configs[0].spec.labels, "shop_web", version);
    assert_eq!(judged(&world, None), Err(Retried::AllowedBefore(names(&["shop_web"]))));
}
