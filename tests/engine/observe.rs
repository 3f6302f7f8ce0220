//! Observing a real Swarm.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use skep::model::key::{Kind, ObjectKey};
use skep::model::live::{LiveService, Observed, Task, TaskState, Workload};
use skep::model::store::{ConfigSpec, Data};
use skep::swarm::{Actuator, Credentials, Failure, Observer, RegistryAccess};

use crate::actuate::{service, spec};
use crate::engine::{Engine, connect};
use crate::proxy::{Call, Fault, Proxy};
use crate::scratch::Scratch;

fn endpoints(calls: &[Call]) -> Vec<&str> {
    let mut endpoints: Vec<&str> = calls.iter().map(Call::endpoint).collect();
    endpoints.sort_unstable();
    endpoints
}

#[tokio::test]
async fn an_observation_is_four_list_calls_and_a_predefined_network_is_looked_up_once() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let proxy = Proxy::before(&engine.url);
    let connection = connect(&proxy.url).await;
    let observer = Observer::new(connection.clone()).unwrap();
    let before = observer.observe().await.unwrap();

    let name = scratch.name("host");
    let on_host = spec(&name, json!({"TaskTemplate": {"Networks": [{"Target": "host"}]}}));
    let actuator = Actuator::new(connection, Credentials::default(), &before);
    actuator.create_service(&on_host).await.unwrap();

    let seen = observer.observe().await.unwrap();
    let networks = &service(&seen, &name).spec.task_template.networks;
    assert_eq!(networks[0].target, "host", "the Engine's id for it is in no list");

    proxy.forget();
    observer.observe().await.unwrap();
    let calls = proxy.calls();
    let swarm_host =
        seen.networks.iter().find(|n| n.spec.name == "host" && n.spec.scope == "swarm");
    let lookup = format!("/networks/{}", swarm_host.unwrap().id);
    assert!(!endpoints(&calls).contains(&lookup.as_str()), "{calls:?}");
    let lists: Vec<&str> =
        endpoints(&calls).into_iter().filter(|path| !path.starts_with("/networks/")).collect();
    assert_eq!(lists, ["/configs", "/networks", "/secrets", "/services"]);
    assert_eq!(proxy.writes(), []);

    proxy.forget();
    observer.workload(&seen).await.unwrap();
    assert_eq!(endpoints(&proxy.calls()), ["/nodes", "/tasks"]);
}

#[tokio::test]
async fn a_list_that_fails_fails_the_observation() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let observer = Observer::new(connect(&proxy.url).await).unwrap();
    for list in ["/services", "/networks", "/configs", "/secrets"] {
        proxy.inject(move |call| {
            let answer = Fault::Answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                "rpc error: code = Unknown desc = The swarm does not have a leader.",
            );
            (call.endpoint() == list).then_some(answer)
        });
        let error = observer.observe().await.unwrap_err();
        assert!(matches!(error.failure, Failure::NoLeader { .. }), "{list}: {error:?}");
        proxy.inject(move |call| (call.endpoint() == list).then_some(Fault::CutBefore));
        let error = observer.observe().await.unwrap_err();
        assert!(error.is_of_engine(), "{list}: {error:?}");
    }
}

#[tokio::test]
async fn time_is_the_engines() {
    let Some(engine) = Engine::of_this_run() else { return };
    let observer = Observer::new(engine.connect().await).unwrap();
    let observed = observer.observe().await.unwrap();
    let off = Timestamp::now().duration_since(observed.engine.now);
    assert!(off.as_secs().abs() <= 5, "the engine is on this machine: {off:?}");
}

#[tokio::test]
async fn a_running_task_has_the_template_of_its_service_and_a_healthy_node() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let connection = engine.connect().await;
    let observer = Observer::new(connection.clone()).unwrap();
    let actuator =
        Actuator::new(connection, Credentials::default(), &observer.observe().await.unwrap());
    let name = scratch.name("web");
    let web = spec(
        &name,
        json!({"TaskTemplate": {"ContainerSpec": {"Image": "skep-demo/web:1"}},
            "Mode": {"Replicated": {"Replicas": 1}}}),
    );
    actuator.create_service(&web).await.unwrap();

    let (observed, workload) =
        until(&observer, &name, |_, task| task.state == TaskState::Running).await;
    let live = service(&observed, &name);
    let task = task_of(&workload, live);
    assert_eq!(task.template, live.spec.task_template);
    assert_eq!((task.desired, task.slot), (TaskState::Running, 1));
    assert_eq!((live.counts.desired, live.job_iteration), (1, None));
    let node = workload.nodes.iter().find(|node| Some(&node.id) == task.node_id.as_ref()).unwrap();
    assert_eq!((node.state.as_str(), node.availability.as_str()), ("ready", "active"));
    assert!(node.manager && node.memory_bytes > 0 && node.os == "linux");
}

#[tokio::test]
async fn a_job_and_its_tasks_are_of_one_iteration() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let connection = engine.connect().await;
    let observer = Observer::new(connection.clone()).unwrap();
    let actuator =
        Actuator::new(connection, Credentials::default(), &observer.observe().await.unwrap());
    let name = scratch.name("job");
    let job = spec(
        &name,
        json!({"TaskTemplate": {"ContainerSpec": {"Image": "skep-demo/web:1", "Args": ["job"]}},
            "Mode": {"ReplicatedJob": {}}}),
    );
    actuator.create_service(&job).await.unwrap();
    let is_done = |live: &LiveService, task: &Task| {
        task.state == TaskState::Complete && live.counts.completed == 1
    };
    let (observed, workload) = until(&observer, &name, is_done).await;
    let live = service(&observed, &name);
    let task = task_of(&workload, live);
    assert_eq!((task.job_iteration, task.exit_code), (live.job_iteration, Some(0)));
    assert_eq!(live.job_iteration, Some(0));
    assert_eq!(task.template, live.spec.task_template);

    // Any write runs it again.
    let mut labelled = job;
    labelled.labels.insert("a".into(), "b".into());
    actuator
        .update_service(&live.id, live.version, &live.raw, &labelled, RegistryAccess::Send)
        .await
        .unwrap();
    let observed = observer.observe().await.unwrap();
    assert_ne!(service(&observed, &name).job_iteration, live.job_iteration);
}

/// Looks until the service `name` and a task of it are as wanted.
async fn until(
    observer: &Observer,
    name: &str,
    wanted: impl Fn(&LiveService, &Task) -> bool,
) -> (Observed, Workload) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let observed = observer.observe().await.unwrap();
        let workload = observer.workload(&observed).await.unwrap();
        let live = service(&observed, name);
        let mut tasks = workload.tasks.iter().filter(|task| task.service_id == live.id);
        if tasks.any(|task| wanted(live, task)) {
            return (observed, workload);
        }
        assert!(Instant::now() < deadline, "{:?}", workload.tasks);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn task_of<'w>(workload: &'w Workload, live: &LiveService) -> &'w Task {
    workload.tasks.iter().find(|task| task.service_id == live.id).unwrap()
}

#[tokio::test]
async fn what_a_rollback_would_need_is_seen() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let connection = engine.connect().await;
    let observer = Observer::new(connection.clone()).unwrap();
    let actuator =
        Actuator::new(connection, Credentials::default(), &observer.observe().await.unwrap());
    let (old, new, name) = (scratch.name("c1"), scratch.name("c2"), scratch.name("s"));
    for (config, data) in [(&old, "one"), (&new, "two")] {
        let config =
            ConfigSpec { name: config.clone(), data: Data(data.into()), ..ConfigSpec::default() };
        actuator.create_config(&config).await.unwrap();
    }
    let with = |config: &str| {
        let file = json!({"Name": "/c", "UID": "0", "GID": "0", "Mode": 0o444});
        let configs = json!([{"ConfigName": config, "File": file}]);
        spec(&name, json!({"TaskTemplate": {"ContainerSpec": {"Configs": configs}}}))
    };
    actuator.create_service(&with(&old)).await.unwrap();
    let previous = |observed: &Observed| service(observed, &name).previous.0.clone();
    let observed = observer.observe().await.unwrap();
    assert_eq!(previous(&observed), BTreeSet::new());

    let live = service(&observed, &name);
    actuator
        .update_service(&live.id, live.version, &live.raw, &with(&new), RegistryAccess::Send)
        .await
        .unwrap();
    let observed = observer.observe().await.unwrap();
    assert_eq!(previous(&observed), BTreeSet::from([ObjectKey::new(Kind::Config, &old)]));
    let data = |config: &str| {
        let found = observed.configs.iter().find(|live| live.spec.name == config);
        found.map(|live| live.spec.data.0.clone())
    };
    assert_eq!(data(&new).as_deref(), Some(b"two".as_slice()));
}
