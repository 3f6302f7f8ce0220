//! The lives of tasks: which of them are up, which ended by themselves, and whether one has outlived those before it.

use jiff::Timestamp;

use crate::model::live::{Task, TaskState};
use crate::model::nanos::Nanos;

use super::patience::{INFANCY, elapsed};

/// How many tasks must have ended young in one place to make a crash loop.
const CRASH_LOOP: usize = 2;

/// What Swarm says of a task whose node has changed under it (swarmkit `manager/orchestrator/constraintenforcer`).
pub(in crate::reconciler) const NO_LONGER_FITS: &str = "no longer meets constraints";

/// Whether a task runs and is wanted; with a health check that means healthy.
pub(super) fn is_up(task: &Task) -> bool {
    task.state == TaskState::Running && task.desired == TaskState::Running
}

/// Whether a task went wrong. One that ended by itself did, whatever its exit code, unless it was a job's.
pub(super) fn went_wrong(task: &Task, is_job: bool) -> bool {
    match task.state {
        TaskState::Failed | TaskState::Rejected | TaskState::Orphaned => true,
        TaskState::Complete => !is_job,
        _ => false,
    }
}

/// The task whose state changed last.
pub(super) fn newest<'a>(tasks: impl Iterator<Item = &'a Task>) -> Option<&'a Task> {
    tasks.max_by_key(|task| (task.since, task.id.as_str()))
}

/// Whether two tasks have the same place in a service: the same number, or for global services the same node.
pub(in crate::reconciler) fn share_a_place(one: &Task, other: &Task) -> bool {
    one.slot == other.slot && (one.slot > 0 || one.node_id == other.node_id)
}

/// How long a task lived from its creation until it ended by itself; `None` if it did not. What it took to start is
/// counted in, because the Engine keeps the time of the last state only.
pub(super) fn life(task: &Task) -> Option<Nanos> {
    let ended = matches!(task.state, TaskState::Failed | TaskState::Complete);
    ended.then(|| elapsed(task.created, task.since))
}

/// Whether `task` was made because something had just begun to be missing: one that had long been there was lost with its
/// node or taken from it, or there is a node more for a global service. `made_alike` tells which of `tasks`, all of the service,
/// run what `task` does: what takes the place of an older release is missing since that was written. `changed` is when its
/// node last came, went, or was set otherwise, where that is known.
///
/// A task that ended young leaves nothing behind that was not missing before.
pub(super) fn fills_a_new_gap(
    task: &Task,
    tasks: &[&Task],
    made_alike: impl Fn(&Task) -> bool,
    changed: Option<Timestamp>,
) -> bool {
    let here = || tasks.iter().filter(|other| share_a_place(task, other));
    let earlier = here().filter(|other| other.created < task.created);
    let is_of_node = task.slot == 0 && task.node_id.is_some();
    let Some(earlier) = earlier.max_by_key(|other| other.created) else {
        // Swarm forgets the oldest tasks of a loop, and keeps none at all where it is told so: the node tells whether it was
        // the first one.
        let is_over =
            |state| matches!(state, TaskState::Failed | TaskState::Complete | TaskState::Rejected);
        let follows = changed.is_some_and(|changed| elapsed(changed, task.created) < INFANCY);
        let over = here().filter(|other| is_over(other.state)).count();
        return is_of_node && follows && over < CRASH_LOOP;
    };
    let had_left = matches!(earlier.state, TaskState::Shutdown | TaskState::Orphaned)
        && earlier.since < task.created;
    (is_of_node && had_left) || (made_alike(earlier) && had_grown_up(earlier, task.created))
}

/// Whether a task that was replaced at `end` had been there for longer than those in a crash loop. One that was told to stop
/// and cannot be asked, since its node is gone, is said to do what it did last.
fn had_grown_up(task: &Task, end: Timestamp) -> bool {
    let age = match task.state {
        TaskState::Failed | TaskState::Complete => life(task),
        TaskState::Running | TaskState::Shutdown | TaskState::Remove | TaskState::Orphaned => {
            Some(elapsed(task.created, end))
        }
        TaskState::Rejected => task
            .error
            .as_ref()
            .is_some_and(|error| error.contains(NO_LONGER_FITS))
            .then(|| elapsed(task.created, end)),
        TaskState::New
        | TaskState::Allocated
        | TaskState::Pending
        | TaskState::Assigned
        | TaskState::Accepted
        | TaskState::Preparing
        | TaskState::Ready
        | TaskState::Starting => None,
    };
    age.is_some_and(|age| age >= INFANCY)
}

/// Whether `task` is one of those that end young in their place, one after the other.
pub(super) fn is_in_a_loop<'a>(task: &Task, others: impl Iterator<Item = &'a Task>) -> bool {
    let young = others.filter(|other| {
        share_a_place(task, other) && life(other).is_some_and(|life| life < INFANCY)
    });
    young.count() >= CRASH_LOOP
}

/// Whether a task that is up has been so for longer than those that ended young in its place: until then it may be caught
/// between two crashes. One death makes no crash loop: a node can take a good task with it.
pub(super) fn has_outlived(task: &Task, others: &[&Task], now: Timestamp) -> bool {
    let up = elapsed(task.since, now);
    let before = others.iter().filter(|other| other.id != task.id && share_a_place(task, other));
    let young: Vec<Nanos> =
        before.filter_map(|other| life(other)).filter(|life| *life < INFANCY).collect();
    young.len() < CRASH_LOOP || young.iter().all(|life| up > *life)
}
