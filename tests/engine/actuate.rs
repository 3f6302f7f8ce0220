//! Writing to a real Swarm.

use serde_json::{Value, json};
use skep::model::key::{Kind, ObjectKey};
use skep::model::live::{LiveService, Observed};
use skep::model::network::NetworkSpec;
use skep::model::secret::Redacted;
use skep::model::service::ServiceSpec;
use skep::model::store::{ConfigSpec, Data, SecretSpec};
use skep::swarm::{
    Actuator, Credentials, Failure, Observer, RegistryAccess, ResolveError, normal, resolve,
};

use crate::engine::{Engine, connect};
use crate::proxy::{Fault, Proxy};
use crate::scratch::Scratch;

/// A service without tasks; `more` is merged into its spec.
pub(crate) fn spec(name: &str, more: Value) -> ServiceSpec {
    let mut spec = json!({
        "Name": name,
        "TaskTemplate": {"ContainerSpec": {"Image": "skep-test/none:1"}},
        "Mode": {"Replicated": {"Replicas": 0}},
    });
    merge(&mut spec, more);
    serde_json::from_value(spec).unwrap()
}

/// Lays `more` over `into`.
pub(crate) fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            if more.keys().any(|key| key.ends_with("Job") || key == "Global") {
                into.clear(); // a service has one mode
            }
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

pub(crate) fn service<'o>(observed: &'o Observed, name: &str) -> &'o LiveService {
    observed.services.iter().find(|service| service.spec.name == name).unwrap()
}

fn raw(service: &LiveService) -> Value {
    serde_json::from_str(&service.raw.0).unwrap()
}

async fn begin(url: &str) -> (Observer, Actuator) {
    let connection = connect(url).await;
    let observer = Observer::new(connection.clone()).unwrap();
    let observed = observer.observe().await.unwrap();
    (observer, Actuator::new(connection, Credentials::default(), &observed))
}

#[tokio::test]
async fn a_write_to_what_someone_else_changed_is_a_conflict() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let (observer, actuator) = begin(&engine.url).await;
    let name = scratch.name("s");
    actuator.create_service(&spec(&name, json!({}))).await.unwrap();
    let observed = observer.observe().await.unwrap();
    let stale = service(&observed, &name);
    engine.docker(&["service", "update", "--detach", "--label-add", "by=hand", &name]);

    let wanted = spec(&name, json!({"Labels": {"by": "skep"}}));
    let update = actuator
        .update_service(&stale.id, stale.version, &stale.raw, &wanted, RegistryAccess::Send)
        .await;
    assert!(update.is_err_and(|error| error.is_conflict()));
    let again = actuator.create_service(&wanted).await;
    assert!(again.is_err_and(|error| error.is_conflict()));
    let observed = observer.observe().await.unwrap();
    assert_eq!(service(&observed, &name).spec.labels["by"], "hand");
}

#[tokio::test]
async fn what_is_in_use_stays_and_says_so() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let (observer, actuator) = begin(&engine.url).await;
    let [config, secret, network, user] = ["c", "k", "n", "s"].map(|what| scratch.name(what));
    let config_spec =
        ConfigSpec { name: config.clone(), data: Data(b"x".to_vec()), ..ConfigSpec::default() };
    let secret_spec = SecretSpec {
        name: secret.clone(),
        data: Some(Redacted::new(b"x".to_vec())),
        ..SecretSpec::default()
    };
    let network_spec =
        NetworkSpec { name: network.clone(), driver: "overlay".into(), ..NetworkSpec::default() };
    let ids = [
        (ObjectKey::new(Kind::Config, &config), actuator.create_config(&config_spec).await),
        (ObjectKey::new(Kind::Secret, &secret), actuator.create_secret(&secret_spec).await),
        (ObjectKey::new(Kind::Network, &network), actuator.create_network(&network_spec).await),
    ]
    .map(|(object, created)| (object, created.unwrap().id));
    let file = json!({"Name": "/x", "UID": "0", "GID": "0", "Mode": 0o444});
    let uses = json!({"TaskTemplate": {
        "ContainerSpec": {
            "Configs": [{"ConfigName": config, "File": file}],
            "Secrets": [{"SecretName": secret, "File": file}],
        },
        "Networks": [{"Target": network}],
    }});
    let user_id = actuator.create_service(&spec(&user, uses)).await.unwrap().id;

    for (object, id) in &ids {
        let refused = actuator.remove(object, id).await;
        assert!(refused.is_err_and(|error| error.in_use()), "{object}");
    }
    actuator.remove(&ObjectKey::new(Kind::Service, &user), &user_id).await.unwrap();
    for (object, id) in &ids {
        actuator.remove(object, id).await.unwrap();
        let gone = actuator.remove(object, id).await;
        assert!(gone.is_err_and(|error| error.not_found()), "{object}");
    }
    let left = observer.observe().await.unwrap();
    assert!(!left.networks.iter().any(|live| live.spec.name == network));
}

#[tokio::test]
async fn an_update_in_place_leaves_the_template_as_the_engine_has_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let (observer, actuator) = begin(&engine.url).await;
    let name = scratch.name("s");
    let options = "--replicas 0 --env B=2 --env A=1 --cap-add NET_ADMIN skep-test/none:1";
    engine.docker_service(&name, &options.split(' ').collect::<Vec<_>>());
    engine.docker(&["service", "update", "--detach", "--no-resolve-image", "--force", &name]);
    let observed = observer.observe().await.unwrap();
    let live = service(&observed, &name);
    let before = raw(live);
    assert_eq!(before["TaskTemplate"]["ForceUpdate"], json!(1));

    let mut wanted = spec(
        &name,
        json!({"TaskTemplate": {"ContainerSpec": {"Env": ["A=1", "B=2"], "CapabilityAdd": ["CAP_NET_ADMIN"], "Init": false}},
            "Labels": {"new": "label"}}),
    );
    normal::service(&mut wanted);
    actuator
        .update_service(&live.id, live.version, &live.raw, &wanted, RegistryAccess::Send)
        .await
        .unwrap();
    let observed = observer.observe().await.unwrap();
    let after = raw(service(&observed, &name));
    assert_eq!(after["TaskTemplate"], before["TaskTemplate"]);
    assert_eq!(after["EndpointSpec"], before["EndpointSpec"]);
    assert_eq!(after["Labels"], json!({"new": "label"}));

    let live = service(&observed, &name);
    wanted.task_template.container_spec.as_mut().unwrap().hostname = "h".into();
    actuator
        .update_service(&live.id, live.version, &live.raw, &wanted, RegistryAccess::Send)
        .await
        .unwrap();
    let observed = observer.observe().await.unwrap();
    let mut live = service(&observed, &name).spec.clone();
    assert_eq!(live.task_template.force_update, 1, "a roll keeps the counter, too");
    live.task_template.force_update = 0;
    assert_eq!(live, wanted);
}

#[tokio::test]
async fn labels_change_and_data_is_proved_by_swarm_itself() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let (observer, actuator) = begin(&engine.url).await;
    let mut config = ConfigSpec {
        name: scratch.name("c"),
        data: Data(vec![0, 255, b'\n']),
        ..ConfigSpec::default()
    };
    let mut secret = SecretSpec {
        name: scratch.name("k"),
        data: Some(Redacted::new(vec![0, 254, b'?'])),
        ..SecretSpec::default()
    };
    let config_id = actuator.create_config(&config).await.unwrap().id;
    let secret_id = actuator.create_secret(&secret).await.unwrap().id;
    config.labels.insert("l".into(), "1".into());
    secret.labels.insert("l".into(), "1".into());

    let observed = observer.observe().await.unwrap();
    let live = observed.configs.iter().find(|live| live.id == config_id).unwrap();
    actuator.label_config(&live.id, live.version, &config).await.unwrap();
    let again = actuator.label_config(&live.id, live.version, &config).await;
    assert!(again.is_err_and(|error| error.is_conflict()));

    let live = observed.secrets.iter().find(|live| live.id == secret_id).unwrap();
    let wrong = Redacted::new(b"guess".to_vec());
    let refused = actuator.label_secret(&live.id, live.version, &secret, Some(&wrong)).await;
    assert!(matches!(refused.unwrap_err().failure, Failure::DataDiffers));
    actuator.label_secret(&live.id, live.version, &secret, secret.data.as_ref()).await.unwrap();

    let observed = observer.observe().await.unwrap();
    let live = observed.configs.iter().find(|live| live.id == config_id).unwrap();
    assert_eq!(live.spec, config);
    let live = observed.secrets.iter().find(|live| live.id == secret_id).unwrap();
    assert_eq!((&live.spec.labels, &live.spec.data), (&secret.labels, &None));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_may_have_happened() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let proxy = Proxy::before(&engine.url);
    let (observer, actuator) = begin(&proxy.url).await;
    proxy.inject(|call| call.writes().then_some(Fault::CutAfter));
    let config =
        ConfigSpec { name: scratch.name("c"), data: Data(b"x".to_vec()), ..ConfigSpec::default() };
    let lost = actuator.create_config(&config).await.unwrap_err();
    assert!(lost.is_of_engine(), "{lost:?}");
    assert_eq!(proxy.writes().len(), 1, "never tried twice");
    let observed = observer.observe().await.unwrap();
    assert!(observed.configs.iter().any(|live| live.spec.name == config.name));
}

#[tokio::test]
async fn what_the_engine_refuses_is_refused_in_its_words() {
    let Some(engine) = Engine::of_this_run() else { return };
    let scratch = Scratch::on(&engine);
    let (observer, actuator) = begin(&engine.url).await;
    let name = scratch.name("s");
    actuator.create_service(&spec(&name, json!({}))).await.unwrap();
    let observed = observer.observe().await.unwrap();
    let live = service(&observed, &name);
    let global = spec(&name, json!({"Mode": {"Global": {}}}));
    let error = actuator
        .update_service(&live.id, live.version, &live.raw, &global, RegistryAccess::Send)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), format!("cannot update service {name}"));
    let words = "the engine refused: service mode change is not allowed";
    assert_eq!(error.failure.to_string(), words);

    let lost = json!({"TaskTemplate": {"ContainerSpec": {"Secrets": [{"SecretName": "nowhere"}]}}});
    let error = actuator.create_service(&spec(&scratch.name("t"), lost)).await.unwrap_err();
    let words = "it refers to secret nowhere, which does not exist";
    assert_eq!(error.failure.to_string(), words);
}

#[tokio::test]
async fn a_registry_that_is_not_there_says_nothing_about_the_image() {
    let Some(engine) = Engine::of_this_run() else { return };
    let connection = engine.connect().await;
    let none = Credentials::default();
    let asked = resolve(&connection, &none, "127.0.0.1:9/a/b:1").await;
    assert!(matches!(asked, Err(ResolveError::Unavailable(_))), "{asked:?}");
    let asked = resolve(&connection, &none, "what is this").await;
    assert!(matches!(asked, Err(ResolveError::NotFound(_))), "{asked:?}");
}
