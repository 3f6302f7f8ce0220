//! Whose fault a rollback was: the release's own, or that of a node.

use jiff::{SignedDuration, Timestamp};

use crate::diff::document::HoldCode;
use crate::model::labels;
use crate::model::live::{LiveService, Node, Task, TaskState, UpdateState, UpdateStatus, Workload};
use crate::reconciler::plan::Learned;

use super::rollouts::{in_state, with_a_bad_release};
use super::world::*;

/// A service that Swarm has rolled back, and what its tasks are said to have done.
struct Case {
    world: World,
    /// The service with the release that was rolled back.
    bad: LiveService,
    /// The same with the one before, which it has again.
    good: LiveService,
}

/// A moment, in seconds after the release went out.
fn at(second: i64) -> Timestamp {
    now() + SignedDuration::from_secs(second)
}

/// A node that was last written at `second`.
fn written(second: i64) -> Node {
    Node { updated: Some(at(second)), ..node() }
}

impl Case {
    fn new() -> Self {
        let (mut world, apply) = with_a_bad_release();
        let good = world.live("shop_web").clone();
        world.perform(&apply);
        let bad = world.live("shop_web").clone();
        let status = in_state(UpdateState::RollbackCompleted);
        let update = Some(UpdateStatus { started: Some(now()), ..status });
        *world.live("shop_web") = LiveService { update, ..good.clone() };
        Self { world, bad, good }
    }

    /// A task of the bad release that was made 5 seconds after the update began, and ended at 20.
    fn ended(&self, slot: u64, state: TaskState) -> Task {
        Task {
            state,
            desired: TaskState::Shutdown,
            node_id: Some("n1".to_owned()),
            since: at(20),
            ..running(&self.bad, slot, at(5))
        }
    }

    fn failed(&self, slot: u64, error: &str) -> Task {
        let exit_code =
            error.split_once('(').and_then(|(_, code)| code.split(')').next()?.parse().ok());
        Task { error: Some(error.to_owned()), exit_code, ..self.ended(slot, TaskState::Failed) }
    }

    /// A task of another service on the same node, which has run there for long.
    fn neighbour(&self) -> Task {
        let other = LiveService { id: "other".to_owned(), ..self.good.clone() };
        Task { node_id: Some("n1".to_owned()), ..running(&other, 1, at(-3600)) }
    }

    /// What the run says that wrote the release, and what the next one says that knows nothing: codes of holds.
    fn holds(&mut self, tasks: &[&Task], node: Node) -> [Vec<HoldCode>; 2] {
        let workload =
            Workload { tasks: tasks.iter().copied().cloned().collect(), nodes: vec![node] };
        self.world.observed.workload = Some(workload);
        [true, false].map(|wrote_it| {
            self.world.learned = Learned::default();
            if wrote_it {
                let stamp = self.bad.spec.labels[labels::APPLIED].clone();
                self.world.learned.applied.insert("shop_web".to_owned(), stamp);
            }
            let plan = self.world.plan();
            let holds = change(&plan, "service shop_web").holds.iter();
            holds.map(|hold| hold.code).collect()
        })
    }

    #[track_caller]
    fn is_refused(&mut self, tasks: &[&Task], node: Node) {
        let refused = || vec![HoldCode::RefusedRelease];
        assert_eq!(self.holds(tasks, node), [refused(), refused()]);
    }

    /// This run does not fight, and the next one may try again.
    #[track_caller]
    fn is_excused(&mut self, tasks: &[&Task], node: Node) {
        assert_eq!(self.holds(tasks, node), [vec![HoldCode::RolloutDisturbed], vec![]]);
    }
}

const CRASH: &str = "task: non-zero exit (1)";
const FOUND_DEAD: &str = "task: non-zero exit (255)";

#[test]
fn a_crash_is_remembered_and_so_is_an_end_without_an_error() {
    let mut case = Case::new();
    let crash = case.failed(1, CRASH);
    case.is_refused(&[&crash], node());
    // Networks that reach a node, and leave it, are writes of the node.
    case.is_refused(&[&crash], written(21));
    let done = case.ended(1, TaskState::Complete);
    case.is_refused(&[&done], written(21));
    // A tag that was never resolved may not be there at all.
    let unfetched = case.failed(1, "No such image: acme/web:bad");
    case.is_refused(&[&unfetched], written(21));
    let sick = case.failed(1, "task: non-zero exit (137): dockerexec: unhealthy container");
    case.is_refused(&[&sick], written(21));
}

#[test]
fn what_nobody_can_tell_is_refused_by_the_run_that_saw_it() {
    let mut case = Case::new();
    assert_eq!(case.holds(&[], node()), [vec![HoldCode::RefusedRelease], vec![]]);
    // Swarm stops what is left of a release when it goes back.
    let stopped = case.ended(1, TaskState::Shutdown);
    assert_eq!(case.holds(&[&stopped], node())[0], [HoldCode::RefusedRelease]);
}

#[test]
fn a_node_that_is_not_there_is_to_blame() {
    let mut case = Case::new();
    let crash = case.failed(1, CRASH);
    case.is_excused(&[&crash], Node { state: "down".to_owned(), ..node() });
    let elsewhere = Task { node_id: Some("n2".to_owned()), ..crash.clone() };
    case.is_excused(&[&elsewhere], node());
    case.is_refused(&[&elsewhere, &crash], node());
    let orphaned = case.ended(1, TaskState::Orphaned);
    case.is_excused(&[&orphaned], node());
}

#[test]
fn a_node_that_was_away_is_told_by_its_tasks() {
    let mut case = Case::new();
    let (crash, neighbour) = (case.failed(1, CRASH), case.neighbour());
    // Nobody else was there: all there is to go by is who ended it. Out of memory is a kill, too.
    let dead = case.failed(1, FOUND_DEAD);
    case.is_excused(&[&dead], written(21));
    case.is_refused(&[&dead], written(-21));
    for own in ["task: non-zero exit (137)", "task: non-zero exit (143)"] {
        case.is_refused(&[&case.failed(1, own)], written(21));
    }
    let fell = Task { state: TaskState::Complete, since: at(22), ..neighbour.clone() };
    case.is_excused(&[&crash, &fell], written(21));
    case.is_refused(&[&crash, &fell], written(-21));
    let before = Task { since: at(7), ..fell.clone() };
    case.is_refused(&[&crash, &before], written(21));
    let looping = Task { created: at(-9), ..fell.clone() };
    case.is_refused(&[&crash, &looping], written(21));
    let later =
        Task { id: "3".to_owned(), state: TaskState::Shutdown, since: at(30), ..fell.clone() };
    case.is_refused(&[&dead, &fell, &later], written(21));
    let unfetched =
        Task { state: TaskState::Rejected, ..case.failed(1, "No such image: acme/web:bad") };
    case.is_refused(&[&unfetched, &fell], written(21));
    // Somebody has stayed, whatever was written of the node, and whoever else ended.
    let fell =
        Task { id: "2".to_owned(), state: TaskState::Failed, since: at(19), ..neighbour.clone() };
    case.is_refused(&[&dead, &fell, &neighbour], written(21));
    // What was lost with a node is said to run until the node tells more.
    let lost = Task { desired: TaskState::Shutdown, ..neighbour.clone() };
    case.is_excused(&[&dead, &lost], written(21));
    let restarted = Task { since: at(25), ..neighbour.clone() };
    case.is_excused(&[&dead, &restarted], written(21));
    let elsewhere = Task { node_id: Some("n2".to_owned()), ..neighbour };
    case.is_excused(&[&dead, &elsewhere], written(21));
}

#[test]
fn a_node_that_was_drained_or_changed_is_to_blame() {
    let mut case = Case::new();
    let stopped = case.ended(1, TaskState::Shutdown);
    case.is_excused(&[&stopped], Node { availability: "drain".to_owned(), ..node() });
    let successor = Task { id: "2".to_owned(), created: at(19), ..stopped.clone() };
    case.is_excused(&[&stopped, &successor], node());
    // One of them failed by itself where it came to.
    let failed = Task { state: TaskState::Failed, ..successor };
    case.is_refused(&[&stopped, &failed], node());
    let rejected = Task {
        state: TaskState::Rejected,
        error: Some("assigned node no longer meets constraints".to_owned()),
        ..case.ended(1, TaskState::Rejected)
    };
    let (neighbour, crash) = (case.neighbour(), case.failed(2, CRASH));
    case.is_excused(&[&rejected, &neighbour], node());
    case.is_refused(&[&rejected, &neighbour, &crash], node());
}

#[test]
fn an_earlier_try_of_the_same_release_says_nothing() {
    let mut case = Case::new();
    let neighbour = case.neighbour();
    let dead = case.failed(1, FOUND_DEAD);
    let earlier =
        Task { id: "1".to_owned(), created: at(-60), since: at(-50), ..case.failed(1, CRASH) };
    case.is_excused(&[&earlier, &dead], written(21));
    case.is_refused(&[&earlier, &dead, &neighbour], written(21));
}
