//! Routes before a real engine and a real Caddy: gated, repaired, and in nobody's way.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skep::proxy::Live;

use crate::caddy::Caddy;
use crate::engine::Engine;
use crate::running::Running;
use crate::stage::{Run, Stage};

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

/// What somebody does to the configuration of Caddy.
type Disturbance = fn(&mut Value);

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
    assert_eq!(routes(&caddy.live().await), std::slice::from_ref(&to));
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
    after["apps"].as_object_mut().unwrap().remove("tls");
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
    run.ends(0, &["no proxy is configured", "--caddy", "The service is healthy"]);
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
    fs::write(stage.folder().join("skep.yaml"), settings(&caddy)).unwrap();
    stage.apply_well(&["-c", "skep.yaml"]);
    let wanted = caddy.live().await.config;
    let disturbances: [(Disturbance, &str); 4] = [
        (
            |config| drop(config.pointer_mut(LIST).unwrap().as_array_mut().unwrap().remove(0)),
            "created route shop.example.com/*",
        ),
        (
            |config| {
                config.pointer_mut(LIST).unwrap()[0]["handle"] = json!([{ "handler": "vars" }]);
            },
            "updated route shop.example.com/*",
        ),
        (|config| config["apps"]["tls"] = json!({}), "updated proxy caddy"),
        (
            |config| {
                let foreign = json!({ "match": [{ "host": ["x.example.org"] }], "handle": [{ "handler": "vars" }] });
                let servers = &mut config["apps"]["http"]["servers"];
                servers["mine"]["routes"].as_array_mut().unwrap().push(foreign);
                servers.as_object_mut().unwrap().remove("skep-https");
            },
            "created route shop.example.com/*",
        ),
    ];
    for (disturb, words) in disturbances {
        caddy.put(disturb).await;
        let mine = "/apps/http/servers/mine";
        let mut expected = wanted.clone();
        *expected.pointer_mut(mine).unwrap() =
            caddy.live().await.config.pointer(mine).unwrap().clone();
        let loads = caddy.loads();
        let run = stage.apply_well(&["-c", "skep.yaml"]);
        run.ends(0, &[words]);
        assert_eq!(caddy.live().await.config, expected, "{run}");
        assert_eq!(caddy.loads(), loads + 1, "in one write: {run}");
    }
    let plan = stage.plan(&["-c", "skep.yaml"]);
    assert_eq!(plan["summary"]["routes"], 0, "{plan:#}");

    // The controller finds out by itself.
    let sources = "sources: [{name: cli, path: stacks}]\nresolve_image: never";
    let text = format!("{sources}\n{}\n", settings(&caddy));
    fs::write(stage.folder().join("skep.yaml"), text).unwrap();
    let mut controller = Running::spawn(&stage, stage.command(&["run", "-vv", "-c", "skep.yaml"]));
    controller.says(&format!("stack {} is Ready", stage.name("shop")));
    caddy.restart(json!({})).await;
    let server = "/apps/http/servers/skep-https";
    until(&caddy, |config| config.pointer(server) == wanted.pointer(server)).await;
    controller.says("created route shop.example.com/*");
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

#[tokio::test]
async fn what_caddy_refuses_is_left_out_with_its_words_and_the_rest_goes_through() {
    let Some(engine) = Engine::of_this_run() else { return };
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let stage = Stage::on(&engine);
    let raw = "x-skep: { routes: [{ host: raw.example.com, http_only: true, caddy: [{ handler: no_such_handler }] }] }\n";
    stage.stack("shop", &format!("{raw}{}", shop(1, 1, "")));
    let settings = settings(&caddy).replace("proxy: {", "proxy: {raw: true, ");
    fs::write(stage.folder().join("skep.yaml"), settings).unwrap();
    let run = stage.apply(&["-c", "skep.yaml"]);
    run.ends(1, &["created route shop.example.com/*", "no_such_handler", "built with this module"]);
    assert_eq!(caddy.live().await.routes().count(), 1, "{run}");
    // Corrected, it goes out.
    stage.stack("shop", &format!("{}{}", raw.replace("no_such_handler", "vars"), shop(1, 1, "")));
    stage.apply_well(&["-c", "skep.yaml"]);
    assert_eq!(caddy.live().await.routes().count(), 2);
}

#[tokio::test]
async fn a_saved_plan_is_stale_once_somebody_has_edited_its_route() {
    let Some(engine) = Engine::of_this_run() else { return };
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &shop(1, 1, ""));
    fs::write(stage.folder().join("skep.yaml"), settings(&caddy)).unwrap();
    stage.apply_well(&["-c", "skep.yaml"]);
    stage.stack("shop", &shop(1, 1, "").replace("port: 8080", "port: 8080, hsts: true"));
    let plan = ["plan", "stacks", "-c", "skep.yaml", "--resolve-image", "never", "--out", "p.plan"];
    stage.skep(&plan).ends(0, &["1 route"]);
    caddy.put(|config| config.pointer_mut(LIST).unwrap()[0]["terminal"] = false.into()).await;
    let loads = caddy.loads();
    stage.skep(&["apply", "p.plan", "--yes"]).ends(3, &["route shop.example.com/*", "terminal"]);
    assert_eq!(caddy.loads(), loads);
    stage.skep(&plan).ends(0, &[]);
    stage.skep(&["apply", "p.plan", "--yes"]).ends(0, &["updated route shop.example.com/*"]);
}

#[tokio::test]
async fn two_skeps_and_a_person_write_at_once_and_nobody_loses_anything() {
    let Some(engine) = Engine::of_this_run() else { return };
    let server =
        json!({ "listen": ["127.0.0.1:0"], "routes": [], "automatic_https": { "disable": true } });
    let apps = json!({ "http": { "servers": { "srv0": server } } });
    let Some(caddy) = Caddy::start(apps).await else { return };
    let stages = [Stage::on(&engine), Stage::on(&engine)];
    let admin = format!("unix://{}/admin.sock", caddy.folder().display());
    let mut runs = Vec::new();
    for (stage, host) in stages.iter().zip(["one.example.com", "two.example.com"]) {
        let text = shop(1, 1, "").replace("shop.example.com, tls: internal", host);
        stage.stack("shop", &text);
        let settings = format!("proxy: {{admin: '{admin}', server: srv0}}\n");
        fs::write(stage.folder().join("skep.yaml"), settings).unwrap();
        let arguments = ["apply", "stacks", "--yes", "--resolve-image", "never", "-c", "skep.yaml"];
        let mut command = stage.command(&arguments);
        runs.push(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    }
    let mut count = 4096;
    while runs.iter_mut().any(|run| run.try_wait().unwrap().is_none()) {
        // As a person with curl does: read, change, write if nobody else has.
        if let Ok(live) = caddy.admin().read().await {
            let mut config = live.config.clone();
            config["apps"]["http"]["servers"]["srv0"]["max_header_bytes"] = json!(count + 1);
            if caddy.admin().write(&live, &config).await.is_ok() {
                count += 1;
            }
        }
        // Whoever never lets the others write has them give up, which is another test's concern.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    for run in runs {
        let run = Run::of(run.wait_with_output().unwrap(), &["apply"]);
        assert_eq!(run.code, 0, "{run}");
    }
    let live = caddy.live().await;
    let mut hosts: Vec<String> = live.routes().map(|(id, _)| id.key.host.to_string()).collect();
    hosts.sort();
    assert_eq!(hosts, ["one.example.com", "two.example.com"]);
    let bytes = &live.config["apps"]["http"]["servers"]["srv0"]["max_header_bytes"];
    assert_eq!(*bytes, count, "the person's last change is there");
    assert!(count > 4096);
}
