//! Whatever happens to Caddy's configuration: one pass repairs skep's part and leaves the rest.

use serde_json::{Value, json};
use skep::proxy::{AdminError, Features, Servers, Verb};

use super::caddy::{Caddy, Setup};
use super::stacks::{compiled, declared, foreign, pass, pass_of, routes};

fn stack() -> String {
    routes(
        "    - {host: a.example.com, tls: internal, respond: a}
    - {host: a.example.com, path: /b, respond: b}
    - {host: plain.example.com, http_only: true, respond: plain}",
    )
}

/// What somebody else has in the same Caddy.
fn others() -> Value {
    let route = json!({ "match": [{ "host": ["other.example.org"] }], "handle": [{ "handler": "static_response" }] });
    json!({ "http": { "servers": { "mine": { "listen": ["127.0.0.1:0"], "routes": [route], "automatic_https": { "disable": true } } } } })
}

/// What is told of the difference between Caddy and the stack.
async fn changes(caddy: &Caddy) -> Vec<(Verb, String)> {
    let live = caddy.live().await;
    let wanted = compiled(&stack(), &caddy.policy(), live.features);
    let changes = live.changes(&wanted.routes, |_| true);
    changes.into_iter().map(|change| (change.verb, change.id.key.to_string())).collect()
}

#[tokio::test]
async fn the_second_pass_writes_nothing_and_removal_leaves_nothing() {
    let Some(caddy) = Caddy::start(others()).await else { return };
    let before = caddy.live().await.config;
    assert!(pass(&caddy, &stack()).await.unwrap());
    let loads = caddy.loads();
    assert!(!pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.loads(), loads);
    let mut between = foreign(&caddy.live().await.config);
    between["apps"].as_object_mut().unwrap().remove("tls");
    for key in ["@id", "http_port", "https_port"] {
        between["apps"]["http"].as_object_mut().unwrap().remove(key).unwrap();
    }
    assert_eq!(between, before);
    assert!(pass(&caddy, "services: {none: {image: none}}").await.unwrap());
    let after = caddy.live().await;
    assert_eq!(after.routes().count(), 0);
    assert_eq!(after.config["apps"]["http"], before["apps"]["http"]);
}

#[tokio::test]
async fn a_route_that_is_deleted_or_edited_is_put_back_and_one_that_is_added_stays() {
    let Some(caddy) = Caddy::start(others()).await else { return };
    pass(&caddy, &stack()).await.unwrap();
    let wanted = caddy.live().await.config;
    let list = "/apps/http/servers/skep-https/routes";
    caddy
        .put(|config| drop(config.pointer_mut(list).unwrap().as_array_mut().unwrap().remove(0)))
        .await;
    assert_eq!(changes(&caddy).await, [(Verb::Create, "a.example.com/b/*".to_owned())]);
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);

    caddy
        .put(|config| config.pointer_mut(list).unwrap()[1]["handle"][0]["body"] = "x".into())
        .await;
    assert_eq!(changes(&caddy).await, [(Verb::Update, "a.example.com/*".to_owned())]);
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);

    caddy.put(|config| config.pointer_mut(list).unwrap().as_array_mut().unwrap().reverse()).await;
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);

    caddy.put(|config| config["apps"]["tls"]["automation"]["policies"] = json!([])).await;
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);

    let added = json!({ "match": [{ "host": ["x.example.org"] }], "handle": [{ "handler": "static_response" }] });
    caddy
        .put(|config| {
            config.pointer_mut(list).unwrap().as_array_mut().unwrap().insert(0, added.clone());
        })
        .await;
    assert_eq!(changes(&caddy).await, []);
    pass(&caddy, &stack()).await.unwrap();
    assert!(!pass(&caddy, &stack()).await.unwrap());
    let live = caddy.live().await.config;
    assert!(live.pointer(list).unwrap().as_array().unwrap().contains(&added));
}

#[tokio::test]
async fn a_caddy_that_is_emptied_or_starts_anew_gets_everything_back() {
    let Some(mut caddy) = Caddy::start(others()).await else { return };
    pass(&caddy, &stack()).await.unwrap();
    let wanted = caddy.live().await.config;
    caddy.put(|config| drop(config.as_object_mut().unwrap().remove("apps"))).await;
    assert_eq!(changes(&caddy).await.len(), 3);
    assert!(pass(&caddy, &stack()).await.unwrap());
    let live = caddy.live().await.config;
    let servers = |config: &Value, name: &str| config["apps"]["http"]["servers"][name].clone();
    assert_eq!(servers(&live, "skep-https"), servers(&wanted, "skep-https"));
    assert_eq!(servers(&live, "skep-http"), servers(&wanted, "skep-http"));
    assert_eq!(live["admin"], wanted["admin"]);

    caddy.restart(others()).await;
    assert_eq!(changes(&caddy).await.len(), 3);
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);
}

#[tokio::test]
async fn a_caddy_that_resumes_an_old_configuration_is_brought_up_to_date() {
    let Some(mut caddy) = Caddy::start(others()).await else { return };
    pass(&caddy, &routes("    - {host: old.example.com, tls: internal, respond: old}"))
        .await
        .unwrap();
    let old = caddy.live().await.config;
    pass(&caddy, &stack()).await.unwrap();
    let wanted = caddy.live().await.config;
    caddy.restart_with(Setup { apps: others(), resumed: Some(&old), ..Setup::default() }).await;
    assert_eq!(caddy.live().await.config, old);
    let verbs: Vec<Verb> = changes(&caddy).await.into_iter().map(|(verb, _)| verb).collect();
    assert_eq!(verbs, [Verb::Create, Verb::Create, Verb::Create, Verb::Remove]);
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);
}

#[tokio::test]
async fn routes_that_were_moved_to_another_server_are_taken_out_of_it() {
    let Some(caddy) = Caddy::start(others()).await else { return };
    pass(&caddy, &stack()).await.unwrap();
    let wanted = caddy.live().await.config;
    caddy
        .put(|config| {
            let servers = &mut config["apps"]["http"]["servers"];
            let route = servers["skep-https"]["routes"].as_array_mut().unwrap().remove(0);
            servers["mine"]["routes"].as_array_mut().unwrap().push(route);
        })
        .await;
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);

    // As when the settings name other servers from now on.
    let servers = Servers::Attached { https: "mine".to_owned(), http: Some("mine".to_owned()) };
    let attached = skep::proxy::ProxyPolicy { servers, ..caddy.policy() };
    assert!(pass_of(&caddy, &declared(&stack()), &attached).await.unwrap());
    let live = caddy.live().await;
    assert_eq!(live.routes().count(), 3);
    let servers = live.config["apps"]["http"]["servers"].as_object().unwrap();
    assert_eq!(servers.keys().collect::<Vec<_>>(), ["mine"]);
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);
}

#[tokio::test]
async fn a_server_that_is_edited_or_gone_is_made_anew() {
    let Some(caddy) = Caddy::start(others()).await else { return };
    pass(&caddy, &stack()).await.unwrap();
    let wanted = caddy.live().await.config;
    caddy
        .put(|config| {
            config["apps"]["http"]["servers"]["skep-https"]["strict_sni_host"] = true.into();
        })
        .await;
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);
    caddy
        .put(|config| {
            let servers = config["apps"]["http"]["servers"].as_object_mut().unwrap();
            servers.remove("skep-http").unwrap();
        })
        .await;
    assert!(pass(&caddy, &stack()).await.unwrap());
    assert_eq!(caddy.live().await.config, wanted);
}

#[tokio::test]
async fn a_refused_configuration_changes_nothing_and_caddy_says_why() {
    let Some(caddy) = Caddy::start(others()).await else { return };
    pass(&caddy, &stack()).await.unwrap();
    let before = caddy.live().await.config;
    let raw = routes("    - {host: a.example.com, caddy: [{handler: replace_response}]}");
    let refused = pass(&caddy, &raw).await.unwrap_err();
    let AdminError::Refused { words, needed, .. } = refused else { panic!("{refused}") };
    assert!(words.contains("unknown module: http.handlers.replace_response"), "{words}");
    assert!(needed.unwrap().contains("this module"));
    assert_eq!(caddy.live().await.config, before);
}

#[tokio::test]
async fn an_old_caddy_is_told_by_its_trailer_and_takes_what_it_is_given() {
    let Some(caddy) = Caddy::start(others()).await else { return };
    let live = caddy.live().await;
    let version = std::process::Command::new(std::env::var_os("SKEP_TEST_CADDY").unwrap())
        .arg("version")
        .output()
        .unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let is_old = version.trim_start_matches('v').starts_with("2.6");
    assert_eq!(live.features, if is_old { Features::OLD } else { Features::MODERN }, "{version}");
    assert!(live.etag.is_some());
    if is_old {
        // What a modern one is given is refused with the version that is needed.
        let text =
            "services: {web: {image: nginx, x-skep: {routes: [{host: a.example.com, port: 80}]}}}";
        let modern = compiled(text, &caddy.policy(), Features::MODERN);
        let servers = caddy.policy().servers;
        let fleet = super::stacks::fleet("default");
        let merged = skep::proxy::merge(&live, &modern, &fleet, &servers, &|_| true).unwrap();
        let refused = caddy.admin().write(&live, &merged.config).await.unwrap_err();
        let AdminError::Refused { words, needed, .. } = refused else { panic!("{refused}") };
        assert_eq!(needed, Some("Caddy 2.7 or newer"), "{words}");
        assert!(pass(&caddy, text).await.unwrap());
    }
}
