//! Blame: whether a release that Swarm rolled back has failed, or its surroundings have.
//!
//! Only a release that failed by itself is remembered as refused. A node that went away takes tasks with it, one that is
//! drained gives them up, and one that cannot fetch the image never runs them; none of that says anything about the release.
//!
//! Swarm does not tell why a task ended, and it writes a node for many reasons: a network that reaches it or leaves it
//! moves `UpdatedAt` as well. So its tasks are asked. Engines of a Swarm stop their containers when they start: while any
//! task of a node has gone on running, the node was there all the time.

use jiff::SignedDuration;

use crate::diff;
use crate::model::live::{LiveService, Node, Task, TaskState, Workload};
use crate::model::service::ServiceSpec;

use super::super::health::{NO_LONGER_FITS, share_a_place};
use super::Context;

/// What a node says that has no image and could not fetch it (moby `daemon/cluster/executor/container`). Why it could not,
/// only its own log tells.
const NO_IMAGE: &str = "No such image";

/// What an engine that starts says of a container that it finds dead (moby `daemon`). A container that is out of memory,
/// or killed by anybody else, exits with another code.
const FOUND_DEAD: i64 = 255;

/// A node that is back registers right before or after it tells of the tasks that it lost. Clocks may differ a little.
const REGISTRATION: SignedDuration = SignedDuration::from_secs(30);

/// Tasks that were lost with their node are told within this time: an engine that starts finds them all dead at once.
const TOGETHER: SignedDuration = SignedDuration::from_secs(3);

/// A task that has been there for as long did not end because it is in a crash loop.
const GROWN_UP: SignedDuration = SignedDuration::from_mins(2);

/// What disturbed the release `desired` of a service that was rolled back, as it fits after "because"; `None` where a task of it
/// failed by itself, or nobody can tell.
pub(super) fn disturbance(
    context: &Context<'_>,
    live: &LiveService,
    desired: &ServiceSpec,
) -> Option<String> {
    let Workload { tasks, nodes } = context.observed.workload.as_ref()?;
    // An earlier try of the same release says nothing about this one.
    let begun = live.update.as_ref().and_then(|update| update.started);
    let is_of_it = |task: &&Task| {
        task.service_id == live.id
            && begun.is_none_or(|begun| task.created >= begun)
            && ran(task, desired)
    };
    let scene = Scene { tasks, nodes, release: tasks.iter().filter(is_of_it).collect() };
    let mut failed = scene.release.iter().filter(|task| has_failed(task)).peekable();
    if failed.peek().is_none() {
        return scene.release.iter().find_map(|task| scene.eviction(task));
    }
    let mut reasons = failed.map(|task| scene.excuse(task));
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then_some(first)
}

/// Whether a task was made from the template of `desired`.
pub(super) fn ran(task: &Task, desired: &ServiceSpec) -> bool {
    let tried = ServiceSpec { task_template: task.template.clone(), ..desired.clone() };
    diff::service(desired, &tried, &[]).is_empty()
}

/// Whether a task of a service, which should go on for ever, has ended without being asked to. Swarm gives no error where
/// the exit code is 0.
pub(super) fn has_failed(task: &Task) -> bool {
    matches!(
        task.state,
        TaskState::Failed | TaskState::Rejected | TaskState::Orphaned | TaskState::Complete
    )
}

/// Where a release was rolled back.
struct Scene<'a> {
    /// The tasks of all services.
    tasks: &'a [Task],
    nodes: &'a [Node],
    /// Those of the release.
    release: Vec<&'a Task>,
}

impl Scene<'_> {
    /// What a task that failed is not to blame for.
    fn excuse(&self, task: &Task) -> Option<String> {
        let node = match self.node_of(task)? {
            Ok(node) => node,
            Err(gone) => return Some(gone),
        };
        let name = &node.hostname;
        if says(task, NO_LONGER_FITS) {
            return Some(format!("node {name} was changed and does not fit any more"));
        }
        // A registry knew this digest when the release was planned, so that the node only could not get at it.
        let image = task.template.container_spec.as_ref().map_or("", |container| &container.image);
        if says(task, NO_IMAGE) && image.contains('@') {
            return Some(format!("node {name} could not fetch {image}"));
        }
        let lost = task.state == TaskState::Orphaned || self.was_away(node, task);
        lost.then(|| format!("node {name} went away meanwhile"))
    }

    /// Why Swarm itself took a task off its node, if it did; its updater counts that as a failure. Going back, it does not
    /// make another task of the same release.
    fn eviction(&self, task: &Task) -> Option<String> {
        if task.state != TaskState::Shutdown {
            return None;
        }
        let node = match self.node_of(task)? {
            Ok(node) => node,
            Err(gone) => return Some(gone),
        };
        let name = &node.hostname;
        if node.availability == "drain" {
            return Some(format!("node {name} is drained"));
        }
        let mut others = self.release.iter();
        let moved = others.any(|other| share_a_place(task, other) && other.created > task.created);
        moved.then(|| format!("node {name} went away or was drained meanwhile"))
    }

    /// The node of a task, or why it is not there; `None` if the task never had one.
    fn node_of(&self, task: &Task) -> Option<Result<&Node, String>> {
        let id = task.node_id.as_ref()?;
        let Some(node) = self.nodes.iter().find(|node| node.id == *id) else {
            return Some(Err("a node left the swarm".to_owned()));
        };
        let Node { hostname, state, .. } = node;
        Some(if state == "ready" { Ok(node) } else { Err(format!("node {hostname} is {state}")) })
    }

    /// Whether a node that is there now was away when it lost `task`: it was written when it told of that or later, nothing
    /// else ran on through it, and what had run for long ended together with the task. Where nothing had, an engine that
    /// starts must have found it dead.
    fn was_away(&self, node: &Node, task: &Task) -> bool {
        let is_neighbour = |other: &&Task| {
            other.id != task.id
                && other.node_id.as_ref() == Some(&node.id)
                && other.created < task.created
        };
        let neighbours = || self.tasks.iter().filter(is_neighbour);
        // What was lost is said to run until its node tells more, but is not wanted any more.
        let has_stayed = |other: &Task| match other.state {
            TaskState::Running => other.desired == TaskState::Running && other.since < task.created,
            state => {
                state > TaskState::Running && other.since.duration_since(task.since) > TOGETHER
            }
        };
        let fell_with_it = |other: &Task| {
            has_ended(other)
                && other.job_iteration.is_none()
                && other.since.duration_since(task.since).abs() <= TOGETHER
                && other.since.duration_since(other.created) >= GROWN_UP
        };
        let is_back =
            node.updated.is_some_and(|updated| task.since.duration_since(updated) <= REGISTRATION);
        has_ended(task)
            && is_back
            && !neighbours().any(has_stayed)
            && (neighbours().any(fell_with_it) || task.exit_code == Some(FOUND_DEAD))
    }
}

/// Whether a task has run and ended without being asked to.
fn has_ended(task: &Task) -> bool {
    matches!(task.state, TaskState::Failed | TaskState::Complete)
}

fn says(task: &Task, words: &str) -> bool {
    task.error.as_ref().is_some_and(|error| error.contains(words))
}
