//! Several writers at once: nobody's change is lost.

use serde_json::json;
use skep::proxy::{AdminError, ProxyPolicy, Servers, compile, merge};

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

/// How often each of them changes something.
const ROUNDS: usize = 15;

/// The stack of this many routes.
fn growing(name: &str, count: usize) -> String {
    let route = |number| format!("    - {{host: {name}{number}.example.com, respond: {name}}}\n");
    routes(&(0..count).map(route).collect::<String>())
}

/// One more route each round, written until a write is not stale, as passes do it.
async fn skep(caddy: &Caddy, name: &str) {
    let fleet = fleet(name);
    // Both write into one server, as into one that somebody else made.
    let servers = Servers::Attached { https: "srv0".to_owned(), http: None };
    let policy = ProxyPolicy { servers: servers.clone(), ..caddy.policy() };
    let admin = caddy.admin();
    for count in 1..=ROUNDS {
        let stack = declared(&growing(name, count));
        loop {
            let Ok(live) = admin.read().await else { continue };
            let compiled = compile(&stack, &fleet, &policy, live.features);
            let merged = merge(&live, &compiled, &fleet, &servers, &|_| true).unwrap();
            match admin.write(&live, &merged.config).await {
                Ok(_) => break,
                // Every write makes Caddy open its admin API anew, which cuts the connections of others.
                Err(error) => assert!(error.is_passing(), "{error}"),
            }
        }
    }
}

/// One more route each round, added by a request that asks nobody.
async fn person(caddy: &Caddy) {
    let socket = caddy.folder().join("admin.sock");
    let client =
        reqwest::Client::builder().unix_socket(socket).pool_max_idle_per_host(0).build().unwrap();
    for count in 0..ROUNDS {
        let id = format!("person{count}");
        let route = json!({ "@id": id, "match": [{ "host": [format!("{id}.example.org")] }] });
        loop {
            let list = "http://127.0.0.1/config/apps/http/servers/srv0/routes";
            let added = client.post(list).header("host", "").json(&route).send().await;
            // An answer that is lost says nothing about the route.
            let id = format!("http://127.0.0.1/id/{id}");
            match added {
                Ok(answer) => {
                    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
                    break;
                }
                Err(_) => match client.get(id).header("host", "").send().await {
                    Ok(answer) if answer.status() == 200 => break,
                    _ => {}
                },
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_fleets_and_a_person_write_at_once_and_everything_is_there() {
    let server = json!({
        "listen": ["127.0.0.1:0"],
        "routes": [{ "match": [{ "host": ["first.example.org"] }] }],
        "automatic_https": { "disable": true },
    });
    let Some(caddy) = Caddy::start(json!({ "http": { "servers": { "srv0": server } } })).await
    else {
        return;
    };
    tokio::join!(skep(&caddy, "one"), skep(&caddy, "two"), person(&caddy));
    let live = caddy.live().await;
    for name in ["one", "two"] {
        let hosts = live.routes().filter(|(id, _)| id.fleet.as_str() == name);
        let mut hosts: Vec<String> = hosts.map(|(id, _)| id.key.host.to_string()).collect();
        let mut wanted: Vec<String> =
            (0..ROUNDS).map(|number| format!("{name}{number}.example.com")).collect();
        hosts.sort();
        wanted.sort();
        assert_eq!(hosts, wanted);
    }
    let routes = live.config["apps"]["http"]["servers"]["srv0"]["routes"].as_array().unwrap();
    let ids = routes.iter().filter_map(|route| route["@id"].as_str());
    let by_hand: Vec<&str> = ids.filter(|id| id.starts_with("person")).collect();
    let wanted: Vec<String> = (0..ROUNDS).map(|number| format!("person{number}")).collect();
    assert_eq!(by_hand, wanted);
}
