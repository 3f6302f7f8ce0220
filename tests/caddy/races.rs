//! Several writers at once: nobody's change is lost.

use serde_json::json;
use skep::proxy::{AdminError, compile, merge};

use super::caddy::Caddy;
use super::stacks::{declared, fleet, pass, routes};

#[tokio::test]
async fn what_was_changed_in_between_is_not_written_over() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let stack = routes("    - {host: a.example.com, tls: internal, respond: a}");
    let admin = caddy.admin();
    let live = admin.read().await.unwrap();
    let compiled = super::stacks::compiled(&stack, &caddy.policy(), live.features);
    let servers = caddy.policy().servers;
    let merged = merge(&live, &compiled, &fleet("default"), &servers, &|_| true).unwrap();

    caddy.put(|config| config["apps"]["http"]["grace_period"] = json!("7s")).await;
    let stale = admin.write(&live, &merged.config).await.unwrap_err();
    assert!(matches!(stale, AdminError::Stale { .. }), "{stale}");

    assert!(pass(&caddy, &stack).await.unwrap());
    let config = caddy.live().await.config;
    assert_eq!(config["apps"]["http"]["grace_period"], "7s");
    assert_eq!(caddy.live().await.routes().count(), 1);
}

/// Repeats until a write is not stale, as passes do.
async fn until_written(caddy: &Caddy, fleet_name: &str, text: &str) {
    loop {
        let admin = caddy.admin();
        let Ok(live) = admin.read().await else { continue };
        let policy = caddy.policy();
        let fleet = fleet(fleet_name);
        let compiled = compile(&declared(text), &fleet, &policy, live.features);
        // Both write into one server, as in one that somebody else made.
        let servers = skep::proxy::Servers::Attached { https: "srv0".to_owned(), http: None };
        let merged = merge(&live, &compiled, &fleet, &servers, &|_| true).unwrap();
        match admin.write(&live, &merged.config).await {
            Ok(_) => return,
            Err(error) if is_passing(&error) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Whether the next pass goes on as if nothing had been. Every write makes Caddy open its admin API anew, which cuts the
/// connections of others.
fn is_passing(error: &AdminError) -> bool {
    matches!(
        error,
        AdminError::Stale { .. } | AdminError::Lost { .. } | AdminError::Unreachable { .. }
    )
}

#[tokio::test]
async fn two_fleets_and_a_person_write_at_once_and_everything_is_there() {
    let server =
        json!({ "listen": ["127.0.0.1:0"], "routes": [], "automatic_https": { "disable": true } });
    let Some(caddy) = Caddy::start(json!({ "http": { "servers": { "srv0": server } } })).await
    else {
        return;
    };
    let a = routes("    - {host: a.example.com, respond: a}");
    let b = routes("    - {host: b.example.com, respond: b}");
    let person = async {
        for count in 1..=5 {
            loop {
                let Ok(live) = caddy.admin().read().await else { continue };
                let mut config = live.config.clone();
                config["apps"]["http"]["servers"]["srv0"]["max_header_bytes"] = json!(4096 + count);
                match caddy.admin().write(&live, &config).await {
                    Ok(_) => break,
                    Err(error) if is_passing(&error) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    };
    tokio::join!(until_written(&caddy, "one", &a), until_written(&caddy, "two", &b), person);
    let live = caddy.live().await;
    let fleets: Vec<String> = live.routes().map(|(id, _)| id.fleet.to_string()).collect();
    assert_eq!(fleets, ["one", "two"]);
    assert_eq!(live.config["apps"]["http"]["servers"]["srv0"]["max_header_bytes"], 4101);
}
