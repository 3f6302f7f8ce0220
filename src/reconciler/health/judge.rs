//! The judgement itself: one service, its tasks, Swarm's own words on its update, and a clock.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::diff::mask::Sensitivity;
use crate::model::live::{LiveService, Node, Task, TaskState, UpdateState, Workload};
use crate::model::nanos::Nanos;
use crate::model::service::ModeKind;

use super::super::placement::constraint;
use super::counts;
use super::lives::{fills_a_new_gap, has_outlived, is_up, life, newest, share_a_place, went_wrong};
use super::patience::{
    INFANCY, REFUSAL_GRACE, STATUS_GRACE, SUCCESSOR_GRACE, deadline, elapsed, monitor,
};
use super::trouble::Trouble;
use super::verdict::{ServiceHealth, Verdict};

/// How often a node must refuse a task of one slot before it counts as final: once can be chance.
const FINAL_REJECTIONS: usize = 2;

/// What services do, ready to be looked up.
#[derive(Debug)]
pub struct Evidence<'a> {
    tasks: HashMap<&'a str, Vec<&'a Task>>,
    nodes: &'a [Node],
    sensitivity: &'a Sensitivity,
}

impl<'a> Evidence<'a> {
    /// The evidence in `workload`. What is said of a task may repeat what it was made from; `sensitivity` tells what of
    /// that is masked.
    pub fn of(workload: &'a Workload, sensitivity: &'a Sensitivity) -> Self {
        let Workload { tasks: all, nodes } = workload;
        let mut tasks: HashMap<&str, Vec<&Task>> = HashMap::new();
        for task in all {
            tasks.entry(task.service_id.as_str()).or_default().push(task);
        }
        Self { tasks, nodes, sensitivity }
    }
}

/// Judges `service` at the engine's time `now`; `patience` replaces the computed progress deadline. Without evidence the
/// counts of the service must do.
pub fn judge(
    service: &LiveService,
    evidence: Option<&Evidence<'_>>,
    now: Timestamp,
    patience: Option<Nanos>,
) -> ServiceHealth {
    let Some(Evidence { tasks, nodes, sensitivity }) = evidence else {
        return counts::judge(service);
    };
    let all = tasks;
    let tasks = all.get(service.id.as_str()).map_or(&[][..], Vec::as_slice);
    let current: Vec<&Task> =
        tasks.iter().copied().filter(|task| runs_current_spec(task, service)).collect();
    let view = View { service, tasks, current, all, nodes, sensitivity, now, patience };
    if service.spec.mode.kind().is_job() { view.judge_job() } else { view.judge_service() }
}

/// Whether a task was made from the template that the service has now.
///
/// Placement is left out: changing it restarts only tasks whose node no longer fits, so a task with older
/// placement is current (swarmkit `manager/orchestrator/task.go`, `IsTaskDirty`).
fn runs_current_spec(task: &Task, service: &LiveService) -> bool {
    let template = &service.spec.task_template;
    task.job_iteration == service.job_iteration
        && task.template.runs_the_same_as(template)
        && task.template.force_update == template.force_update
}

/// One service and everything that bears on its verdict.
pub(super) struct View<'a> {
    pub(super) service: &'a LiveService,
    /// All its tasks.
    pub(super) tasks: &'a [&'a Task],
    /// Those that were made from the spec that it has now.
    pub(super) current: Vec<&'a Task>,
    /// The tasks of all services, by id.
    pub(super) all: &'a HashMap<&'a str, Vec<&'a Task>>,
    pub(super) nodes: &'a [Node],
    pub(super) sensitivity: &'a Sensitivity,
    now: Timestamp,
    patience: Option<Nanos>,
}

impl View<'_> {
    fn judge_service(&self) -> ServiceHealth {
        let ready = self.current.iter().filter(|task| self.is_well(task)).count() as u64;
        let verdict = self.service_verdict(ready);
        self.report(verdict, ready)
    }

    fn service_verdict(&self, ready: u64) -> Verdict {
        let by_hand = self.service.was_put_back_by_hand();
        match self.service.update.as_ref().map(|update| &update.state) {
            Some(UpdateState::Paused | UpdateState::RollbackPaused) => return Verdict::Paused,
            Some(UpdateState::RollbackCompleted) if !by_hand && self.is_full(ready) => {
                return Verdict::RolledBack;
            }
            Some(UpdateState::RollbackStarted) if by_hand => return self.progress_verdict(),
            Some(UpdateState::RollbackStarted) => {
                return match self.progress_verdict() {
                    final_one @ (Verdict::Failing | Verdict::TimedOut) => final_one,
                    _ => Verdict::RollingBack,
                };
            }
            Some(UpdateState::Updating | UpdateState::Other(_)) => {
                return self.progress_verdict();
            }
            Some(UpdateState::RollbackCompleted | UpdateState::Completed) | None => {}
        }
        if !self.is_full(ready) {
            return self.progress_verdict();
        }
        let mut up = self.current.iter().filter(|task| is_up(task));
        let steady = up.all(|task| elapsed(task.since, self.now) >= self.monitor());
        if steady && self.status_is_believable() { Verdict::Converged } else { Verdict::Rolling }
    }

    /// How many tasks, or completions, are wanted. Of global services and jobs the Engine counts the tasks that are there and
    /// not complete, so that none seems wanted on a node where one has completed, or where a failed one has no successor
    /// yet.
    pub(super) fn wanted(&self) -> u64 {
        let counted = counts::wanted(self.service);
        let kind = self.service.spec.mode.kind();
        if !matches!(kind, ModeKind::Global | ModeKind::GlobalJob) {
            return counted;
        }
        let is_done = |task: &Task| kind.is_job() && task.state == TaskState::Complete;
        let most = if kind.is_job() { TaskState::Complete } else { TaskState::Running };
        let is_coming = |task: &Task| task.desired <= most && task.state <= TaskState::Running;
        let is_missed = |task: &Task| {
            let node = self.nodes.iter().find(|node| task.node_id.as_ref() == Some(&node.id));
            let has_successor = || {
                let mut others = self.tasks.iter().filter(|other| share_a_place(task, other));
                others.any(|other| other.created > task.created)
            };
            self.went_wrong(task)
                && task.since >= self.begun()
                && node.is_some_and(Node::is_usable)
                && !has_successor()
        };
        let wanted = self.current.iter();
        let wanted = wanted.filter(|task| is_done(task) || is_coming(task) || is_missed(task));
        let places: HashSet<Option<&str>> = wanted.map(|task| task.node_id.as_deref()).collect();
        counted.max(places.len() as u64)
    }

    /// Whether Swarm has made what a global service needs: right after a write there is no task yet, and none seems wanted.
    fn is_manned(&self) -> bool {
        let placement = self.service.spec.task_template.placement.as_ref();
        let constraints = placement.map_or(&[][..], |placement| &placement.constraints);
        let takes_one = |node: &Node| node.is_usable() && constraint::all_allow(constraints, node);
        !self.current.is_empty()
            || elapsed(self.service.updated, self.now) >= STATUS_GRACE
            || !self.nodes.iter().any(takes_one)
    }

    /// Whether a task of a job works, and has done so for longer than any that ended young in its place.
    fn is_at_work(&self) -> bool {
        self.current.iter().any(|task| {
            task.state == TaskState::Running && has_outlived(task, &self.current, self.now)
        })
    }

    /// Whether a task is up, and not merely caught between two crashes.
    fn is_well(&self, task: &Task) -> bool {
        is_up(task) && has_outlived(task, &self.current, self.now)
    }

    /// How many tasks of the current spec are well and have been so for the monitor period.
    fn proven(&self) -> u64 {
        let is_proven =
            |task: &&&Task| self.is_well(task) && elapsed(task.since, self.now) >= self.monitor();
        self.current.iter().filter(is_proven).count() as u64
    }

    /// Whether the absence of an update's state can be believed. Services are listed before their tasks: right after a
    /// write the tasks may already show what Swarm's updater has begun while the service does not say so yet.
    fn status_is_believable(&self) -> bool {
        let written = self.service.updated;
        self.service.update.is_some()
            || elapsed(written, self.now) >= STATUS_GRACE
            || !self.tasks.iter().any(|task| {
                task.desired > TaskState::Running
                    && task.since >= written
                    && !runs_current_spec(task, self.service)
            })
    }

    /// Whether all wanted tasks are up, and Swarm wants no others: of an older spec, or more than there should be, as
    /// for a moment when a node comes back. What it has told to stop does not count, however long that takes.
    fn is_full(&self, ready: u64) -> bool {
        let is_live =
            |task: &&&Task| task.desired <= TaskState::Running && task.state <= TaskState::Running;
        let live = self.tasks.iter().filter(is_live).count() as u64;
        let global = self.service.spec.mode.kind() == ModeKind::Global;
        let wanted = self.wanted();
        ready >= wanted && live <= wanted && (!global || self.is_manned())
    }

    fn progress_verdict(&self) -> Verdict {
        if self.is_hopeless() {
            return Verdict::Failing;
        }
        if elapsed(self.last_progress(), self.now) > self.deadline() {
            return Verdict::TimedOut;
        }
        if self.newest_failure().is_some() {
            return Verdict::Struggling;
        }
        if self.unplaced().is_some() {
            return Verdict::Pending;
        }
        Verdict::Rolling
    }

    fn judge_job(&self) -> ServiceHealth {
        let complete =
            self.current.iter().filter(|task| task.state == TaskState::Complete).count() as u64;
        let wanted = self.wanted();
        let is_over = match self.service.spec.mode.kind() {
            ModeKind::GlobalJob => self.is_manned(),
            _ => counts::are_full(self.service),
        };
        let verdict = if complete >= wanted && is_over {
            Verdict::JobComplete
        } else {
            match self.progress_verdict() {
                Verdict::Failing => Verdict::JobFailed,
                Verdict::Rolling => Verdict::JobRunning,
                // How long a job works is its own affair, unless the user says otherwise.
                Verdict::TimedOut if self.patience.is_none() && self.is_at_work() => {
                    Verdict::JobRunning
                }
                other => other,
            }
        };
        self.report(verdict, complete)
    }

    fn report(&self, verdict: Verdict, ready: u64) -> ServiceHealth {
        let trouble = if verdict.is_healthy() { Trouble::default() } else { self.trouble() };
        let Trouble { reason, failure, obstacles } = trouble;
        let message = match verdict {
            Verdict::RolledBack | Verdict::RollingBack | Verdict::Paused => {
                self.service.update.as_ref().map(|update| update.message.clone())
            }
            _ => None,
        };
        ServiceHealth {
            verdict,
            reason,
            ready,
            proven: self.proven(),
            wanted: self.wanted(),
            running: self.service.counts.running,
            rollout: self.rollout(),
            message: message.filter(|words| !words.is_empty()),
            failure,
            obstacles,
        }
    }

    /// Whether a task did what none of this service should do: a task of a job may end.
    pub(super) fn went_wrong(&self, task: &Task) -> bool {
        went_wrong(task, self.service.spec.mode.kind().is_job())
    }

    fn failures(&self) -> impl Iterator<Item = &Task> {
        let begun = self.begun();
        let current = self.current.iter().copied();
        current.filter(move |task| self.went_wrong(task) && task.since >= begun)
    }

    /// When the service was last written. Swarm counts its own words on an update as a write, too; those came with its
    /// beginning.
    fn begun(&self) -> Timestamp {
        let written = self.service.updated;
        let started = self.service.update.as_ref().and_then(|update| update.started);
        started.map_or(written, |started| written.min(started))
    }

    pub(super) fn newest_failure(&self) -> Option<&Task> {
        newest(self.failures())
    }

    /// The newest task that waits for a node that would take it.
    pub(super) fn unplaced(&self) -> Option<&Task> {
        newest(
            self.current
                .iter()
                .copied()
                .filter(|task| task.state == TaskState::Pending && task.error.is_some()),
        )
    }

    /// Whether nodes keep refusing a task, or Swarm has stopped replacing one that failed.
    fn is_hopeless(&self) -> bool {
        let last_start = self.last_start();
        let refused: Vec<_> =
            self.failures().filter(|task| task.state == TaskState::Rejected).collect();
        let is_final = |task: &Task| {
            let place = |other: &Task| other.slot == task.slot && other.node_id == task.node_id;
            elapsed(last_start, task.since) >= REFUSAL_GRACE
                && refused.iter().filter(|other| place(other)).count() >= FINAL_REJECTIONS
        };
        if refused.iter().any(|task| is_final(task)) {
            return true;
        }
        let alive = self.current.iter().filter(|task| {
            task.state <= TaskState::Running
                || (task.state == TaskState::Complete && !self.went_wrong(task))
        });
        let short = (alive.count() as u64) < self.wanted();
        let updating = self.service.update.as_ref().is_some_and(|update| {
            matches!(update.state, UpdateState::Updating | UpdateState::RollbackStarted)
        });
        short
            && !updating
            && self
                .newest_failure()
                .is_some_and(|task| elapsed(task.since, self.now) > SUCCESSOR_GRACE)
    }

    /// When a task of the current spec last came up, or when the service was last written.
    fn last_start(&self) -> Timestamp {
        let up =
            self.current.iter().filter(|task| is_up(task) || task.state == TaskState::Complete);
        up.map(|task| task.since).fold(self.service.updated, Timestamp::max)
    }

    /// When there was last something better than before: the service was written, a task came up and has outlived those
    /// before it, or one that had long been well was still so, or nothing was missing yet.
    fn last_progress(&self) -> Timestamp {
        let is_job = self.service.spec.mode.kind().is_job();
        let good = self.current.iter().filter(|task| {
            self.is_well(task)
                || (is_job && task.state == TaskState::Complete)
                || life(task).is_some_and(|life| life >= INFANCY)
        });
        let last = good.map(|task| task.since).fold(self.service.updated, Timestamp::max);
        let is_alike = |other: &Task| runs_current_spec(other, self.service);
        let node =
            |task: &Task| self.nodes.iter().find(|node| task.node_id.as_ref() == Some(&node.id));
        let gaps = self.current.iter().filter(|task| {
            let changed = node(task).and_then(|node| node.updated);
            task.created > last && fills_a_new_gap(task, self.tasks, is_alike, changed)
        });
        gaps.map(|task| task.created).fold(last, Timestamp::max)
    }

    fn monitor(&self) -> Nanos {
        monitor(&self.service.spec)
    }

    fn deadline(&self) -> Nanos {
        self.patience.unwrap_or_else(|| deadline(&self.service.spec))
    }
}
