//! What a change does to running tasks.

use crate::diff::document::{Effect, RolloutOrder};
use crate::model::live::{LiveService, TaskState, Workload};
use crate::model::service::{ModeKind, ServiceSpec};

use super::constraint;

/// What creating a service starts.
pub(super) fn of_creation(spec: &ServiceSpec, nodes: Option<u64>) -> Effect {
    let mode = &spec.mode;
    match mode.kind() {
        ModeKind::Replicated => Effect::Starts { tasks: Some(mode.replicas()) },
        ModeKind::Global => Effect::Starts { tasks: nodes },
        ModeKind::ReplicatedJob => {
            Effect::RunsJob { again: false, completions: Some(mode.completions()) }
        }
        ModeKind::GlobalJob => Effect::RunsJob { again: false, completions: nodes },
    }
}

/// What the removal of a service stops.
pub(super) fn of_removal(live: &LiveService) -> Effect {
    Effect::Stops { tasks: live.counts.running }
}

/// What a rewrite of the task template or the endpoint does. `nodes` are those that a global service may use.
pub(super) fn of_roll(desired: &ServiceSpec, live: &LiveService, nodes: Option<u64>) -> Effect {
    let tasks = match desired.mode.kind() {
        // Surplus tasks stop first, and missing ones start with the new spec: only the others are replaced.
        ModeKind::Replicated => live.spec.mode.replicas().min(desired.mode.replicas()),
        ModeKind::Global => live.counts.desired,
        ModeKind::ReplicatedJob => return rerun(Some(desired.mode.completions())),
        ModeKind::GlobalJob => return rerun(Some(live.counts.desired)),
    };
    match (tasks, desired.mode.kind()) {
        (0, ModeKind::Global) => Effect::Starts { tasks: nodes },
        (0, _) if live.spec.mode.replicas() == 0 && desired.mode.replicas() > 0 => {
            Effect::Starts { tasks: Some(desired.mode.replicas()) }
        }
        (0, _) => in_place(desired, live),
        _ => rolls(desired, live, tasks, tasks),
    }
}

/// What a new placement does that `moved` of the running tasks do not satisfy: only those are replaced.
pub(super) fn of_move(desired: &ServiceSpec, live: &LiveService, moved: u64) -> Effect {
    let all = match desired.mode.kind() {
        ModeKind::Replicated => live.spec.mode.replicas().min(desired.mode.replicas()),
        ModeKind::Global => live.counts.desired,
        ModeKind::ReplicatedJob | ModeKind::GlobalJob => return in_place(desired, live),
    };
    rolls(desired, live, moved.min(all), all)
}

/// The replacement of `tasks` out of `all` that stay wanted.
fn rolls(desired: &ServiceSpec, live: &LiveService, tasks: u64, all: u64) -> Effect {
    let config = desired.update_config.as_ref();
    // The Engine's default is one task at a time; zero in a given policy means all at once.
    let parallelism = config.map_or(1, |config| config.parallelism);
    let order = match config.map(|config| config.order.as_str()) {
        Some("start-first") => RolloutOrder::StartFirst,
        _ => RolloutOrder::StopFirst,
    };
    // A task that does not run now serves nobody, and Swarm may begin with any.
    let serving = live.counts.running.min(all);
    let keep_serving = match order {
        RolloutOrder::StartFirst => serving,
        RolloutOrder::StopFirst if parallelism == 0 => serving.saturating_sub(tasks),
        RolloutOrder::StopFirst => serving.saturating_sub(parallelism.min(tasks)),
    };
    Effect::Rolls { tasks, parallelism, order, keep_serving }
}

/// What a write does that leaves the task template alone.
pub(super) fn in_place(desired: &ServiceSpec, live: &LiveService) -> Effect {
    match desired.mode.kind() {
        ModeKind::Replicated => {
            let (before, after) = (live.spec.mode.replicas(), desired.mode.replicas());
            Effect::InPlace {
                starts: after.saturating_sub(before),
                stops: before.saturating_sub(after),
            }
        }
        ModeKind::Global => Effect::InPlace { starts: 0, stops: 0 },
        ModeKind::ReplicatedJob => rerun(Some(desired.mode.completions())),
        ModeKind::GlobalJob => rerun(Some(live.counts.desired)),
    }
}

/// How many running tasks sit on nodes that the new placement does not allow; `None` when nobody knows.
pub(super) fn displaced(
    desired: &ServiceSpec,
    live: &LiveService,
    workload: Option<&Workload>,
) -> Option<u64> {
    let workload = workload?;
    let placement = desired.task_template.placement.clone().unwrap_or_default();
    let moved = workload.tasks.iter().filter(|task| {
        task.service_id == live.id
            && task.state <= TaskState::Running
            && task.desired <= TaskState::Running
            && task.node_id.as_ref().is_some_and(|id| {
                let node = workload.nodes.iter().find(|node| node.id == *id);
                node.is_none_or(|node| !constraint::all_allow(&placement.constraints, node))
            })
    });
    Some(moved.count() as u64)
}

fn rerun(completions: Option<u64>) -> Effect {
    Effect::RunsJob { again: true, completions }
}
