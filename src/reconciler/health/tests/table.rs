//! One row for each thing that can be said of a service, with its words.

use super::*;
use crate::model::service::UpdateConfig;
use crate::model::task::Placement;

/// A service, what its tasks and nodes are, and when.
struct Row {
    what: &'static str,
    service: LiveService,
    tasks: Vec<Task>,
    nodes: Vec<Node>,
    now: i64,
}

fn row(what: &'static str, service: LiveService, tasks: Vec<Task>) -> Row {
    Row { what, service, tasks, nodes: vec![node("n", "ready", "active")], now: 60 }
}

/// What is said of a row.
fn told(row: Row) -> (&'static str, String) {
    let Row { what, service, tasks, nodes, now } = row;
    let health = judge(&service, Some(&evidence(&Workload { tasks, nodes })), at(now), None);
    let code = serde_json::to_value(health.verdict).unwrap();
    let reason = health.reason.map(|reason| serde_json::to_value(reason).unwrap());
    let reason =
        reason.map_or_else(String::new, |reason| format!(" [{}]", reason.as_str().unwrap()));
    (what, format!("{}{reason}: {}", code.as_str().unwrap(), describe(&health)))
}

fn in_mode(mode: ServiceMode) -> LiveService {
    let mut service = service();
    service.job_iteration = mode.kind().is_job().then_some(0);
    service.spec.mode = mode;
    service.counts = TaskCounts::default();
    service
}

fn replicas(count: u64) -> LiveService {
    in_mode(ServiceMode::replicated(Some(count)))
}

fn global() -> LiveService {
    let mut service = in_mode(ServiceMode { global: Some(Global {}), ..ServiceMode::default() });
    service.counts.desired = 1;
    service
}

fn job() -> LiveService {
    let mode = ReplicatedJob { max_concurrent: Some(1), total_completions: Some(2) };
    in_mode(ServiceMode { replicated_job: Some(mode), ..ServiceMode::default() })
}

fn global_job() -> LiveService {
    let mut job = in_mode(ServiceMode { global_job: Some(GlobalJob {}), ..ServiceMode::default() });
    job.counts.desired = 1;
    job
}

/// `service` in the middle of an update of two tasks at a time.
fn updating(service: LiveService, state: UpdateState) -> LiveService {
    let update = with_update(state).update;
    let config = Some(UpdateConfig { parallelism: 2, ..UpdateConfig::default() });
    let spec =
        ServiceSpec { update_config: config.clone(), rollback_config: config, ..service.spec };
    LiveService { spec, update, ..service }
}

fn failing(slot: u64, error: &str, since: i64) -> Task {
    Task { error: Some(error.to_owned()), ..task(slot, "new", TaskState::Failed, since) }
}

fn of_job(state: TaskState, slot: u64) -> Task {
    Task { job_iteration: Some(0), ..task(slot, "new", state, 5) }
}

fn waiting(error: &str) -> Task {
    let task = task(1, "new", TaskState::Pending, 2);
    Task { error: Some(error.to_owned()), node_id: None, ..task }
}

fn on(node: &str, task: Task) -> Task {
    Task { node_id: Some(node.to_owned()), ..task }
}

fn old(slot: u64) -> Task {
    task(slot, "old", TaskState::Running, -50)
}

fn gone(slot: u64) -> Task {
    task(slot, "old", TaskState::Shutdown, 5)
}

/// Six tasks of which two are new, and a third one starts.
fn six() -> Vec<Task> {
    let starting = task(3, "new", TaskState::Starting, 50);
    vec![gone(1), up(1, 5), gone(2), up(2, 5), gone(3), starting, old(4), old(5), old(6)]
}

const CRASH: &str = "task: non-zero exit (3)";
const NO_NODE: &str = "no suitable node (scheduling constraints not satisfied on 1 node)";

fn table(rows: Vec<Row>) -> String {
    let told = rows.into_iter().map(told).map(|(what, words)| format!("{what:<18} {words}"));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_said_of_services_that_are_well_or_on_their_way() {
    let nowhere = LiveService { counts: TaskCounts::default(), ..global() };
    let alone = vec![old(1), old(2)];
    let told = table(vec![
        row("replicas", replicas(2), vec![up(1, 1), up(2, 1)]),
        row("zero", replicas(0), vec![]),
        row("global", global(), vec![up(0, 1)]),
        Row { nodes: vec![], ..row("global on no node", nowhere.clone(), vec![]) },
        Row { now: 2, ..row("global begins", nowhere, vec![]) },
        row("starts", replicas(2), vec![up(1, 1), task(2, "new", TaskState::Preparing, 2)]),
        Row { now: 3, ..row("just started", replicas(1), vec![up(1, 1)]) },
        row("one too many", replicas(1), vec![up(1, 1), on("m", up(1, 1))]),
        row(
            "one goes",
            replicas(1),
            vec![up(1, 1), Task { desired: TaskState::Remove, ..up(2, 1) }],
        ),
        row("rolls", updating(replicas(6), UpdateState::Updating), six()),
        row("rolls in one go", updating(replicas(2), UpdateState::Updating), alone),
        row("rolls back", updating(replicas(6), UpdateState::RollbackStarted), six()),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_said_of_services_that_fail() {
    let rolled_back = || vec![up(1, 1), up(2, 1), Task { state: TaskState::Failed, ..gone(1) }];
    let ready = || task(1, "new", TaskState::Ready, 41);
    let ended = Task { message: "finished".to_owned(), ..task(1, "new", TaskState::Complete, 20) };
    let unhealthy = "task: non-zero exit (137): dockerexec: unhealthy container";
    let rejected = |since| task(1, "new", TaskState::Rejected, since);
    let paused = [six(), vec![failing(3, CRASH, 30)]].concat();
    let told = table(vec![
        row("rolled back", updating(replicas(2), UpdateState::RollbackCompleted), rolled_back()),
        row("paused", updating(replicas(6), UpdateState::Paused), paused),
        row("rollback paused", updating(replicas(6), UpdateState::RollbackPaused), six()),
        row("crashed once", replicas(1), vec![failing(1, CRASH, 40), ready()]),
        row("crashes", replicas(1), vec![failing(1, CRASH, 20), failing(1, CRASH, 40), ready()]),
        row("ends", replicas(1), vec![ended]),
        row("unhealthy", replicas(1), vec![failing(1, unhealthy, 40), ready()]),
        row("rejected", replicas(1), vec![rejected(20), rejected(30)]),
        Row { now: 1000, ..row("nothing moves", replicas(1), vec![ready()]) },
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_said_of_services_whose_nodes_are_unsuitable_or_gone() {
    let constrained = |constraint: &str| {
        let mut service = replicas(1);
        let constraints = vec![constraint.to_owned()];
        let placement = Placement { constraints, ..Placement::default() };
        service.spec.task_template.placement = Some(placement);
        service
    };
    let away = vec![node("n", "ready", "drain"), node("m", "ready", "pause")];
    let two = |state| vec![node("n", "ready", "active"), node("m", state, "active")];
    let lost = || vec![up(1, 5), on("m", task(2, "new", TaskState::Preparing, 6)), on("m", old(3))];
    let rolls = || updating(replicas(3), UpdateState::Updating);
    let back = || vec![up(1, 5), on("m", up(2, 70)), on("m", old(3))];
    let told = table(vec![
        row("no node", constrained("node.labels.disk==ssd"), vec![waiting(NO_NODE)]),
        Row { nodes: away, ..row("nodes are away", replicas(1), vec![waiting(NO_NODE)]) },
        Row {
            now: 1000,
            ..row("no node for long", constrained("node.id != n"), vec![waiting(NO_NODE)])
        },
        Row { nodes: two("down"), ..row("a node dies", rolls(), lost()) },
        Row { nodes: two("down"), now: 1000, ..row("it stays dead", rolls(), lost()) },
        Row { nodes: two("ready"), now: 80, ..row("it is back", rolls(), back()) },
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_said_of_jobs() {
    let done = |service: LiveService, completed| {
        let counts = TaskCounts { completed, ..service.counts };
        LiveService { counts, ..service }
    };
    let nothing = |service: LiveService| {
        let counts = TaskCounts { desired: 0, ..service.counts };
        LiveService { counts, ..service }
    };
    let works = Task { desired: TaskState::Complete, ..on("m", of_job(TaskState::Running, 0)) };
    let halves = vec![of_job(TaskState::Complete, 0), works];
    let both = vec![of_job(TaskState::Complete, 1), of_job(TaskState::Complete, 2)];
    let unplaced = Task { job_iteration: Some(0), ..waiting(NO_NODE) };
    let with_patience = {
        let workload = Workload { tasks: vec![of_job(TaskState::Running, 1)], nodes: vec![] };
        let evidence = evidence(&workload);
        describe(&judge(&job(), Some(&evidence), at(60), Some(Nanos::seconds(30))))
    };
    assert_eq!(with_patience, "timed out (0/2)");
    let told = table(vec![
        row("works", job(), vec![of_job(TaskState::Running, 1)]),
        row("half done", done(job(), 1), vec![of_job(TaskState::Complete, 1)]),
        row("done", done(job(), 2), both),
        row("failed", job(), vec![of_job(TaskState::Failed, 1)]),
        row("no node", job(), vec![unplaced]),
        row("global works", global_job(), vec![of_job(TaskState::Running, 0)]),
        Row { now: 2, ..row("global begins", nothing(global_job()), vec![]) },
        row("global nowhere", nothing(global_job()), vec![]),
        row("global half done", global_job(), halves),
        row("global done", nothing(done(global_job(), 1)), vec![of_job(TaskState::Complete, 0)]),
        row("global failed", global_job(), vec![of_job(TaskState::Failed, 0)]),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn a_rollout_that_waits_for_a_dead_node_times_out_and_goes_on_when_it_is_back() {
    let tasks = |state| {
        vec![up(1, 5), on("m", task(2, "new", state, 6)), task(3, "old", TaskState::Running, -50)]
    };
    let verdict = |node_state, tasks, now| {
        let service = updating(replicas(3), UpdateState::Updating);
        let nodes = vec![node("n", "ready", "active"), node("m", node_state, "active")];
        let workload = Workload { tasks, nodes };
        let health = judge(&service, Some(&evidence(&workload)), at(now), None);
        (health.verdict, health.reason)
    };
    let lost = Some(Reason::NodeLost);
    assert_eq!(verdict("down", tasks(TaskState::Assigned), 60), (Verdict::Rolling, lost));
    assert_eq!(verdict("down", tasks(TaskState::Assigned), 400), (Verdict::TimedOut, lost));
    // It is back, and its task comes up: that is progress again, without anybody's help.
    let mut again = tasks(TaskState::Assigned);
    again[1] = on("m", up(2, 450));
    assert_eq!(verdict("ready", again, 460), (Verdict::Rolling, None));
}
