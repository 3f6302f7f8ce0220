//! A thousand routes. With `SKEP_BENCH_ROUTES`, the directory for the numbers, what `scripts/bench` measures of them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use skep::model::desired::Desired;
use skep::proxy::{Live, Merged, RouteChange, compile, merge};

use super::caddy::Caddy;
use super::stacks::{declared, fleet};

const ROUTES: usize = 1000;

/// As many services with one route each; the last of them has this port.
fn thousand(last: u16) -> Desired {
    let mut text = "services:\n".to_owned();
    for number in 1..=ROUTES {
        let port = if number == ROUTES { last } else { 8080 };
        writeln!(
            text,
            "  s{number}:\n    image: acme/s{number}:1\n    x-skep:\n      routes: [{{host: s{number}.example.com, http_only: true, encode: true, port: {port}}}]"
        )
        .unwrap();
    }
    declared(&text)
}

/// What a pass decides: what differs, and the configuration to write.
fn decide(caddy: &Caddy, stack: &Desired, live: &Live) -> (Vec<RouteChange>, Merged) {
    let (fleet, policy) = (fleet("default"), caddy.policy());
    let compiled = compile(stack, &fleet, &policy, live.features);
    let changes = live.changes(&compiled.routes, |_| true);
    (changes, merge(live, &compiled, &fleet, &policy.servers, &|_| true).unwrap())
}

/// One pass: how many routes differ, and how long it took to decide, and to decide and write.
async fn pass(caddy: &Caddy, stack: &Desired) -> (usize, Duration) {
    let admin = caddy.admin();
    let live = admin.read().await.unwrap();
    let begun = Instant::now();
    let (changes, merged) = decide(caddy, stack, &live);
    if merged.is_changed {
        admin.write(&live, &merged.config).await.unwrap();
    }
    (changes.len(), begun.elapsed())
}

#[tokio::test]
async fn a_pass_that_changes_none_of_a_thousand_routes_asks_once_and_writes_nothing() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let stack = thousand(8080);
    let before = caddy.asked().len();
    assert_eq!(pass(&caddy, &stack).await.0, ROUTES);
    // Read, written, read back.
    assert_eq!(caddy.asked()[before..], ["GET", "POST", "GET"]);
    let before = caddy.asked().len();
    assert_eq!(pass(&caddy, &stack).await.0, 0);
    assert_eq!(caddy.asked()[before..], ["GET"]);
    assert_eq!(pass(&caddy, &thousand(9090)).await.0, 1);
}

#[tokio::test]
async fn what_a_thousand_routes_cost() {
    let Some(directory) = std::env::var_os("SKEP_BENCH_ROUTES").map(PathBuf::from) else { return };
    let turns = std::env::var("SKEP_BENCH_RUNS").map_or(11, |text| text.parse().unwrap());
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let (stack, other) = (thousand(8080), thousand(9090));
    let (mut all, mut one, mut none) = (String::new(), String::new(), String::new());
    for _ in 0..turns {
        for (series, stack, differ) in
            [(&mut all, &stack, ROUTES), (&mut none, &stack, 0), (&mut one, &other, 1)]
        {
            let (found, time) = pass(&caddy, stack).await;
            assert_eq!(found, differ);
            writeln!(series, "{}", time.as_micros()).unwrap();
        }
        caddy.put(|config| drop(config["apps"].as_object_mut().unwrap().remove("http"))).await;
    }
    for (name, series) in [("all", all), ("one", one), ("none", none)] {
        std::fs::write(directory.join(name), series).unwrap();
    }
}
