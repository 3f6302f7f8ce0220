//! What the controller takes from one plan to the next, and what it puts off.

use std::time::Duration;

use tokio::time::Instant;

use crate::diff::document::HoldCode;
use crate::model::desired::{Condition, Dependency};
use crate::model::labels;
use crate::model::live::{LiveService, Node, Task, TaskState, UpdateState, UpdateStatus, Workload};
use crate::reconciler::controller::pass::Memory;
use crate::reconciler::controller::{learning, withhold};
use crate::reconciler::plan::Plan;
use crate::reconciler::record;

use super::world::*;

/// A plan as the controller makes it, and when what was put off in it is due.
fn look(world: &mut World, memory: &mut Memory, now: Instant) -> (Plan, Option<Duration>) {
    let mut plan = world.plan();
    let longest = Duration::from_secs(300);
    learning::follow(&mut world.learned, &mut memory.disturbed, &plan, longest, 0.0, now);
    let due = withhold::for_now(&mut plan, memory, now);
    (plan, due.map(|due| due.duration_since(now)))
}

fn codes(plan: &Plan) -> Vec<HoldCode> {
    change(plan, "service shop_web").holds.iter().map(|hold| hold.code).collect()
}

fn writes(plan: &Plan, service: &str) -> bool {
    plan.steps.iter().any(|step| step.object.name == service)
}

/// A world in which Swarm took back what was applied, and the service as it was on the way.
fn rolled_back() -> (World, LiveService) {
    let mut world = World::applied(vec![stack("shop", vec![service("shop", "web")])]);
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().image = "acme/web:2".to_owned();
    let apply = world.plan();
    let new = take_back(&mut world, &apply, 12);
    (world, new)
}

/// Applies the plan, and lets Swarm roll it back. Returns the service as it was on the way.
fn take_back(world: &mut World, apply: &Plan, version: u64) -> LiveService {
    let old = world.live("shop_web").clone();
    world.perform(apply);
    let new = world.live("shop_web").clone();
    world.learned.applied.insert("shop_web".to_owned(), new.spec.labels[labels::APPLIED].clone());
    let update = UpdateStatus {
        state: UpdateState::RollbackCompleted,
        started: None,
        completed: None,
        message: "rolled back".to_owned(),
    };
    *world.live("shop_web") = LiveService { update: Some(update), version, ..old };
    new
}

#[test]
fn a_release_that_nodes_are_to_blame_for_is_tried_again_and_never_refused_without_evidence() {
    let (mut world, new) = rolled_back();
    let failed = Task {
        state: TaskState::Failed,
        desired: TaskState::Shutdown,
        node_id: Some("n1".to_owned()),
        error: Some("task: non-zero exit (137)".to_owned()),
        ..running(&new, 1, now())
    };
    let down = Node { state: "down".to_owned(), ..node() };
    world.observed.workload = Some(Workload { tasks: vec![failed], nodes: vec![down] });
    let (mut memory, mut now) = (Memory::default(), Instant::now());
    let (plan, due) = look(&mut world, &mut memory, now);
    assert_eq!((codes(&plan), due), (vec![HoldCode::RetryLater], Some(Duration::from_secs(1))));
    let reason = &change(&plan, "service shop_web").holds[0].reason;
    assert!(reason.contains("rolled this release back because node swarm-1 is down"), "{reason}");
    let again = look(&mut world, &mut memory, now).0;
    assert_eq!(again.document.stacks, plan.document.stacks, "it looks the same until it is due");
    assert!(!writes(&again, "shop_web"));
    now += Duration::from_secs(1);
    let (plan, due) = look(&mut world, &mut memory, now);
    assert!(writes(&plan, "shop_web") && due.is_none());

    // The same once more: later.
    take_back(&mut world, &plan, 14);
    let (plan, due) = look(&mut world, &mut memory, now);
    assert_eq!((codes(&plan), due), (vec![HoldCode::RetryLater], Some(Duration::from_secs(2))));

    // Swarm keeps few tasks. Without them nobody can tell, and nothing is held against the release.
    world.observed.workload.as_mut().unwrap().tasks.clear();
    let forgetful = look(&mut world, &mut memory, now).0;
    assert_eq!(codes(&forgetful), [HoldCode::RetryLater]);
    assert_eq!(outline(&forgetful).len(), 1, "the record stays as it is");
    now += Duration::from_secs(2);
    let plan = look(&mut world, &mut memory, now).0;
    assert!(writes(&plan, "shop_web"));
    world.perform(&plan);
    let stamp = world.live("shop_web").spec.labels[labels::APPLIED].clone();
    world.learned.applied.insert("shop_web".to_owned(), stamp);
    world.observed.workload = None;
    let (plan, _) = look(&mut world, &mut memory, now);
    assert!(outline(&plan).is_empty() && world.learned.applied.is_empty());
}

#[test]
fn one_more_try_is_allowed_also_to_who_applied_the_release() {
    let (mut world, _) = rolled_back();
    let (mut memory, now) = (Memory::default(), Instant::now());
    let plan = look(&mut world, &mut memory, now).0;
    assert_eq!(codes(&plan), [HoldCode::RefusedRelease]);
    world.perform(&plan);
    record::allow(&mut world.observed.configs[0].spec.labels, "shop_web", 12);
    let retry = look(&mut world, &mut memory, now).0;
    assert_eq!(outline(&retry), ["update service shop_web"]);
    assert!(writes(&retry, "shop_web"));
    take_back(&mut world, &retry, 14);
    assert_eq!(
        codes(&look(&mut world, &mut memory, now).0),
        [HoldCode::RefusedRelease],
        "one and no more"
    );
}

#[test]
fn a_job_that_a_person_applied_another_release_of_is_complete_all_the_same() {
    let mut web = service("shop", "web");
    web.depends_on = vec![Dependency {
        service: "shop_migrate".to_owned(),
        condition: Condition::ServiceCompletedSuccessfully,
        place: place(),
    }];
    let mut world = World::applied(vec![stack("shop", vec![web, job("shop", "migrate")])]);
    let web = &mut world.declared("shop", "web").spec;
    web.task_template.container_spec.as_mut().unwrap().image = "acme/web:2".to_owned();
    // The controller had applied an older one, and was suspended before that was over.
    world.learned.applied.insert("shop_migrate".to_owned(), "an older release".to_owned());
    let (mut memory, now) = (Memory::default(), Instant::now());
    look(&mut world, &mut memory, now);
    assert_eq!(world.learned.applied.len(), 0);
    assert!(writes(&look(&mut world, &mut memory, now).0, "shop_web"));
}
