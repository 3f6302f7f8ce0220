//! Services that were well for long and miss a task since a moment ago: that is waited for, as after a release.

use super::*;

/// How long the service has been there.
const WEEK: i64 = 604_800;

fn made(created: i64, task: Task) -> Task {
    Task { created: at(created), ..task }
}

/// The last of three tasks, which was made at second 1, in the state to which something brought it a week later.
fn last(state: TaskState) -> Task {
    made(1, task(3, "new", state, WEEK))
}

fn on(node: &str, task: Task) -> Task {
    Task { slot: 0, node_id: Some(node.to_owned()), ..task }
}

/// A task that begins a week later, in place of another one.
fn next(slot: u64) -> Task {
    task(slot, "new", TaskState::Preparing, WEEK)
}

/// What is said right after a week and after five minutes more of a service with two good tasks and `third`.
#[track_caller]
fn is_waited_for(third: Vec<Task>, soon: Verdict) {
    let tasks = [vec![up(1, 1), up(2, 1)], third].concat();
    assert_eq!(verdict(&service(), tasks.clone(), WEEK + 2), soon);
    assert_eq!(verdict(&service(), tasks, WEEK + 310), Verdict::TimedOut);
}

#[test]
fn a_task_that_its_node_lost_or_gave_away_is_missing_only_since_then() {
    let drained = last(TaskState::Shutdown);
    let silent = Task { desired: TaskState::Shutdown, ..made(1, up(3, 5)) };
    let removed = last(TaskState::Orphaned);
    for (gone, soon) in [
        (drained, Verdict::Rolling),
        (silent.clone(), Verdict::Rolling),
        (removed, Verdict::Struggling),
    ] {
        is_waited_for(vec![gone, next(3)], soon);
    }
    // Its node was given another label.
    let error = Some("assigned node no longer meets constraints".to_owned());
    let moved = Task { error, ..last(TaskState::Rejected) };
    is_waited_for(vec![moved, next(3)], Verdict::Struggling);
    // The first one that takes its place may fail.
    let second = [crashed(3, WEEK, WEEK + 1), made(WEEK + 1, next(3))];
    is_waited_for([vec![silent], second.to_vec()].concat(), Verdict::Struggling);
}

#[test]
fn what_was_missing_before_is_not_waited_for_again() {
    let too_late = |third: Vec<Task>| {
        let tasks = [vec![up(1, 1), up(2, 1)], third].concat();
        assert_eq!(verdict(&service(), tasks, WEEK + 2), Verdict::TimedOut);
    };
    too_late(vec![crashed(3, WEEK - 60, WEEK - 30), crashed(3, WEEK - 30, WEEK), next(3)]);
    // It was given to a node that was lost before it ran, was told to go while it was young, or was refused at length.
    let of = |created, task| vec![made(created, task), next(3)];
    let lost = task(3, "new", TaskState::Preparing, WEEK - 900);
    too_late(of(WEEK - 900, Task { desired: TaskState::Shutdown, ..lost }));
    too_late(of(WEEK - 20, last(TaskState::Shutdown)));
    too_late(of(WEEK - 900, last(TaskState::Rejected)));
    // A rollout that is stuck takes away one task of the older release after the other.
    too_late(of(-900, task(3, "old", TaskState::Shutdown, WEEK + 1)));
}

#[test]
fn a_global_service_is_waited_for_on_a_node_that_joins_or_is_back() {
    let mut global = service();
    global.spec.mode = ServiceMode { global: Some(Global {}), ..ServiceMode::default() };
    global.counts = TaskCounts { running: 1, desired: 2, completed: 0 };
    let since = |changed, before: &[Task], now| {
        let tasks = [on("a", up(0, 1)), on("b", next(0))];
        let joined = Node { updated: Some(at(changed)), ..node("b", "ready", "active") };
        let nodes = vec![node("a", "ready", "active"), joined];
        let workload = Workload { tasks: [&tasks[..], before].concat(), nodes };
        judge(&global, Some(&evidence(&workload)), at(now), None).verdict
    };
    let of = |before: &[Task], now| since(WEEK - 60, before, now);
    // The one that was there before it was drained ran an older release.
    let drained = on("b", made(-900, task(0, "old", TaskState::Shutdown, -100)));
    for before in [&[][..], &[drained]] {
        assert_eq!(of(before, WEEK + 2), Verdict::Rolling);
        assert_eq!(of(before, WEEK + 310), Verdict::TimedOut);
    }
    let replaced = on("b", made(-900, task(0, "old", TaskState::Shutdown, WEEK + 1)));
    assert_eq!(of(&[replaced], WEEK + 2), Verdict::TimedOut);
    // The first task on a node may fail. Of those in a loop, the oldest are forgotten.
    let (one, two) = (crashed(0, WEEK - 60, WEEK - 30), crashed(0, WEEK - 30, WEEK));
    assert_eq!(of(&[on("b", two.clone())], WEEK + 2), Verdict::Struggling);
    assert_eq!(of(&[on("b", one), on("b", two)], WEEK + 2), Verdict::TimedOut);
    // Of a Swarm that keeps no tasks that are over, each one looks like the first.
    assert_eq!(since(2, &[], WEEK + 2), Verdict::TimedOut);
}
