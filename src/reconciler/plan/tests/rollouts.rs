//! Creation, updates, drift, causes and effects.

use crate::diff::document::{Cause, Effect, RolloutOrder};
use crate::model::desired::FieldPath;
use crate::model::labels;
use crate::model::live::{LiveService, Task, TaskState, UpdateState, UpdateStatus, Workload};
use crate::model::secret::EnvVar;
use crate::reconciler::health;
use crate::reconciler::outcome::{self, Verdict};
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
    crate::reconciler::record::refuse(record, "shop_web", &applied, "id-shop_web");
    assert_eq!(outline(&world.plan()), ["update service shop_web [refused-release]"]);
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().image = "acme/web:good".to_owned();
    assert_eq!(outline(&world.plan()), ["update service shop_web"]);
}

#[test]
fn a_paused_rollout_is_not_resumed_by_a_change_that_releases_nothing() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    for state in [UpdateState::Paused, UpdateState::RollbackPaused] {
        world.live("shop_web").update = Some(in_state(state));
        let web = &mut world.declared("shop", "web").spec;
        web.labels.insert("owner".to_owned(), "blue".to_owned());
        assert_eq!(outline(&world.plan()), ["update service shop_web [rollout-paused]"]);
    }
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().image = "acme/web:cured".to_owned();
    assert_eq!(outline(&world.plan()), ["update service shop_web"]);
}

/// `acme/web:1` is live, `acme/web:bad` is declared; returns the plan that applies it.
pub(super) fn with_a_bad_release() -> (World, crate::reconciler::plan::Plan) {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().image = "acme/web:bad".to_owned();
    let plan = world.plan();
    (world, plan)
}

pub(super) fn in_state(state: UpdateState) -> UpdateStatus {
    let message = "words of Swarm".to_owned();
    UpdateStatus { state, started: None, completed: None, message }
}

#[test]
fn a_release_that_swarm_takes_back_never_looks_healthy_on_the_way() {
    let (mut world, apply) = with_a_bad_release();
    let old = world.live("shop_web").clone();
    world.perform(&apply);
    let new = world.live("shop_web").clone();
    world.learned.has_written = true;
    let stamp = new.spec.labels[labels::APPLIED].clone();
    world.learned.applied.insert("shop_web".to_owned(), stamp);
    let long_ago = now() - jiff::SignedDuration::from_hours(1);
    let later = now() + jiff::SignedDuration::from_mins(1);
    let tasks = |of: &LiveService| -> Vec<Task> {
        let task = |slot| running(of, slot, long_ago);
        vec![task(1), task(2)]
    };
    world.observed.engine.now = later;
    let mut see = |live: LiveService, tasks: Vec<Task>| {
        *world.live("shop_web") = live;
        world.observed.workload = Some(Workload { tasks, nodes: Vec::new() });
        let plan = world.plan();
        let ended = plan.steps.is_empty() && !plan.is_waiting() && !plan.is_progressing();
        let is_done = outcome::verdict(&plan) == Verdict::Done;
        world.perform(&plan);
        (ended, is_done)
    };
    let with = |live: &LiveService, state| {
        let update = Some(in_state(state));
        LiveService { update, ..live.clone() }
    };
    // Each time services are listed first and tasks after, so that tasks may be ahead.
    let written = LiveService { updated: later, ..new.clone() };
    assert_eq!(see(written.clone(), tasks(&old)), (false, false), "nothing has begun");
    let mut ahead = tasks(&new);
    ahead.push(Task { desired: TaskState::Shutdown, since: later, ..running(&old, 1, later) });
    assert_eq!(see(written, ahead), (false, false), "tasks are ahead of the status");
    let updating = with(&new, UpdateState::Updating);
    assert_eq!(see(updating.clone(), tasks(&new)), (false, false), "monitored");
    assert_eq!(see(updating, tasks(&old)), (false, false), "tasks are back, the service is not");
    let started = with(&old, UpdateState::RollbackStarted);
    assert_eq!(see(started, tasks(&old)), (false, false), "on the way back");
    let back = with(&old, UpdateState::RollbackCompleted);
    assert!(!see(back.clone(), tasks(&old)).1, "back, and all tasks of the old are well");
    assert_eq!(see(back, tasks(&old)), (true, false), "and that is how it ends");
    // Even if nothing told of a rollback: what is live is not what was written.
    world.observed.configs[0].spec.labels.retain(|label, _| !label.starts_with("skep.refused."));
    *world.live("shop_web") = old;
    assert!(!world.plan().health["shop_web"].verdict.is_healthy());
}

#[test]
fn a_release_that_is_tried_again_does_not_look_rolled_back_before_it_is_written() {
    let (mut world, _) = with_a_bad_release();
    world.live("shop_web").update = Some(in_state(UpdateState::RollbackCompleted));
    let plan = world.plan();
    assert_eq!(outline(&plan), ["update service shop_web"]);
    assert_eq!(plan.health["shop_web"].verdict, health::Verdict::Rolling);
    assert_eq!(plan.health["shop_web"].message, None);
}

#[test]
fn what_a_person_put_back_is_drift_and_not_a_refused_release() {
    let (mut world, apply) = with_a_bad_release();
    let old = world.live("shop_web").clone();
    world.perform(&apply);
    let stamp = world.live("shop_web").spec.labels[labels::APPLIED].clone();
    let update = Some(in_state(UpdateState::RollbackCompleted));
    *world.live("shop_web") = LiveService { update, previous_applied: Some(stamp), ..old };
    let plan = world.plan();
    assert_eq!(outline(&plan), ["update service shop_web"]);
    let rolled_back = change(&plan, "service shop_web");
    assert_eq!(rolled_back.causes, [Cause::Drift]);
    assert_eq!(rolled_back.notes[0], "somebody put an older release back");
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().env.push(EnvVar::parse("NEW=1"));
    assert_eq!(change(&world.plan(), "service shop_web").causes, [Cause::Git, Cause::Drift]);
}

#[test]
fn a_service_that_a_person_removed_is_drift_and_one_that_skep_removed_is_not() {
    let mut world = World::declaring(vec![stack("shop", vec![service("shop", "web")])]);
    assert_eq!(change(&world.plan(), "service shop_web").causes, [Cause::Git]);
    world.converge();
    let cause = |world: &World| change(&world.plan(), "service shop_web").causes.clone();
    world.observed.services.clear();
    assert_eq!(cause(&world), [Cause::Drift]);
    // So was the network, as by `docker stack rm`: the release that was applied could not do without it.
    world.observed.networks.clear();
    let network = |world: &World| change(&world.plan(), "network shop_default").causes.clone();
    assert_eq!(network(&world), [Cause::Drift]);
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().env.clear();
    assert_eq!(cause(&world), [Cause::Git, Cause::Drift]);
    assert_eq!(network(&world), [Cause::Git], "nobody can tell");
    world.converge();

    // Once pruned, it is new when it comes back.
    let services = std::mem::take(&mut world.stack("shop").services);
    world.policy.prune = true;
    world.policy.unblocked = "guard-most-services".parse().into_iter().collect();
    world.converge();
    assert!(world.observed.services.is_empty());
    world.stack("shop").services = services;
    assert_eq!(cause(&world), [Cause::Git]);
}

#[test]
fn a_refused_release_that_came_through_after_all_is_forgotten() {
    let (mut world, apply) = with_a_bad_release();
    let Write::UpdateService { spec, .. } = &apply.steps[0].write else { panic!("no update") };
    let refused = spec.labels[labels::APPLIED].clone();
    let record = &mut world.observed.configs[0].spec.labels;
    crate::reconciler::record::refuse(record, "shop_web", &refused, "id-before");
    assert_eq!(outline(&world.plan()), ["update service shop_web [refused-release]"]);
    // Where only a digest moved, the same is said of what Swarm went back to.
    let before = world.live("shop_web").spec.labels.clone();
    world.live("shop_web").spec.labels.insert(labels::APPLIED.to_owned(), refused.clone());
    world.live("shop_web").id = "id-before".to_owned();
    assert_eq!(outline(&world.plan()), ["update service shop_web [refused-release]"]);
    world.live("shop_web").spec.labels = before;
    // Somebody removes the service: it is made anew as declared, and what is done by hand to that is drift.
    world.observed.services.clear();
    let plan = world.plan();
    assert_eq!(outline(&plan), ["create service shop_web"]);
    world.perform(&plan);
    let scale = |world: &mut World, replicas| {
        world.live("shop_web").spec.mode.replicated.as_mut().unwrap().replicas = Some(replicas);
    };
    scale(&mut world, 5);
    assert_eq!(outline(&world.plan()), ["update service shop_web"]);
    // Not so while Swarm says that it took it back.
    world.live("shop_web").update = Some(in_state(UpdateState::RollbackCompleted));
    assert_eq!(outline(&world.plan()), ["update service shop_web [refused-release]"]);
    world.live("shop_web").update = None;
    world.learned.has_written = true;
    world.converge();
    let is_known = |world: &World| {
        world.observed.configs[0].spec.labels.keys().any(|label| label.starts_with("skep.refused."))
    };
    assert!(!is_known(&world));

    // What skep removes is forgotten with it.
    let record = &mut world.observed.configs[0].spec.labels;
    crate::reconciler::record::refuse(record, "shop_web", "another", "id-shop_web");
    world.policy.prune = true;
    world.stack("shop").services.clear();
    world.converge();
    assert!(world.observed.services.is_empty() && !is_known(&world));
}

#[test]
fn what_was_applied_is_only_noted_along_with_other_writes() {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    assert!(world.plan().steps.is_empty() && world.plan().document.record.is_none());
    world.live("shop_web").spec.mode.replicated.as_mut().unwrap().replicas = Some(5);
    let plan = world.plan();
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(plan.document.record.as_ref().unwrap().to_string(), "config skep_default_record");
    // A run that has written mends what it could not note.
    world.live("shop_web").spec.mode.replicated.as_mut().unwrap().replicas = Some(2);
    world.learned.has_written = true;
    assert_eq!(world.plan().steps.len(), 1);
    let plan = world.plan();
    world.perform(&plan);
    assert!(world.plan().steps.is_empty());
    world.observed.configs[0].spec.labels.clear();
    world.learned.record_is_refused = true;
    assert!(world.plan().steps.is_empty());
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

#[test]
fn an_image_that_the_file_names_in_full_is_no_drift() {
    let mut web = service("shop", "web");
    web.spec.labels.insert(labels::IMAGE.to_owned(), "docker.io/library/nginx:1".to_owned());
    let image = |spec: &mut crate::model::service::ServiceSpec, name: &str| {
        name.clone_into(&mut spec.task_template.container_spec.as_mut().unwrap().image);
    };
    image(&mut web.spec, "nginx:1");
    let mut world = World::applied(vec![stack("shop", vec![web])]);
    let digest = "a".repeat(64);
    image(&mut world.live("shop_web").spec, &format!("nginx:1@sha256:{digest}"));
    assert!(outline(&world.plan()).is_empty());
    world.declared("shop", "web").spec.labels.insert("a".to_owned(), "b".to_owned());
    assert_eq!(change(&world.plan(), "service shop_web").causes, [Cause::Git]);
}
