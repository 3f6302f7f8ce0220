//! Ports of entry points on a real Caddy: changed and taken back where they are skep's, waited for where they are taken.

use serde_json::{Value, json};
use skep::proxy::{AdminError, MergeError, OwnServers, ProxyPolicy, Servers, compile, merge};

use super::caddy::{Caddy, free_port};
use super::stacks::{declared, fleet, pass, pass_of, routes};

fn stack() -> String {
    routes("    - {host: a.example.com, http_only: true, respond: a}")
}

/// What a Caddy begins with, as the example stack has it, on a port of this test.
fn example() -> Value {
    let text = include_str!("../../examples/stacks/caddy/base.json");
    let mut config: Value = serde_json::from_str(text).unwrap();
    let health = &mut config["apps"]["http"]["servers"]["health"];
    health["listen"] = json!([format!("127.0.0.1:{}", free_port())]);
    config["apps"].take()
}

fn on(caddy: &Caddy, plain: u16, tls: u16) -> ProxyPolicy {
    let own = OwnServers { http_port: plain, https_port: tls, ..OwnServers::default() };
    ProxyPolicy { servers: Servers::Own(own), ..caddy.policy() }
}

#[tokio::test]
async fn entry_points_of_the_example_can_be_changed_and_nothing_of_them_stays() {
    let Some(caddy) = Caddy::start(example()).await else { return };
    let before = caddy.live().await.config;
    assert!(pass(&caddy, &stack()).await.unwrap());
    let other = on(&caddy, free_port(), free_port());
    assert!(pass_of(&caddy, &declared(&stack()), &other).await.unwrap());
    assert!(!pass_of(&caddy, &declared(&stack()), &other).await.unwrap());
    let Servers::Own(own) = &other.servers else { unreachable!() };
    let answer = reqwest::Client::new()
        .get(format!("http://127.0.0.1:{}/", own.http_port))
        .header("host", "a.example.com")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.text().await.unwrap(), "a");
    let nothing = declared("services: {none: {image: none}}");
    assert!(pass_of(&caddy, &nothing, &other).await.unwrap());
    assert_eq!(caddy.live().await.config, before);
}

#[tokio::test]
async fn ports_by_which_servers_of_others_go_are_not_changed() {
    let route = json!({ "match": [{ "host": ["mine.example.org"] }], "handle": [{ "handler": "static_response" }] });
    let policy = json!({ "issuers": [{ "module": "internal" }] });
    let server = json!({ "listen": [format!("127.0.0.1:{}", free_port())], "routes": [route] });
    let apps = json!({
        "http": { "http_port": free_port(), "https_port": free_port(), "servers": { "srv0": server } },
        "tls": { "automation": { "policies": [policy] } },
    });
    let Some(caddy) = Caddy::start(apps).await else { return };
    let (live, policy) = (caddy.live().await, caddy.policy());
    let compiled = compile(&declared(&stack()), &fleet("default"), &policy, live.features);
    let refused = merge(&live, &compiled, &fleet("default"), &policy.servers, &|_| true);
    assert!(matches!(refused, Err(MergeError::OtherPorts { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_port_that_something_else_has_is_a_refusal_that_passes() {
    let Some((caddy, taken)) = Caddy::without_its_port().await else { return };
    let before = caddy.live().await.config;
    let error = pass(&caddy, &stack()).await.unwrap_err();
    assert!(matches!(error, AdminError::Refused { .. }) && error.is_passing(), "{error}");
    assert_eq!(caddy.live().await.config, before);
    drop(taken);
    assert!(pass(&caddy, &stack()).await.unwrap());
}
