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
/// How long it must go on refusing: the subnet of a network that has just gone is free on a node only seconds later,
/// and until then the node refuses tasks of the network that got it.
const REFUSAL_GRACE: Nanos = Nanos::seconds(10);
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

impl ServiceHealth {
    /// The state of a service to which nothing is to be written: a rollback that Swarm completed led back to what is
    /// declared, and that is health.
    pub(super) fn where_live_is_declared(self) -> Self {
        match self.verdict {
            Verdict::RolledBack => {
                Self { verdict: Verdict::Converged, message: None, failure: None, ..self }
            }
            _ => self,
        }
    }
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
        let last_progress = self.last_progress();
        let refused: Vec<_> =
            self.failures().filter(|task| task.state == TaskState::Rejected).collect();
        let is_final = |task: &Task| {
            let place = |other: &Task| other.slot == task.slot && other.node_id == task.node_id;
            elapsed(last_progress, task.since) >= REFUSAL_GRACE
                && refused.iter().filter(|other| place(other)).count() >= FINAL_REJECTIONS
        };
        if refused.iter().any(|task| is_final(task)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::container::ContainerSpec;
    use crate::model::live::{RawSpec, References, TaskCounts, UpdateStatus};
    use crate::model::service::{GlobalJob, ReplicatedJob, ServiceMode};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn template(image: &str) -> TaskTemplate {
        let container = ContainerSpec { image: image.to_owned(), ..ContainerSpec::default() };
        TaskTemplate { container_spec: Some(container), ..TaskTemplate::default() }
    }

    /// A service of three replicas, written at second 0, that wants image `new`.
    fn service() -> LiveService {
        LiveService {
            id: "s".to_owned(),
            version: 1,
            created: at(-1000),
            updated: at(0),
            spec: ServiceSpec {
                name: "shop_web".to_owned(),
                mode: ServiceMode::replicated(Some(3)),
                task_template: template("new"),
                ..ServiceSpec::default()
            },
            raw: RawSpec::default(),
            previous: References::default(),
            update: None,
            counts: TaskCounts { running: 3, desired: 3, completed: 0 },
            job_iteration: None,
        }
    }

    fn task(slot: u64, image: &str, state: TaskState, since: i64) -> Task {
        let desired =
            if state > TaskState::Running { TaskState::Shutdown } else { TaskState::Running };
        Task {
            id: format!("{slot}-{image}-{since}"),
            service_id: "s".to_owned(),
            slot,
            node_id: Some("n".to_owned()),
            created: at(since),
            state,
            desired,
            since: at(since),
            message: "started".to_owned(),
            error: (state > TaskState::Complete).then(|| "task: non-zero exit (3)".to_owned()),
            exit_code: (state == TaskState::Failed).then_some(3),
            job_iteration: None,
            template: template(image),
        }
    }

    fn up(slot: u64, since: i64) -> Task {
        task(slot, "new", TaskState::Running, since)
    }

    fn verdict(service: &LiveService, tasks: Vec<Task>, now: i64) -> Verdict {
        judge(service, Some(&Workload { tasks, nodes: Vec::new() }), at(now), None).verdict
    }

    fn with_update(state: UpdateState) -> LiveService {
        let message = "words of Swarm".to_owned();
        let update = UpdateStatus { state, started: None, completed: None, message };
        LiveService { update: Some(update), ..service() }
    }

    #[test]
    fn converged_means_all_tasks_of_the_current_spec_for_the_monitor_period() {
        let tasks = || vec![up(1, 1), up(2, 2), up(3, 3)];
        assert_eq!(verdict(&service(), tasks(), 7), Verdict::Rolling);
        assert_eq!(verdict(&service(), tasks(), 8), Verdict::Converged);
        let mut two = tasks();
        two.pop();
        assert_eq!(verdict(&service(), two, 60), Verdict::Rolling);
    }

    #[test]
    fn tasks_of_an_older_spec_count_neither_as_healthy_nor_as_failures() {
        let old = |state| vec![up(1, 1), up(2, 1), task(3, "old", state, 1)];
        assert_eq!(verdict(&service(), old(TaskState::Running), 60), Verdict::Rolling);
        assert_eq!(verdict(&service(), old(TaskState::Failed), 60), Verdict::Rolling);
    }

    #[test]
    fn a_crash_is_reported_with_swarms_words_and_is_not_final_while_swarm_tries_again() {
        let tasks = vec![
            up(1, 1),
            up(2, 1),
            task(3, "new", TaskState::Failed, 20),
            task(3, "new", TaskState::Ready, 21),
        ];
        let workload = Workload { tasks, nodes: Vec::new() };
        let health = judge(&service(), Some(&workload), at(60), None);
        assert_eq!(health.verdict, Verdict::Struggling);
        let failure = health.failure.unwrap();
        assert_eq!((failure.slot, failure.exit_code), (3, Some(3)));
        assert_eq!(failure.error, "task: non-zero exit (3)");
        let late = judge(&service(), Some(&workload), at(1000), None);
        assert_eq!(late.verdict, Verdict::TimedOut);
        let impatient = judge(&service(), Some(&workload), at(60), Some(Nanos::seconds(30)));
        assert_eq!(impatient.verdict, Verdict::TimedOut);
    }

    #[test]
    fn a_task_that_nodes_keep_rejecting_is_final() {
        let rejected = |since| task(1, "new", TaskState::Rejected, since);
        let rest = || vec![up(2, 1), up(3, 1)];
        let once = [rest(), vec![rejected(10), task(1, "new", TaskState::Preparing, 11)]].concat();
        assert_eq!(verdict(&service(), once, 12), Verdict::Struggling);
        let soon = [rest(), vec![rejected(2), rejected(7)]].concat();
        assert_eq!(verdict(&service(), soon, 8), Verdict::Struggling);
        let twice = [rest(), vec![rejected(10), rejected(15)]].concat();
        assert_eq!(verdict(&service(), twice, 16), Verdict::Failing);
    }

    #[test]
    fn a_task_without_a_successor_is_final() {
        let tasks = vec![up(1, 1), up(2, 1), task(3, "new", TaskState::Failed, 10)];
        assert_eq!(verdict(&service(), tasks.clone(), 12), Verdict::Struggling);
        assert_eq!(verdict(&service(), tasks, 30), Verdict::Failing);
    }

    #[test]
    fn a_task_without_a_node_says_so_in_swarms_words() {
        let mut pending = task(3, "new", TaskState::Pending, 2);
        pending.error = Some("no suitable node (scheduling constraints not satisfied)".to_owned());
        let workload = Workload { tasks: vec![up(1, 1), up(2, 1), pending], nodes: Vec::new() };
        let health = judge(&service(), Some(&workload), at(60), None);
        assert_eq!(health.verdict, Verdict::Pending);
        assert!(health.failure.unwrap().error.starts_with("no suitable node"));
    }

    #[test]
    fn swarms_own_verdict_on_an_update_comes_first() {
        let tasks = || vec![up(1, 1), up(2, 2), up(3, 3)];
        let of = |state| verdict(&with_update(state), tasks(), 60);
        assert_eq!(of(UpdateState::Updating), Verdict::Rolling);
        assert_eq!(of(UpdateState::Paused), Verdict::Paused);
        assert_eq!(of(UpdateState::RollbackStarted), Verdict::Struggling);
        assert_eq!(of(UpdateState::RollbackPaused), Verdict::Paused);
        assert_eq!(of(UpdateState::RollbackCompleted), Verdict::RolledBack);
        assert_eq!(of(UpdateState::Completed), Verdict::Converged);
    }

    #[test]
    fn counts_are_enough_for_a_service_at_rest() {
        assert!(!needs_tasks(&service()));
        assert_eq!(judge(&service(), None, at(0), None).verdict, Verdict::Converged);
        let mut zero = service();
        zero.spec.mode = ServiceMode::replicated(Some(0));
        zero.counts = TaskCounts::default();
        assert_eq!(judge(&zero, None, at(0), None).verdict, Verdict::Converged);
        let mut short = service();
        short.counts.running = 2;
        assert!(needs_tasks(&short));
        assert!(needs_tasks(&with_update(UpdateState::Paused)));
    }

    #[test]
    fn a_job_is_judged_by_the_completions_of_its_iteration() {
        let mut job = service();
        let replicated = ReplicatedJob { max_concurrent: Some(1), total_completions: Some(2) };
        job.spec.mode = ServiceMode { replicated_job: Some(replicated), ..ServiceMode::default() };
        job.job_iteration = Some(4);
        let done = |slot, iteration| Task {
            job_iteration: Some(iteration),
            ..task(slot, "new", TaskState::Complete, 5)
        };
        let with_counts = |completed| {
            let counts = TaskCounts { running: 0, desired: 1, completed };
            LiveService { counts, ..job.clone() }
        };
        let half = vec![done(1, 4), done(2, 3)];
        assert_eq!(verdict(&with_counts(1), half, 6), Verdict::JobRunning);
        assert_eq!(verdict(&with_counts(2), vec![done(1, 4), done(2, 4)], 6), Verdict::JobComplete);
        assert_eq!(judge(&with_counts(2), None, at(6), None).verdict, Verdict::JobComplete);
        let mut failed = task(1, "new", TaskState::Failed, 5);
        failed.job_iteration = Some(4);
        assert_eq!(verdict(&with_counts(0), vec![failed], 60), Verdict::JobFailed);
        let global = ServiceMode { global_job: Some(GlobalJob {}), ..ServiceMode::default() };
        assert_eq!(global.kind(), ModeKind::GlobalJob);
    }
}
