//! Routes before a real engine and a real Caddy: gated, repaired, and in nobody's way.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skep::proxy::Live;

use crate::caddy::Caddy;
use crate::engine::Engine;
use crate::running::Running;
use crate::stage::Stage;

/// The settings of a proxy that is this Caddy.
pub(crate) fn settings(caddy: &Caddy) -> String {
    format!(
        "proxy: {{admin: 'unix://{}/admin.sock', entry_points: {{http: {}, https: {}}}}}",
        caddy.folder().display(),
        caddy.http,
        caddy.https
    )
}

/// A stack file with one quick service and a route to it.
pub(crate) fn shop(tag: u32, replicas: u32, more: &str) -> String {
    format!(
        "services:
  web:
    image: skep-demo/web:{tag}
    deploy: {{ <<: *quick, replicas: {replicas} }}
    {more}
    x-skep: {{ routes: [{{ host: shop.example.com, tls: internal, port: 8080 }}] }}
"
    )
}

/// The routes of skep in Caddy, each with where it leads.
pub(crate) fn routes(live: &Live) -> Vec<String> {
    let shown = live.routes().map(|(id, object)| {
        let to = skep::proxy::target(object).unwrap_or_default();
        format!("{} to {to}", id.key)
    });
    shown.collect()
}

/// What others have in the same Caddy.
fn others() -> Value {
    let route = json!({ "match": [{ "host": ["other.example.org"] }], "handle": [{ "handler": "static_response" }] });
    json!({ "http": { "servers": { "mine": { "listen": ["127.0.0.1:0"], "routes": [route], "automatic_https": { "disable": true } } } } })
}

const LIST: &str = "/apps/http/servers/skep-https/routes";

#[tokio::test]
async fn a_route_comes_with_health_and_goes_before_its_service() {
    let Some(engine) = Engine::of_this_run() else { return };
    let Some(caddy) = Caddy::start(others()).await else { return };
    let before = caddy.live().await.config;
    let stage = Stage::on(&engine);
    stage.stack("shop", &shop(1, 2, ""));
    fs::write(stage.folder().join("skep.yaml"), settings(&caddy)).unwrap();
    let skep = |options: &[&str]| stage.apply(&[&["-c", "skep.yaml"], options].concat());

    let first = skep(&[]);
    first.ends(0, &["created route shop.example.com/*", "The service is healthy"]);
    let to = format!("shop.example.com/* to {}:8080", stage.name("shop_web"));
    assert_eq!(routes(&caddy.live().await), [to.clone()]);
    let loads = caddy.loads();
    skep(&[]).ends(0, &["No changes."]);
    assert_eq!(caddy.loads(), loads, "the second pass writes nothing");

    // A rolling update changes nothing in Caddy.
    stage.stack("shop", &shop(2, 2, ""));
    skep(&[]).ends(0, &[]);
    assert_eq!(caddy.loads(), loads);

    // One that cannot become healthy keeps its route.
    stage.stack("shop", &shop(2, 2, "command: [crash]"));
    assert_ne!(skep(&["--timeout", "10s"]).code, 0);
    assert_eq!(routes(&caddy.live().await), [to]);
    assert_eq!(caddy.loads(), loads);

    stage.stack("shop", &shop(3, 1, ""));
    skep(&[]).ends(0, &[]);
    let shop = stage.name("shop");
    let remove = ["remove", &shop, "--yes", "-c", "skep.yaml", "--path", "nothing"];
    fs::create_dir(stage.folder().join("nothing")).unwrap();
    let removed = stage.skep(&remove);
    removed.ends(0, &["removed route shop.example.com/*"]);
    let log = removed.text();
    let at = |words: &str| log.find(words).unwrap_or_else(|| panic!("{words} in {removed}"));
    assert!(at("removed route") < at("removed service"), "{removed}");
    let mut after = caddy.live().await.config;
    let apps = after["apps"].as_object_mut().unwrap();
    apps.remove("tls");
    for port in ["http_port", "https_port"] {
        apps["http"].as_object_mut().unwrap().remove(port);
    }
    assert_eq!(after, before, "nothing of others was touched, and nothing of skep is left");
}

#[tokio::test]
async fn a_service_that_never_becomes_healthy_gets_no_route() {
    let Some(engine) = Engine::of_this_run() else { return };
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &shop(1, 1, "command: [crash]"));
    fs::write(stage.folder().join("skep.yaml"), settings(&caddy)).unwrap();
    let run = stage.apply(&["-c", "skep.yaml", "--timeout", "10s"]);
    run.ends(4, &["route shop.example.com/*"]);
    assert_eq!(caddy.live().await.routes().count(), 0, "{run}");
}

#[tokio::test]
async fn without_a_caddy_everything_else_works_and_the_routes_say_why() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &shop(1, 1, ""));
    let run = stage.apply(&[]);
    run.ends(5, &["no proxy is configured", "--caddy", "The service is healthy"]);
    // A Caddy that is away is waited for, and keeps no service back.
    let nobody = format!("unix://{}/nobody.sock", stage.folder().display());
    stage.stack("shop", &shop(2, 1, ""));
    let run = stage.apply(&["--caddy", &nobody, "--no-wait"]);
    run.ends(4, &["updated service", "waits until routes can be compared"]);
}

#[tokio::test]
async fn whatever_happens_to_caddy_one_pass_repairs_it_and_leaves_the_rest() {
    let Some(engine) = Engine::of_this_run() else { return };
    let Some(mut caddy) = Caddy::start(others()).await else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &shop(1, 1, ""));
    let shop = stage.name("shop");
    let mut controller = Running::start(&stage, &settings(&caddy));
    controller.says("created route shop.example.com/*");
    controller.says(&format!("stack {shop} is Ready"));
    let wanted = caddy.live().await.config;
    let disturbances: [fn(&mut Value); 4] = [
        |config| drop(config.pointer_mut(LIST).unwrap().as_array_mut().unwrap().remove(0)),
        |config| config.pointer_mut(LIST).unwrap()[0]["handle"] = json!([{ "handler": "vars" }]),
        |config| config["apps"]["tls"] = json!({}),
        |config| {
            let foreign = json!({ "match": [{ "host": ["x.example.org"] }], "handle": [{ "handler": "vars" }] });
            let servers = &mut config["apps"]["http"]["servers"];
            servers["mine"]["routes"].as_array_mut().unwrap().push(foreign);
            servers.as_object_mut().unwrap().remove("skep-https");
        },
    ];
    for disturb in disturbances {
        caddy.put(disturb).await;
        let mut expected = wanted.clone();
        let mine = "/apps/http/servers/mine";
        *expected.pointer_mut(mine).unwrap() =
            caddy.live().await.config.pointer(mine).unwrap().clone();
        let loads = caddy.loads();
        until(&caddy, |config| *config == expected).await;
        assert_eq!(caddy.loads(), loads + 1, "in one write");
    }
    caddy.restart(json!({})).await;
    let server = "/apps/http/servers/skep-https";
    until(&caddy, |config| config.pointer(server) == wanted.pointer(server)).await;
}

/// Waits until the configuration of Caddy is as it `should_be`.
async fn until(caddy: &Caddy, should_be: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Ok(live) = caddy.admin().read().await
            && should_be(&live.config)
        {
            return;
        }
        assert!(Instant::now() < deadline, "not within 30 s; Caddy says\n{}", caddy.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
