//! The verdict on a service, judged only from tasks that run its current spec.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::live::{LiveService, Node, Task, TaskState, UpdateState, Workload};
use crate::model::nanos::Nanos;
use crate::model::service::{ModeKind, ServiceSpec, UpdateConfig};
use crate::model::task::TaskTemplate;

/// Swarm's own monitor period where the file names none (swarmkit `api/defaults/service.go`).
const DEFAULT_MONITOR: Nanos = Nanos::seconds(5);
/// The least time without a new healthy task after which a rollout is given up.
const LEAST_DEADLINE: Nanos = Nanos::seconds(300);
/// How often a node must refuse a task of one slot before it counts as final: once can be chance.
const FINAL_REJECTIONS: usize = 2;
/// How long a task may be gone without a successor before we say that Swarm gave up on it.
const SUCCESSOR_GRACE: Nanos = Nanos::seconds(10);

/// What can truthfully be said of a service now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Every wanted task runs the current spec, is healthy, and has been so for the monitor period.
    Converged,
    /// On its way.
    Rolling,
    /// On its way, and a task has failed.
    Struggling,
    /// Tasks wait for a node; the reason is Swarm's.
    Pending,
    /// Swarm put the previous spec back.
    RolledBack,
    /// Swarm stopped the update after a failure.
    Paused,
    /// It will not become healthy by waiting: tasks are refused, or Swarm has given up on them.
    Failing,
    /// No new healthy task for longer than the deadline.
    TimedOut,
    /// A job that is at work.
    JobRunning,
    /// A job that has completed.
    JobComplete,
    /// A job that will not complete by waiting.
    JobFailed,
}

impl Verdict {
    /// Whether waiting may change it.
    pub fn is_progressing(&self) -> bool {
        match self {
            Self::Rolling | Self::Struggling | Self::Pending | Self::JobRunning => true,
            Self::Converged
            | Self::RolledBack
            | Self::Paused
            | Self::Failing
            | Self::TimedOut
            | Self::JobComplete
            | Self::JobFailed => false,
        }
    }

    /// Whether all is well.
    pub fn is_healthy(&self) -> bool {
        matches!(self, Self::Converged | Self::JobComplete)
    }
}

/// The state of a service for people and gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceHealth {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Tasks of the current spec that run and are healthy; for jobs, that have completed.
    pub ready: u64,
    /// Tasks that are wanted; for jobs, completions.
    pub wanted: u64,
    /// Tasks that run, whatever their spec.
    pub running: u64,
    /// Swarm's own words on an update that ended badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The newest failure of a task of the current spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<TaskFailure>,
}

/// How a task failed, in Swarm's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskFailure {
    /// The Engine's id of the task.
    pub task: String,
    /// Its number among replicas; zero for global services.
    pub slot: u64,
    /// Host name of its node, or its id where nodes were not listed.
    pub node: Option<String>,
    /// Its state.
    pub state: TaskState,
    /// Swarm's words.
    pub error: String,
    /// Exit code of its container.
    pub exit_code: Option<i64>,
    /// When.
    pub at: Timestamp,
}

/// Whether the counts of the list call leave open how a service is, so that its tasks must be listed.
pub fn needs_tasks(service: &LiveService) -> bool {
    let unfinished = match service.update.as_ref().map(|update| &update.state) {
        None | Some(UpdateState::Completed | UpdateState::RollbackCompleted) => false,
        Some(
            UpdateState::Updating
            | UpdateState::Paused
            | UpdateState::RollbackStarted
            | UpdateState::RollbackPaused
            | UpdateState::Other(_),
        ) => true,
    };
    unfinished || !counts_are_full(service)
}

fn counts_are_full(service: &LiveService) -> bool {
    let counts = service.counts;
    match service.spec.mode.kind() {
        ModeKind::Replicated | ModeKind::Global => counts.running == counts.desired,
        ModeKind::ReplicatedJob => counts.completed >= completions(&service.spec),
        ModeKind::GlobalJob => counts.completed >= counts.desired && counts.running == 0,
    }
}

/// How many completions a replicated job needs.
fn completions(spec: &ServiceSpec) -> u64 {
    let job = spec.mode.replicated_job.as_ref();
    job.and_then(|job| job.total_completions.or(job.max_concurrent)).unwrap_or(1)
}

/// Judges `service` at the engine's time `now`; `patience` replaces the computed progress deadline.
pub fn judge(
    service: &LiveService,
    workload: Option<&Workload>,
    now: Timestamp,
    patience: Option<Nanos>,
) -> ServiceHealth {
    let Some(workload) = workload else { return judge_counts(service) };
    let tasks: Vec<&Task> =
        workload.tasks.iter().filter(|task| task.service_id == service.id).collect();
    let current: Vec<&Task> =
        tasks.iter().copied().filter(|task| runs_current_spec(task, service)).collect();
    let view = View { service, tasks, current, nodes: &workload.nodes, now, patience };
    if service.spec.mode.kind().is_job() { view.judge_job() } else { view.judge_service() }
}

fn judge_counts(service: &LiveService) -> ServiceHealth {
    let job = service.spec.mode.kind().is_job();
    let full = !needs_tasks(service);
    let rolled_back =
        service.update.as_ref().filter(|update| update.state == UpdateState::RollbackCompleted);
    let verdict = match (job, full) {
        (true, true) => Verdict::JobComplete,
        (true, false) => Verdict::JobRunning,
        (false, true) if rolled_back.is_some() => Verdict::RolledBack,
        (false, true) => Verdict::Converged,
        (false, false) => Verdict::Rolling,
    };
    ServiceHealth {
        verdict,
        ready: if job { service.counts.completed } else { service.counts.running },
        wanted: wanted(service),
        running: service.counts.running,
        message: rolled_back.map(|update| update.message.clone()),
        failure: None,
    }
}

fn wanted(service: &LiveService) -> u64 {
    let mode = &service.spec.mode;
    match mode.kind() {
        ModeKind::Replicated => {
            mode.replicated.as_ref().and_then(|mode| mode.replicas).unwrap_or(1)
        }
        ModeKind::ReplicatedJob => completions(&service.spec),
        ModeKind::Global | ModeKind::GlobalJob => service.counts.desired,
    }
}

/// Whether a task was made from the template that the service has now.
///
/// Placement is left out: changing it restarts only tasks whose node no longer fits, so a task with older
/// placement is current (swarmkit `manager/orchestrator/task.go`, `IsTaskDirty`).
fn runs_current_spec(task: &Task, service: &LiveService) -> bool {
    if task.job_iteration != service.job_iteration {
        return false;
    }
    let TaskTemplate {
        container_spec,
        resources,
        restart_policy,
        placement: _,
        networks,
        log_driver,
        force_update,
        runtime,
    } = &service.spec.task_template;
    let has = &task.template;
    has.container_spec == *container_spec
        && has.resources == *resources
        && has.restart_policy == *restart_policy
        && has.networks == *networks
        && has.log_driver == *log_driver
        && has.force_update == *force_update
        && has.runtime == *runtime
}

/// One service and everything that bears on its verdict.
struct View<'a> {
    service: &'a LiveService,
    tasks: Vec<&'a Task>,
    current: Vec<&'a Task>,
    nodes: &'a [Node],
    now: Timestamp,
    patience: Option<Nanos>,
}

impl View<'_> {
    fn judge_service(&self) -> ServiceHealth {
        let ready = self.current.iter().filter(|task| is_up(task)).count() as u64;
        let verdict = self.service_verdict(ready);
        self.report(verdict, ready)
    }

    fn service_verdict(&self, ready: u64) -> Verdict {
        match self.service.update.as_ref().map(|update| &update.state) {
            Some(UpdateState::Paused | UpdateState::RollbackPaused) => return Verdict::Paused,
            Some(UpdateState::RollbackCompleted) if self.is_full(ready) => {
                return Verdict::RolledBack;
            }
            Some(UpdateState::RollbackStarted) => return Verdict::Struggling,
            Some(UpdateState::Updating | UpdateState::Other(_)) => {
                return self.progress_verdict();
            }
            Some(UpdateState::RollbackCompleted | UpdateState::Completed) | None => {}
        }
        if !self.is_full(ready) {
            return self.progress_verdict();
        }
        let steady = self
            .current
            .iter()
            .filter(|task| is_up(task))
            .all(|task| elapsed(task.since, self.now) >= self.monitor());
        if steady { Verdict::Converged } else { Verdict::Rolling }
    }

    /// Whether all wanted tasks are up and none of an older spec is wanted any more.
    fn is_full(&self, ready: u64) -> bool {
        let old = self.tasks.iter().filter(|task| {
            task.desired <= TaskState::Running
                && task.state <= TaskState::Running
                && !runs_current_spec(task, self.service)
        });
        ready >= wanted(self.service) && old.count() == 0
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
        let wanted = wanted(self.service);
        let verdict = if complete >= wanted && counts_are_full(self.service) {
            Verdict::JobComplete
        } else {
            match self.progress_verdict() {
                Verdict::Failing => Verdict::JobFailed,
                Verdict::Rolling => Verdict::JobRunning,
                other => other,
            }
        };
        self.report(verdict, complete)
    }

    fn report(&self, verdict: Verdict, ready: u64) -> ServiceHealth {
        let failure = if verdict.is_healthy() { None } else { self.failure() };
        let message = match verdict {
            Verdict::RolledBack | Verdict::Paused => {
                self.service.update.as_ref().map(|update| update.message.clone())
            }
            _ => None,
        };
        ServiceHealth {
            verdict,
            ready,
            wanted: wanted(self.service),
            running: self.service.counts.running,
            message,
            failure,
        }
    }

    /// The failure to show: of the current spec, or, once rolled back, of the spec that failed.
    fn failure(&self) -> Option<TaskFailure> {
        let rolled_back = self.service.update.as_ref().is_some_and(|update| {
            matches!(
                update.state,
                UpdateState::RollbackStarted
                    | UpdateState::RollbackPaused
                    | UpdateState::RollbackCompleted
            )
        });
        let task = if rolled_back {
            newest(self.tasks.iter().copied().filter(|task| has_failed(task)))
        } else {
            self.newest_failure().or_else(|| self.unplaced())
        };
        task.map(|task| self.describe(task))
    }

    fn describe(&self, task: &Task) -> TaskFailure {
        let node = task.node_id.as_ref().map(|id| {
            let node = self.nodes.iter().find(|node| node.id == *id);
            node.map_or_else(|| id.clone(), |node| node.hostname.clone())
        });
        TaskFailure {
            task: task.id.clone(),
            slot: task.slot,
            node,
            state: task.state,
            error: task.error.clone().unwrap_or_else(|| task.message.clone()),
            exit_code: task.exit_code,
            at: task.since,
        }
    }

    fn failures(&self) -> impl Iterator<Item = &Task> {
        self.current
            .iter()
            .copied()
            .filter(|task| has_failed(task) && task.since >= self.service.updated)
    }

    fn newest_failure(&self) -> Option<&Task> {
        newest(self.failures())
    }

    fn unplaced(&self) -> Option<&Task> {
        newest(
            self.current
                .iter()
                .copied()
                .filter(|task| task.state == TaskState::Pending && task.error.is_some()),
        )
    }

    /// Whether nodes keep refusing a task, or Swarm has stopped replacing one that failed.
    fn is_hopeless(&self) -> bool {
        let refused = self.failures().filter(|task| task.state == TaskState::Rejected);
        let refused: Vec<_> = refused.map(|task| (task.slot, &task.node_id)).collect();
        if refused
            .iter()
            .any(|place| refused.iter().filter(|other| *other == place).count() >= FINAL_REJECTIONS)
        {
            return true;
        }
        let alive = self
            .current
            .iter()
            .filter(|task| task.state <= TaskState::Running || task.state == TaskState::Complete);
        let short = (alive.count() as u64) < wanted(self.service);
        let updating = self
            .service
            .update
            .as_ref()
            .is_some_and(|update| update.state == UpdateState::Updating);
        short
            && !updating
            && self
                .newest_failure()
                .is_some_and(|task| elapsed(task.since, self.now) > SUCCESSOR_GRACE)
    }

    /// When a task of the current spec last became healthy, or when the service was last written.
    fn last_progress(&self) -> Timestamp {
        let up =
            self.current.iter().filter(|task| is_up(task) || task.state == TaskState::Complete);
        up.map(|task| task.since).fold(self.service.updated, Timestamp::max)
    }

    fn monitor(&self) -> Nanos {
        monitor(&self.service.spec)
    }

    fn deadline(&self) -> Nanos {
        self.patience.unwrap_or_else(|| deadline(&self.service.spec))
    }
}

fn monitor(spec: &ServiceSpec) -> Nanos {
    let monitor = spec.update_config.as_ref().map_or(Nanos(0), |config| config.monitor);
    if monitor == Nanos(0) { DEFAULT_MONITOR } else { monitor }
}

/// How long a rollout may go without a new healthy task: what one batch may take by its own settings,
/// and five minutes at least.
fn deadline(spec: &ServiceSpec) -> Nanos {
    let delay = spec.update_config.as_ref().map_or(Nanos(0), |UpdateConfig { delay, .. }| *delay);
    let health = spec
        .task_template
        .container_spec
        .as_ref()
        .and_then(|container| container.healthcheck.as_ref());
    let probing = health.map_or(0, |check| {
        let failures = check.interval.0.saturating_mul(check.retries.max(1));
        check.start_period.0.saturating_add(failures)
    });
    let batch = delay.0.saturating_add(monitor(spec).0).saturating_add(probing);
    Nanos(batch).max(LEAST_DEADLINE)
}

fn is_up(task: &Task) -> bool {
    task.state == TaskState::Running && task.desired == TaskState::Running
}

fn has_failed(task: &Task) -> bool {
    matches!(task.state, TaskState::Failed | TaskState::Rejected | TaskState::Orphaned)
}

fn newest<'a>(tasks: impl Iterator<Item = &'a Task>) -> Option<&'a Task> {
    tasks.max_by_key(|task| (task.since, task.id.as_str()))
}

fn elapsed(since: Timestamp, now: Timestamp) -> Nanos {
    Nanos(i64::try_from(now.duration_since(since).as_nanos()).unwrap_or(i64::MAX))
}
