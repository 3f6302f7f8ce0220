//! Credentials for registries: sent with writes, noticed when they change, and never a reason to run a job.

use crate::diff::document::{Cause, Effect};
use crate::model::live::{UpdateState, UpdateStatus};
use crate::model::secret::Redacted;
use crate::reconciler::step::Write;
use crate::swarm::{Login, RegistryAccess};

use super::world::*;

fn know(world: &mut World, password: &str) {
    let login = Login::by_password("docker.io", "me", Redacted::new(password.to_owned()));
    world.images.logins.known.insert("docker.io".to_owned(), login);
}

/// A service and a job, created with these credentials.
fn created_with(password: Option<&str>) -> World {
    let mut world =
        World::declaring(vec![stack("shop", vec![service("shop", "web"), job("shop", "init")])]);
    if let Some(password) = password {
        know(&mut world, password);
    }
    world.converge();
    assert!(outline(&world.plan()).is_empty(), "{:?}", outline(&world.plan()));
    world
}

fn updating(state: UpdateState) -> UpdateStatus {
    UpdateStatus { state, started: None, completed: None, message: String::new() }
}

#[test]
fn changed_credentials_are_sent_in_place_once_and_never_to_a_job() {
    let mut world = created_with(Some("old"));
    know(&mut world, "new");
    let plan = world.plan();
    assert_eq!(outline(&plan), ["update service shop_web"]);
    let rotated = change(&plan, "service shop_web");
    assert_eq!(rotated.effect, Effect::InPlace { starts: 0, stops: 0 });
    assert_eq!(rotated.causes, [Cause::Credentials]);
    assert_eq!(rotated.notes, ["the credentials for docker.io changed; Swarm gets the new ones"]);
    assert!(!format!("{plan:?}").contains("\"new\""));
    world.perform(&plan);
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn credentials_that_are_not_known_here_leave_those_that_swarm_has() {
    let mut world = created_with(Some("old"));
    world.images.logins.known.clear();
    assert!(outline(&world.plan()).is_empty());
    // Also with a write that happens anyway, after which they are still known to be those.
    let update = world.declared("shop", "web").spec.update_config.as_mut().unwrap();
    update.parallelism = 2;
    world.converge();
    know(&mut world, "old");
    assert!(outline(&world.plan()).is_empty());
    know(&mut world, "new");
    assert_eq!(outline(&world.plan()), ["update service shop_web"]);
}

#[test]
fn credentials_that_nobody_sent_are_no_reason_to_write() {
    let mut world = created_with(None);
    know(&mut world, "new");
    assert!(outline(&world.plan()).is_empty());
}

#[test]
fn a_rollout_is_neither_begun_anew_nor_resumed_for_credentials() {
    let mut world = created_with(Some("old"));
    know(&mut world, "new");
    world.live("shop_web").update = Some(updating(UpdateState::Updating));
    assert_eq!(outline(&world.plan()), ["update service shop_web [waits-for-rollout]"]);
    world.live("shop_web").update = Some(updating(UpdateState::Paused));
    assert!(outline(&world.plan()).is_empty());
    world.live("shop_web").update = Some(updating(UpdateState::Completed));
    assert_eq!(outline(&world.plan()), ["update service shop_web"]);
}

#[test]
fn adoption_keeps_the_credentials_that_swarm_has_unless_the_image_changes() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    world.live("shop_web").spec.labels.retain(|label, _| !label.starts_with("skep."));
    know(&mut world, "pw");
    let access = |world: &World| {
        let plan = world.plan();
        assert_eq!(outline(&plan), ["adopt service shop_web"]);
        let Write::UpdateService { access, .. } = &plan.steps[0].write else { panic!("{plan:?}") };
        *access
    };
    assert_eq!(access(&world), RegistryAccess::Keep);
    let container = world.declared("shop", "web").spec.task_template.container_spec.as_mut();
    container.unwrap().image = "acme/web:2".to_owned();
    assert_eq!(access(&world), RegistryAccess::Send);
    world.converge();
    know(&mut world, "new");
    assert_eq!(outline(&world.plan()), ["update service shop_web"]);
}
