//! What a real engine drops is exactly what the table says.

use serde_json::json;
use skep::model::service::ServiceSpec;
use skep::swarm::floors::strip_service;
use skep::swarm::{Actuator, Credentials, Observer, normal};

use crate::actuate::{service, spec};
use crate::engine::Engine;
use crate::scratch::Scratch;

#[tokio::test]
async fn an_engine_keeps_a_field_if_and_only_if_the_table_says_so() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let connection = engine.connect().await;
    let api = connection.api();
    let observer = Observer::new(connection.clone()).unwrap();
    let actuator =
        Actuator::new(connection, Credentials::default(), &observer.observe().await.unwrap());
    let bind = |option: &str| {
        json!([{"Type": "bind", "Source": "/s", "Target": "/b", "ReadOnly": true,
            "BindOptions": {option: true, "Propagation": "rslave"}}])
    };
    let container = |field: &str, value| json!({"TaskTemplate": {"ContainerSpec": {field: value}}});
    let bodies = [
        container("Privileges", json!({"Seccomp": {"Mode": "unconfined"}})),
        container("Privileges", json!({"AppArmor": {"Mode": "disabled"}})),
        container("Privileges", json!({"NoNewPrivileges": true})),
        container("Healthcheck", json!({"Test": ["CMD", "x"], "StartInterval": 1_000_000_000})),
        container("OomScoreAdj", json!(5)),
        container("Mounts", bind("CreateMountpoint")),
        container("Mounts", bind("ReadOnlyNonRecursive")),
        container("Mounts", bind("ReadOnlyForceRecursive")),
        container(
            "Mounts",
            json!([{"Type": "volume", "Source": "v", "Target": "/v", "VolumeOptions": {"Subpath": "s"}}]),
        ),
        container(
            "Mounts",
            json!([{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"Options": [["noexec"]]}}]),
        ),
        json!({"TaskTemplate": {"Resources": {"SwapBytes": 5}}}),
        json!({"TaskTemplate": {"Resources": {"MemorySwappiness": 5}}}),
    ];
    let specs: Vec<ServiceSpec> = bodies
        .into_iter()
        .enumerate()
        .map(|(number, body)| spec(&scratch.name(&format!("f{number}")), body))
        .collect();
    for spec in &specs {
        actuator.create_service(spec).await.unwrap();
    }
    let observed = observer.observe().await.unwrap();
    for mut full in specs {
        let live = &service(&observed, &full.name).spec;
        let mut stripped = full.clone();
        let dropped = strip_service(&mut stripped, api);
        normal::service(&mut full);
        normal::service(&mut stripped);
        assert_eq!(live, &stripped, "API {api} keeps less than the table says");
        assert_eq!(dropped.is_empty(), live == &full, "API {api} drops {dropped:?}");
    }
}
