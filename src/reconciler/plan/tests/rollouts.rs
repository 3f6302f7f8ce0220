//! Creation, updates, drift, causes and effects.

use crate::diff::document::{Cause, Effect, RolloutOrder};
use crate::model::desired::FieldPath;
use crate::model::labels;
use crate::model::live::{UpdateState, UpdateStatus};
use crate::model::secret::EnvVar;
use crate::reconciler::step::Write;

use super::world::*;

#[test]
fn what_is_live_as_declared_is_left_alone() {
    let world =
        World::applied(vec![stack("shop", vec![service("shop", "web"), job("shop", "init")])]);
    let plan = world.plan();
    assert_eq!(outline(&plan), Vec::<String>::new());
    assert!(plan.steps.is_empty() && !plan.is_waiting());
    assert_eq!(plan.document.summary.unchanged, 3);
}

#[test]
fn a_new_stack_is_made_in_order_and_then_left_alone() {
    let mut shop = stack("shop", vec![service("shop", "web")]);
    shop.configs.push(config("shop", "app", "a=1"));
    let name = shop.configs[0].spec.name.clone();
    mount_config(&mut shop.services[0], &name);
    let mut world = World::declaring(vec![shop]);
    let passes = world.converge();
    assert_eq!(passes, [["network shop_default", &format!("config {name}"), "service shop_web"]]);
}

#[test]
fn without_a_fleet_record_that_comes_first() {
    let mut world = World::declaring(vec![stack("shop", vec![service("shop", "web")])]);
    world.observed.configs.clear();
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        [
            "create config skep_default_record",
            "create network shop_default",
            "create service shop_web"
        ]
    );
    let passes = world.converge();
    assert_eq!(passes[0], ["config skep_default_record", "network shop_default"]);
    assert_eq!(passes[1], ["service shop_web"]);
}

#[test]
fn a_commit_and_drift_are_told_apart() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    let scaled = &mut world.live("shop_web").spec.mode;
    scaled.replicated.as_mut().unwrap().replicas = Some(5);
    let drift = world.plan();
    assert_eq!(change(&drift, "service shop_web").causes, [Cause::Drift]);
    assert_eq!(change(&drift, "service shop_web").effect, Effect::InPlace { starts: 0, stops: 3 });
    let container = world.declared("shop", "web").spec.task_template.container_spec.as_mut();
    container.unwrap().env.push(EnvVar::parse("NEW=1"));
    let both = world.plan();
    assert_eq!(change(&both, "service shop_web").causes, [Cause::Git, Cause::Drift]);
    world.converge();
    assert!(world.plan().steps.is_empty());
}

#[test]
fn the_cost_of_a_roll_is_said() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().image = "acme/web:2".to_owned();
    let plan = world.plan();
    let rolls =
        Effect::Rolls { tasks: 2, parallelism: 1, order: RolloutOrder::StopFirst, keep_serving: 1 };
    assert_eq!(change(&plan, "service shop_web").effect, rolls);
    let Write::UpdateService { target, .. } = &plan.steps[0].write else { panic!("no update") };
    assert_eq!(target.version, 10);
}

#[test]
fn a_release_that_swarm_rolled_back_is_remembered_and_not_tried_again() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().image = "acme/web:bad".to_owned();
    let bad = world.plan();
    let Write::UpdateService { spec, .. } = &bad.steps[0].write else { panic!("no update") };
    let applied = spec.labels[labels::APPLIED].clone();
    world.learned.applied.insert("shop_web".to_owned(), applied.clone());
    let status = |state| UpdateStatus {
        state,
        started: None,
        completed: None,
        message: "update rolled back".to_owned(),
    };
    // Also while no task serves any more: Swarm is not disturbed when it goes back.
    world.live("shop_web").counts.running = 0;
    world.live("shop_web").update = Some(status(UpdateState::RollbackStarted));
    assert!(change(&world.plan(), "service shop_web").is_standing());
    world.live("shop_web").counts.running = 2;
    world.live("shop_web").update = Some(status(UpdateState::RollbackCompleted));
    let plan = world.plan();
    assert_eq!(
        outline(&plan),
        ["update config skep_default_record", "update service shop_web [refused-release]"]
    );
    assert!(!plan.is_waiting());
    world.perform(&plan);
    // Another skep, that applied nothing itself, reads it from the record, even after the status is gone.
    world.learned.applied.clear();
    world.live("shop_web").update = None;
    assert_eq!(outline(&world.plan()), ["update service shop_web [refused-release]"]);
    // A person allows one more try; the next write ends that.
    let record = &mut world.observed.configs[0].spec.labels;
    crate::reconciler::record::allow(record, "shop_web", 10);
    assert_eq!(outline(&world.plan()), ["update service shop_web"]);
    let record = &mut world.observed.configs[0].spec.labels;
    crate::reconciler::record::refuse(record, "shop_web", &applied);
    assert_eq!(outline(&world.plan()), ["update service shop_web [refused-release]"]);
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().image = "acme/web:good".to_owned();
    assert_eq!(outline(&world.plan()), ["update service shop_web"]);
}

#[test]
fn ignored_fields_are_neither_shown_nor_written() {
    let mut web = service("shop", "web");
    web.ignore = vec![FieldPath("deploy.replicas".to_owned())];
    web.spec.labels.insert(labels::IGNORE.to_owned(), FieldPath::join(&web.ignore));
    let mut world = World::applied(vec![stack("shop", vec![web])]);
    world.live("shop_web").spec.mode.replicated.as_mut().unwrap().replicas = Some(9);
    assert!(world.plan().steps.is_empty());
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().env.clear();
    let plan = world.plan();
    let Write::UpdateService { spec, .. } = &plan.steps[0].write else { panic!("no update") };
    assert_eq!(spec.mode.replicated.as_ref().unwrap().replicas, Some(9));
    assert_eq!(change(&plan, "service shop_web").causes, [Cause::Git]);
}
