//! Pruning, its three yeses, its guards, and its order.

use crate::diff::document::HoldCode;
use crate::model::labels;
use crate::model::live::{UpdateState, UpdateStatus};
use crate::reconciler::outcome::{Verdict, verdict};
use crate::reconciler::policy::Policy;

use super::world::*;

fn shop(keys: &[&str]) -> crate::model::desired::DesiredStack {
    stack("shop", keys.iter().map(|key| service("shop", key)).collect())
}

fn pruning() -> Policy {
    Policy { prune: true, ..Policy::default() }
}

#[test]
fn removal_must_be_asked_for() {
    let mut world = World::applied(vec![shop(&["web", "old"])]);
    world.stack("shop").services.pop();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["remove service shop_old [prune-not-asked]"]);
    assert!(plan.steps.is_empty());
    world.policy = pruning();
    assert_eq!(world.converge(), [["service shop_old"]]);
}

#[test]
fn removals_come_last() {
    let mut world = World::applied(vec![shop(&["web", "old"])]);
    world.policy = pruning();
    world.stack("shop").services.pop();
    world.stack("shop").services.push(service("shop", "new"));
    assert_eq!(
        outline(&world.plan()),
        ["create service shop_new", "remove service shop_old [waits-for-health]"]
    );
    assert_eq!(world.converge(), [["service shop_new"], ["service shop_old"]]);
}

#[test]
fn a_rollback_to_what_is_declared_is_in_nobodys_way() {
    let mut world = World::applied(vec![shop(&["web", "old"])]);
    world.policy = pruning();
    world.live("shop_web").update = Some(UpdateStatus {
        state: UpdateState::RollbackCompleted,
        started: None,
        completed: None,
        message: "rollback completed".to_owned(),
    });
    world.stack("shop").services.pop();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["remove service shop_old"]);
    assert_eq!(verdict(&plan), Verdict::Done);
}

#[test]
fn what_is_not_labelled_as_ours_is_never_removed() {
    let mut world = World::applied(vec![shop(&["web", "old"])]);
    world.policy = pruning();
    world.stack("shop").services.pop();
    for label in [labels::FLEET, labels::STACK, labels::OBJECT] {
        let kept = world.live("shop_old").spec.labels.remove(label).unwrap();
        assert!(outline(&world.plan()).is_empty(), "{label}");
        world.live("shop_old").spec.labels.insert(label.to_owned(), kept);
    }
    assert_eq!(world.plan().steps.len(), 1);
}

#[test]
fn most_of_a_stack_is_not_removed_by_mistake() {
    let mut world = World::applied(vec![shop(&["a", "b", "c", "d", "e"])]);
    world.policy = pruning();
    world.stack("shop").services.truncate(2);
    let plan = world.plan();
    assert!(plan.steps.is_empty());
    let hold = &change(&plan, "service shop_c").holds[0];
    assert_eq!(hold.code, HoldCode::GuardMostServices);
    let command = hold.unblock.as_deref().unwrap();
    let lifted = command.rsplit(' ').next().unwrap();
    world.policy.unblocked.insert(lifted.parse().unwrap());
    assert_eq!(world.plan().steps.len(), 3);
}

#[test]
fn a_whole_stack_needs_its_own_consent() {
    let mut world =
        World::applied(vec![shop(&["web"]), stack("blog", vec![service("blog", "app")])]);
    world.policy = pruning();
    world.desired.stacks.remove(&"shop".parse().unwrap());
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::GuardWholeStack]);
    assert!(plan.steps.is_empty());
    world.policy.prune_stacks = true;
    let passes = world.converge();
    assert_eq!(passes, [["service shop_web"], ["network shop_default"]]);
    world.scope.whole = false;
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn an_empty_source_removes_nothing() {
    let mut world = World::applied(vec![shop(&["web"])]);
    world.policy = Policy { prune: true, prune_stacks: true, ..Policy::default() };
    world.desired.stacks.clear();
    let plan = world.plan();
    assert_eq!(plan.document.holds[0].code, HoldCode::GuardNoStacks);
    assert!(plan.steps.is_empty() && !plan.is_waiting());
}

#[test]
fn a_stack_that_could_not_be_loaded_loses_nothing() {
    let mut world =
        World::applied(vec![shop(&["web"]), stack("blog", vec![service("blog", "app")])]);
    world.policy = Policy { prune: true, prune_stacks: true, ..Policy::default() };
    let name = "shop".parse().unwrap();
    world.desired.stacks.remove(&name);
    world.scope.invalid.insert(name);
    let plan = world.plan();
    assert_eq!(stack_holds(&plan), [HoldCode::InvalidStack]);
    assert!(plan.steps.is_empty());
}

#[test]
fn a_stack_that_looks_renamed_is_not_removed_unless_the_file_says_so() {
    let mut world =
        World::applied(vec![shop(&["web"]), stack("blog", vec![service("blog", "app")])]);
    world.policy = Policy { prune: true, prune_stacks: true, ..Policy::default() };
    world.desired.stacks.remove(&"shop".parse().unwrap());
    world
        .desired
        .stacks
        .insert("store".parse().unwrap(), stack("store", vec![service("store", "web")]));
    assert_eq!(stack_holds(&world.plan()), [HoldCode::GuardRenamed]);
    world.stack("store").policy.previous_name = Some("shop".parse().unwrap());
    let passes = world.converge();
    assert_eq!(passes[0], ["network store_default", "service store_web"]);
    assert_eq!(passes[1], ["service shop_web"]);
}

#[test]
fn skep_does_not_remove_itself_or_what_is_protected() {
    let mut world = World::applied(vec![shop(&["web", "skep", "db"])]);
    world.policy = pruning();
    world.live("shop_skep").spec.labels.insert(labels::ROLE.to_owned(), "controller".to_owned());
    world.live("shop_db").spec.labels.insert(labels::PROTECT.to_owned(), "true".to_owned());
    world.stack("shop").services.truncate(1);
    assert_eq!(
        outline(&world.plan()),
        ["remove service shop_db [protected]", "remove service shop_skep [self-protection]"]
    );
}
