//! The connection to a real engine.

use skep::model::live::ApiVersion;
use skep::swarm::{Connection, Endpoint, Failure, NEWEST, Observer, Surroundings, SwarmError};

use crate::engine::{Engine, connect};
use crate::own::Own;
use crate::proxy::{Fault, Proxy};

async fn failure(url: &str) -> SwarmError {
    let endpoint = Endpoint::resolve(Some(url), &Surroundings::default()).unwrap();
    Connection::open(endpoint).await.unwrap_err()
}

#[tokio::test]
async fn every_request_names_the_newest_api_version_that_both_know() {
    let Some(engine) = Engine::of_this_run() else { return };
    let server = engine.docker(&["version", "--format", "{{.Server.APIVersion}}"]);
    let server = ApiVersion::try_from(server.trim().to_owned()).unwrap();
    let version = engine.docker(&["version", "--format", "{{.Server.Version}}"]);

    let proxy = Proxy::before(&engine.url);
    let connection = connect(&proxy.url).await;
    assert_eq!(connection.api(), server.min(NEWEST));
    assert!(version.starts_with(connection.version()) && !connection.version().is_empty());

    let observer = Observer::new(connection.clone()).unwrap();
    let observed = observer.observe().await.unwrap();
    observer.workload(&observed).await.unwrap();
    let prefix = format!("/v{}/", connection.api());
    for call in proxy.calls() {
        assert!(call.path.starts_with(&prefix), "{call:?}");
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_told_from_one_that_breaks_off() {
    let gone = failure("unix:///nonexistent/docker.sock").await;
    assert!(matches!(gone.failure, Failure::NoEngine { .. }), "{gone:?}");
    assert!(gone.is_of_engine() && gone.hint().is_some());
    let closed = failure("tcp://127.0.0.1:9").await;
    assert!(matches!(closed.failure, Failure::NoEngine { .. }), "{closed:?}");

    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    proxy.inject(|_| Some(Fault::CutBefore));
    let broken = failure(&proxy.url).await;
    assert!(matches!(broken.failure, Failure::Disconnected { .. }), "{broken:?}");
}

#[tokio::test]
async fn plain_tcp_is_as_good_as_a_socket() {
    let Some(engine) = Engine::of_this_run() else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let socket = engine.url.trim_start_matches("unix://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move {
                let mut engine = tokio::net::UnixStream::connect(&socket).await?;
                tokio::io::copy_bidirectional(&mut client, &mut engine).await
            });
        }
    });
    let observed = Observer::new(connect(&url).await).unwrap().observe().await.unwrap();
    assert!(observed.networks.iter().any(|network| network.spec.name == "ingress"));
}

#[tokio::test]
async fn an_engine_without_a_swarm_is_named_as_such() {
    if Engine::of_this_run().is_none() {
        return;
    }
    let Some(alone) = Own::up("test-alone", &["--no-swarm"]) else { return };
    let error = Observer::new(alone.engine.connect().await).unwrap().observe().await.unwrap_err();
    assert!(matches!(error.failure, Failure::NotManager { .. }), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("docker swarm init")));
}
