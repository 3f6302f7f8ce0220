//! What services wait for in other stacks.

use std::collections::BTreeSet;

use crate::diff::document::HoldClass;
use crate::model::desired::{DesiredStack, StackDependency};
use crate::model::labels;
use crate::model::live::{UpdateState, UpdateStatus};
use crate::reconciler::policy::Policy;

use super::world::*;

fn needs(stack: &str) -> StackDependency {
    StackDependency { stack: stack.parse().unwrap(), place: place() }
}

/// `app`, which comes first by name, needs `data`.
fn stacks() -> Vec<DesiredStack> {
    let mut app = stack("app", vec![service("app", "web")]);
    app.policy.depends_on = vec![needs("data")];
    vec![app, stack("data", vec![service("data", "db")])]
}

fn paused() -> UpdateStatus {
    let message = "update paused".to_owned();
    UpdateStatus { state: UpdateState::Paused, started: None, completed: None, message }
}

#[test]
fn a_stack_is_made_once_the_one_that_it_needs_is_as_declared_and_healthy() {
    let mut world = World::declaring(stacks());
    let plan = world.plan();
    let web = &change(&plan, "service app_web").holds[0];
    assert_eq!(web.reason, "waits for stack data: network data_default and 1 other change first");
    assert!(plan.is_waiting());
    world.perform(&plan);
    world.live("data_db").counts.running = 1;
    let plan = world.plan();
    assert_eq!(outline(&plan), ["create service app_web [waits-for-stack]"]);
    let web = &change(&plan, "service app_web").holds[0];
    assert_eq!(web.reason, "waits for stack data: service data_db: rolling (1/2)");
    assert!(plan.steps.is_empty() && plan.is_waiting());
    world.live("data_db").counts.running = 2;
    assert_eq!(world.converge(), [["service app_web"]]);
}

#[test]
fn only_what_is_made_or_rolled_waits_for_a_stack() {
    let mut world = World::applied(stacks());
    world.live("data_db").counts.running = 0;
    assert!(outline(&world.plan()).is_empty());
    world.declared("app", "web").spec.mode =
        crate::model::service::ServiceMode::replicated(Some(3));
    assert_eq!(outline(&world.plan()), ["update service app_web"]);
    release(&mut world, "app", "web");
    assert_eq!(outline(&world.plan()), ["update service app_web [waits-for-stack]"]);
}

fn release(world: &mut World, stack: &str, key: &str) {
    let container = &mut world.declared(stack, key).spec.task_template.container_spec;
    container.as_mut().unwrap().env.clear();
}

#[test]
fn a_release_of_both_goes_out_in_order() {
    let mut world = World::applied(stacks());
    release(&mut world, "app", "web");
    release(&mut world, "data", "db");
    assert_eq!(world.converge(), [["service data_db"], ["service app_web"]]);
}

#[test]
fn a_stack_that_failed_is_held_or_has_errors_holds_those_that_need_it() {
    let mut world = World::applied(stacks());
    release(&mut world, "app", "web");
    let held = |world: &World| {
        let plan = world.plan();
        let hold = change(&plan, "service app_web").holds[0].clone();
        assert_eq!(hold.class, HoldClass::Standing, "{}", hold.reason);
        hold.reason
    };
    world.live("data_db").update = Some(paused());
    world.observed.workload = Some(crate::model::live::Workload::default());
    assert_eq!(
        held(&world),
        "waits for stack data: service data_db: update paused (0/2): update paused"
    );
    world.stack("data").policy.paused = true;
    release(&mut world, "data", "db");
    assert_eq!(held(&world), "waits for stack data, which is held: stack data is paused");
    let data = "data".parse().unwrap();
    world.desired.stacks.remove(&data);
    world.scope.invalid = BTreeSet::from([data]);
    assert_eq!(held(&world), "waits for stack data, which has errors");
}

#[test]
fn a_stack_that_is_not_declared_must_be_there_and_healthy() {
    let mut world = World::applied(stacks());
    world.scope.whole = false;
    world.desired.stacks.remove(&"data".parse().unwrap());
    release(&mut world, "app", "web");
    assert_eq!(outline(&world.plan()), ["update service app_web"]);
    // Whoever made it.
    world.live("data_db").spec.labels.retain(|label, _| label == labels::NAMESPACE);
    world.live("data_db").counts.running = 0;
    let plan = world.plan();
    let hold = &change(&plan, "service app_web").holds[0];
    assert_eq!(hold.reason, "waits for stack data: service data_db: rolling (0/2)");
    assert!(plan.is_waiting());
    world.observed.services.retain(|live| live.spec.name != "data_db");
    let plan = world.plan();
    let hold = &change(&plan, "service app_web").holds[0];
    assert_eq!(hold.reason, "waits for stack data, of which there is no service");
    assert!(!plan.is_waiting());
}

#[test]
fn a_replacement_waits_before_anything_goes() {
    let mut world = World::applied(stacks());
    world.policy.allow_replace = true;
    world.declared("app", "web").spec.mode = crate::model::service::ServiceMode {
        global: Some(crate::model::service::Global::default()),
        ..Default::default()
    };
    world.live("data_db").counts.running = 0;
    assert_eq!(outline(&world.plan()), ["replace service app_web [waits-for-stack]"]);
}

#[test]
fn stacks_go_in_reverse_order() {
    let third = stack("news", vec![service("news", "app")]);
    let mut world = World::declaring([stacks(), vec![third]].concat());
    world.converge();
    world.policy = Policy { prune: true, prune_stacks: true, ..Policy::default() };
    world.desired.stacks.retain(|name, _| name.as_str() == "news");
    assert_eq!(
        world.converge(),
        [
            vec!["service app_web"],
            vec!["network app_default", "service data_db"],
            vec!["network data_default"]
        ]
    );
    // What holds the first holds the second.
    let mut world = World::declaring([stacks(), vec![stack("news", Vec::new())]].concat());
    world.converge();
    world.policy = Policy { prune: true, prune_stacks: true, ..Policy::default() };
    world.desired.stacks.retain(|name, _| name.as_str() == "news");
    world.live("app_web").spec.labels.insert(labels::PROTECT.to_owned(), "true".to_owned());
    let plan = world.plan();
    let hold = &change(&plan, "service data_db").holds[0];
    assert_eq!(hold.reason, "stays as long as stack app, which needs it, is held");
    assert!(plan.steps.is_empty() && !plan.is_waiting());
}
