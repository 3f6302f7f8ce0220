//! Verdicts on one service, from tasks and update states made by hand.

mod gaps;
mod table;

use std::sync::LazyLock;

use jiff::Timestamp;

use super::*;
use crate::diff::mask::Sensitivity;
use crate::model::container::ContainerSpec;
use crate::model::live::{
    LiveService, Node, RawSpec, References, Task, TaskCounts, TaskState, UpdateState, UpdateStatus,
    Workload,
};
use crate::model::nanos::Nanos;
use crate::model::secret::EnvVar;
use crate::model::service::{Global, GlobalJob, ModeKind, ReplicatedJob, ServiceMode, ServiceSpec};
use crate::model::task::TaskTemplate;

static SENSITIVITY: LazyLock<Sensitivity> = LazyLock::new(Sensitivity::default);

fn evidence(workload: &Workload) -> Evidence<'_> {
    Evidence::of(workload, &SENSITIVITY)
}

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
        previous_applied: None,
        update: None,
        counts: TaskCounts { running: 3, desired: 3, completed: 0 },
        job_iteration: None,
    }
}

fn task(slot: u64, image: &str, state: TaskState, since: i64) -> Task {
    let desired = if state > TaskState::Running { TaskState::Shutdown } else { TaskState::Running };
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

fn node(id: &str, state: &str, availability: &str) -> Node {
    Node {
        availability: availability.to_owned(),
        state: state.to_owned(),
        ..Node::example(id, &format!("node-{id}"))
    }
}

fn up(slot: u64, since: i64) -> Task {
    task(slot, "new", TaskState::Running, since)
}

#[test]
fn what_swarm_says_of_a_task_shows_no_secret_that_it_was_made_from() {
    let mut broken = task(1, "new", TaskState::Rejected, 5);
    let container = broken.template.container_spec.as_mut().unwrap();
    container.env = vec![EnvVar::parse("DB_PASSWORD=x{{y")];
    container.args = vec!["--token=abcdefgh".to_owned()];
    broken.error = Some("expanding env \"DB_PASSWORD=x{{y\": no \"abcdefgh\"".to_owned());
    let mut service = service();
    service.spec.task_template = broken.template.clone();
    let workload = Workload { tasks: vec![broken], nodes: Vec::new() };
    let health = judge(&service, Some(&evidence(&workload)), at(9), None);
    let words = health.failure.unwrap().error;
    assert_eq!(words, "expanding env \"DB_PASSWORD=(sensitive)\": no \"(sensitive)\"");
}

fn verdict(service: &LiveService, tasks: Vec<Task>, now: i64) -> Verdict {
    let workload = Workload { tasks, nodes: Vec::new() };
    judge(service, Some(&evidence(&workload)), at(now), None).verdict
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
    let health = judge(&service(), Some(&evidence(&workload)), at(60), None);
    assert_eq!(health.verdict, Verdict::Struggling);
    let failure = health.failure.unwrap();
    assert_eq!((failure.slot, failure.exit_code), (3, Some(3)));
    assert_eq!(failure.error, "task: non-zero exit (3)");
    let late = judge(&service(), Some(&evidence(&workload)), at(1000), None);
    assert_eq!(late.verdict, Verdict::TimedOut);
    let impatient = judge(&service(), Some(&evidence(&workload)), at(60), Some(Nanos::seconds(30)));
    assert_eq!(impatient.verdict, Verdict::TimedOut);
}

/// A task that lived from `born` to `died`, when its container exited.
fn crashed(slot: u64, born: i64, died: i64) -> Task {
    Task { created: at(born), ..task(slot, "new", TaskState::Failed, died) }
}

#[test]
fn a_task_that_runs_between_two_crashes_is_not_healthy() {
    let once = |up_since| vec![up(1, 1), up(2, 1), crashed(3, 20, 50), up(3, up_since)];
    let looping = |up_since| [once(up_since), vec![crashed(3, 5, 15)]].concat();
    let health = |tasks: Vec<Task>, now| {
        let workload = Workload { tasks, nodes: Vec::new() };
        judge(&service(), Some(&evidence(&workload)), at(now), None)
    };
    // A node may take one with it.
    assert_eq!(health(once(60), 65).verdict, Verdict::Converged);
    // The one before lived for 30 seconds; this one has been up for 30, and then for 31.
    let caught = health(looping(60), 90);
    assert_eq!((caught.verdict, caught.ready), (Verdict::Struggling, 2));
    assert_eq!(caught.failure.unwrap().exit_code, Some(3));
    assert_eq!(health(looping(60), 91).verdict, Verdict::Converged);
    // However often it comes up, that is no progress.
    assert_eq!(health(looping(1000), 1010).verdict, Verdict::TimedOut);
    // What ended after a long life was well before; waiting begins when it ended.
    let aged = |now| health(vec![up(1, 1), up(2, 1), crashed(3, 1, 9000), up(3, 9001)], now);
    assert_eq!(aged(9003).verdict, Verdict::Rolling);
    assert_eq!(aged(9006).verdict, Verdict::Converged);
    let down =
        vec![up(1, 1), up(2, 1), crashed(3, 1, 9000), task(3, "new", TaskState::Ready, 9000)];
    assert_eq!(health(down, 9004).verdict, Verdict::Struggling);
}

#[test]
fn an_update_that_swarm_has_begun_and_not_yet_owned_up_to_is_not_done() {
    // Services were listed at second 1, before the updater said so; the tasks are from later, and the clock of their node
    // runs behind.
    let old = task(1, "old", TaskState::Shutdown, 1);
    let tasks = || vec![old.clone(), up(1, -9), up(2, -9), up(3, -9)];
    assert_eq!(verdict(&service(), tasks(), 1), Verdict::Rolling);
    assert_eq!(verdict(&with_update(UpdateState::Completed), tasks(), 1), Verdict::Converged);
    // A write that restarts nothing leaves no state behind; after a while that is believed.
    assert_eq!(verdict(&service(), tasks(), 10), Verdict::Converged);
}

#[test]
fn what_a_person_rolled_back_is_judged_like_any_other_spec() {
    let by_hand =
        |state| LiveService { previous_applied: Some("hmac:0:0".to_owned()), ..with_update(state) };
    let tasks = || vec![up(1, 1), up(2, 2), up(3, 3)];
    let of = |state| verdict(&by_hand(state), tasks(), 60);
    assert_eq!(of(UpdateState::RollbackStarted), Verdict::Rolling);
    assert_eq!(of(UpdateState::RollbackCompleted), Verdict::Converged);
    assert_eq!(
        judge(&by_hand(UpdateState::RollbackCompleted), None, at(0), None).verdict,
        Verdict::Converged
    );
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
fn a_global_service_misses_a_task_on_a_node_where_one_has_just_failed() {
    let mut global = service();
    global.spec.mode = ServiceMode { global: Some(Global {}), ..ServiceMode::default() };
    global.counts = TaskCounts { running: 1, desired: 1, completed: 0 };
    let on = |node: &str, task: Task| Task { slot: 0, node_id: Some(node.to_owned()), ..task };
    let health = |availability: &str| {
        let tasks = vec![on("a", up(0, 1)), on("b", task(0, "new", TaskState::Failed, 20))];
        let nodes = vec![node("a", "ready", "active"), node("b", "ready", availability)];
        let workload = Workload { tasks, nodes };
        let health = judge(&global, Some(&evidence(&workload)), at(25), None);
        (health.verdict, health.ready, health.wanted)
    };
    assert_eq!(health("active"), (Verdict::Struggling, 1, 2));
    assert_eq!(health("drain"), (Verdict::Converged, 1, 1));
}

#[test]
fn a_task_without_a_node_says_so_in_swarms_words() {
    let mut pending = task(3, "new", TaskState::Pending, 2);
    pending.error = Some("no suitable node (scheduling constraints not satisfied)".to_owned());
    let workload = Workload { tasks: vec![up(1, 1), up(2, 1), pending], nodes: Vec::new() };
    let health = judge(&service(), Some(&evidence(&workload)), at(60), None);
    assert_eq!(health.verdict, Verdict::Pending);
    assert!(health.failure.unwrap().error.starts_with("no suitable node"));
}

#[test]
fn swarms_own_verdict_on_an_update_comes_first() {
    let tasks = || vec![up(1, 1), up(2, 2), up(3, 3)];
    let of = |state| verdict(&with_update(state), tasks(), 60);
    assert_eq!(of(UpdateState::Updating), Verdict::Rolling);
    assert_eq!(of(UpdateState::Paused), Verdict::Paused);
    assert_eq!(of(UpdateState::RollbackStarted), Verdict::RollingBack);
    assert_eq!(of(UpdateState::RollbackPaused), Verdict::Paused);
    assert_eq!(of(UpdateState::RollbackCompleted), Verdict::RolledBack);
    assert_eq!(of(UpdateState::Completed), Verdict::Converged);
}

#[test]
fn a_pause_does_not_hide_the_failure_that_led_to_it() {
    // Swarm's own word, at second 20, counts as a write of the service.
    let mut paused = with_update(UpdateState::Paused);
    paused.updated = at(20);
    paused.update.as_mut().unwrap().started = Some(at(2));
    let tasks = vec![up(1, 1), up(2, 1), task(3, "new", TaskState::Failed, 10)];
    let workload = Workload { tasks, nodes: Vec::new() };
    let health = judge(&paused, Some(&evidence(&workload)), at(60), None);
    assert_eq!(health.failure.unwrap().exit_code, Some(3));
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
    // A job may work for as long as it likes, unless the user has less patience.
    let working = Task { desired: TaskState::Complete, ..task(1, "new", TaskState::Running, 5) };
    let workload =
        Workload { tasks: vec![Task { job_iteration: Some(4), ..working }], nodes: Vec::new() };
    let after_hours =
        |patience| judge(&with_counts(0), Some(&evidence(&workload)), at(9000), patience).verdict;
    assert_eq!(after_hours(None), Verdict::JobRunning);
    assert_eq!(after_hours(Some(Nanos::seconds(60))), Verdict::TimedOut);
    let mut failed = task(1, "new", TaskState::Failed, 5);
    failed.job_iteration = Some(4);
    assert_eq!(verdict(&with_counts(0), vec![failed], 60), Verdict::JobFailed);
    let global = ServiceMode { global_job: Some(GlobalJob {}), ..ServiceMode::default() };
    assert_eq!(global.kind(), ModeKind::GlobalJob);
}
