//! What `docker stack deploy` made, and what belongs to others.

use crate::diff::document::{Action, Cause, Effect};
use crate::model::labels::{self, Labels};
use crate::reconciler::policy::Adoption;

use super::world::*;

/// A world whose live objects carry docker's labels only.
fn made_by_docker() -> World {
    let mut world =
        World::applied(vec![stack("shop", vec![service("shop", "web"), job("shop", "init")])]);
    let strip = |labels: &mut Labels| labels.retain(|label, _| !labels::is_own(label));
    world.observed.services.iter_mut().for_each(|service| strip(&mut service.spec.labels));
    world.observed.networks.iter_mut().for_each(|network| strip(&mut network.spec.labels));
    world
}

#[test]
fn adoption_restarts_nothing_and_runs_no_job_again() {
    let mut world = made_by_docker();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["adopt service shop_web"]);
    let adopted = change(&plan, "service shop_web");
    assert_eq!(adopted.effect, Effect::InPlace { starts: 0, stops: 0 });
    assert_eq!(adopted.causes, [Cause::Ownership]);
    assert!(adopted.fields.is_empty());
    world.converge();
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn adoption_can_be_forbidden() {
    let mut world = made_by_docker();
    world.policy.adoption = Adoption::Never;
    assert_eq!(
        outline(&world.plan()),
        [
            "adopt network shop_default [not-adopted]",
            "adopt service shop_web [not-adopted, not-adopted]",
            "adopt service shop_init [not-adopted, not-adopted]",
        ]
    );
}

#[test]
fn what_belongs_to_others_is_never_written() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    let live = world.live("shop_web");
    live.spec.labels.clear();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["adopt service shop_web [foreign-object]"]);
    assert!(plan.steps.is_empty());
    world.policy.adoption = Adoption::Always;
    assert_eq!(actions(&world.plan()), [Action::Adopt]);
    assert_eq!(world.plan().steps[0].object.to_string(), "service shop_web");
}
