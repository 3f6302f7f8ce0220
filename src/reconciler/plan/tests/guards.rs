//! Guards over several passes, and what renamed stacks leave behind.

use jiff::SignedDuration;

use crate::diff::document::{Action, HoldCode};
use crate::model::desired::DesiredStack;
use crate::model::labels;
use crate::model::secret::EnvVar;
use crate::reconciler::policy::Policy;

use super::world::*;

fn of(name: &str, keys: &[&str]) -> DesiredStack {
    stack(name, keys.iter().map(|key| service(name, key)).collect())
}

fn pruning() -> Policy {
    Policy { prune: true, ..Policy::default() }
}

/// Gives another release of a service out, and lets it go through.
fn release(world: &mut World, stack: &str, key: &str) {
    let container = world.declared(stack, key).spec.task_template.container_spec.as_mut();
    container.unwrap().env.push(EnvVar::parse("NEW=1"));
    let passes = world.converge();
    assert_eq!(passes, [[format!("service {stack}_{key}")]]);
}

fn names(world: &World) -> Vec<&str> {
    world.observed.services.iter().map(|live| live.spec.name.as_str()).collect()
}

#[test]
fn a_stack_that_is_made_anew_under_other_names_does_not_lift_its_guard() {
    let mut world = World::applied(vec![of("shop", &["api", "web", "worker", "db"])]);
    world.policy = pruning();
    *world.stack("shop") = of("shop", &["db", "api2", "web2", "worker2"]);
    let made = [["service shop_api2", "service shop_web2", "service shop_worker2"]];
    assert_eq!(world.converge(), made);
    let is_held = |world: &World| {
        let plan = world.plan();
        let holds = &change(&plan, "service shop_api").holds;
        assert!(plan.steps.is_empty() && !plan.is_waiting());
        assert_eq!(holds[0].code, HoldCode::GuardMostServices);
        holds[0].reason.clone()
    };
    let reason = "3 of the 4 services of stack shop would go, not counting 3 made since";
    assert_eq!(is_held(&world), reason);
    // Nor does a later release of what was made, or somebody who removes that by hand.
    release(&mut world, "shop", "web2");
    assert_eq!(is_held(&world), reason);
    world.observed.services.retain(|live| !live.spec.name.ends_with('2'));
    assert_eq!(world.converge(), made);
    assert_eq!(is_held(&world), reason);
    world.policy.unblocked.insert("guard-most-services:shop".parse().unwrap());
    world.converge();
    assert_eq!(names(&world), ["shop_db", "shop_api2", "shop_web2", "shop_worker2"]);
    // What was made then is like everything else from now on.
    world.policy = pruning();
    let all = ["db", "api2", "web2", "worker2", "api", "web", "worker"];
    *world.stack("shop") = of("shop", &all);
    world.converge();
    for name in ["shop_api", "shop_web", "shop_worker"] {
        world.live(name).created = now() + SignedDuration::from_hours(1);
    }
    *world.stack("shop") = of("shop", &all[..4]);
    world.converge();
    assert_eq!(names(&world), ["shop_db", "shop_api2", "shop_web2", "shop_worker2"]);
    release(&mut world, "shop", "worker2");
    assert!(!world.live("shop_worker2").spec.labels.contains_key(labels::BESIDE));
    *world.stack("shop") = of("shop", &["web2", "worker2"]);
    world.converge();
    assert_eq!(names(&world), ["shop_web2", "shop_worker2"]);
}

#[test]
fn half_of_a_stack_that_has_grown_goes_when_removal_is_asked_for() {
    let mut world = World::applied(vec![of("shop", &["a", "b", "c"])]);
    world.policy = pruning();
    *world.stack("shop") = of("shop", &["a", "b", "c", "d", "e", "f"]);
    world.converge();
    *world.stack("shop") = of("shop", &["d", "e", "f"]);
    world.converge();
    assert_eq!(names(&world), ["shop_d", "shop_e", "shop_f"]);
}

#[test]
fn a_stack_that_looks_renamed_is_kept_also_once_the_new_one_is_there() {
    let renamed = || {
        let mut world = World::applied(vec![of("shop", &["web"]), of("blog", &["app"])]);
        world.policy = Policy { prune_stacks: true, ..pruning() };
        world.desired.stacks.remove(&"shop".parse().unwrap());
        world.desired.stacks.insert("store".parse().unwrap(), of("store", &["web"]));
        world.converge();
        assert_eq!(names(&world), ["blog_app", "shop_web", "store_web"]);
        release(&mut world, "store", "web");
        assert_eq!(stack_holds(&world.plan()), [HoldCode::GuardRenamed]);
        world
    };
    let mut world = renamed();
    world.policy = Policy::default();
    world.stack("store").policy.previous_name = Some("shop".parse().unwrap());
    world.converge();
    assert_eq!(names(&world), ["blog_app", "store_web"]);
    let mut world = renamed();
    world.policy.unblocked.insert("guard-renamed:shop".parse().unwrap());
    world.converge();
    assert_eq!(names(&world), ["blog_app", "store_web"]);
}

#[test]
fn a_stack_does_not_look_renamed_to_one_that_has_long_had_the_same_services() {
    let mut world = World::applied(vec![of("one", &["app", "db"]), of("two", &["app", "db"])]);
    world.policy = Policy { prune_stacks: true, ..pruning() };
    world.desired.stacks.remove(&"one".parse().unwrap());
    world.converge();
    assert_eq!(names(&world), ["two_app", "two_db"]);
}

#[test]
fn what_a_renamed_stack_leaves_behind_needs_the_consent_that_its_removal_would() {
    let mut shop = of("shop", &["web", "api"]);
    shop.configs.push(config("shop", "app", "a=1"));
    shop.configs.push(config("shop", "old", "a=1"));
    let mut world = World::applied(vec![shop]);
    world.policy = Policy { allow_replace: true, ..Policy::default() };
    world.desired.stacks.clear();
    let mut store = of("store", &["web"]);
    store.configs.push(config("store", "app", "a=1"));
    store.policy.previous_name = Some("shop".parse().unwrap());
    world.desired.stacks.insert("store".parse().unwrap(), store);
    let held = |world: &World, object: &str| -> Vec<HoldCode> {
        change(&world.plan(), object).holds.iter().map(|hold| hold.code).collect()
    };
    let old = world.observed.configs.iter().find(|config| config.spec.name.starts_with("shop_old"));
    let old = format!("config {}", old.unwrap().spec.name);
    let guarded = [HoldCode::PruneNotAsked, HoldCode::GuardWholeStack];
    assert_eq!(held(&world, "service shop_api"), guarded);
    assert_eq!(held(&world, &old), [HoldCode::PruneNotAsked]);
    world.converge();
    assert_eq!(names(&world), ["shop_api", "store_web"]);
    let configs = |world: &World| {
        let names = world.observed.configs.iter().map(|config| config.spec.name.as_str());
        names.filter(|name| name.starts_with("shop_")).count()
    };
    assert_eq!(configs(&world), 1, "the one that went on is gone");
    assert_eq!(held(&world, "service shop_api"), guarded);
    world.policy.prune_stacks = true;
    assert_eq!(held(&world, "service shop_api"), [HoldCode::PruneNotAsked]);
    world.policy.prune = true;
    world.converge();
    assert_eq!((names(&world), configs(&world)), (vec!["store_web"], 0));
}

#[test]
fn a_previous_name_says_nothing_of_a_later_stack_of_that_name() {
    let mut store = of("store", &["web"]);
    store.policy.previous_name = Some("shop".parse().unwrap());
    let mut world = World::applied(vec![store, of("shop", &["web", "api"])]);
    world.policy.allow_replace = true;
    world.live("store_web").created = now() - SignedDuration::from_hours(1);
    // While both are there, what is added to the one has nothing to do with the other.
    world.stack("store").services.push(service("store", "api"));
    assert_eq!(actions(&world.plan()), [Action::Create]);
    // Nor where only a part of the source is looked at, where another source declares the other, or where a guard keeps it.
    world.desired.stacks.remove(&"shop".parse().unwrap());
    world.scope.whole = false;
    assert_eq!(actions(&world.plan()), [Action::Create]);
    world.scope.whole = true;
    world.scope.elsewhere.stacks.insert("shop".parse().unwrap());
    assert_eq!(actions(&world.plan()), [Action::Create]);
    world.scope.elsewhere.stacks.clear();
    assert_eq!(change(&world.plan(), "service store_api").action, Action::Create);
    world.stack("store").services.pop();
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::GuardWholeStack]);
    let codes = outline(&plan);
    assert!(codes.iter().all(|line| line.contains("prune-not-asked")), "{codes:?}");
    // The same of a service.
    let mut world = World::applied(vec![of("shop", &["web", "site"])]);
    world.live("shop_site").created = now() - SignedDuration::from_hours(1);
    world.declared("shop", "site").previous_name = Some("shop_web".to_owned());
    world.stack("shop").services.remove(0);
    assert_eq!(outline(&world.plan()), ["remove service shop_web [prune-not-asked]"]);
}
