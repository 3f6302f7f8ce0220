//! Handlers that pass requests on.

use serde_json::{Map, Value, json};

use super::floors::Features;
use super::text::{filled, time};
use crate::model::nanos::Nanos;
use crate::model::route::{
    ActiveHealth, Balance, ExternalTarget, PassiveHealth, Policy, Scheme, ServiceTarget, Sticky,
    Timeouts,
};

/// How long a connection may take: tasks of a Swarm are near.
const DIAL: Nanos = Nanos::seconds(1);
/// How long another task is looked for.
const TRY: Nanos = Nanos::seconds(5);
/// How long open streams outlive a change of the configuration.
const STREAMS: Nanos = Nanos::seconds(300);

/// The handler that passes requests to a service. Names are dialled, never addresses, so that tasks come and go without
/// a change of the configuration.
pub(super) fn service(target: &ServiceTarget, features: Features) -> Value {
    let ServiceTarget { service, port, scheme, has_address, balance, active, passive, timeouts } =
        target;
    let mut handler = handler(*scheme, timeouts, features);
    if *has_address && !balance.by_task {
        handler.insert("upstreams".to_owned(), json!([{ "dial": format!("{service}:{port}") }]));
    } else {
        let upstreams = json!({
            "source": "a",
            "name": format!("tasks.{service}"),
            "port": port.to_string(),
            "refresh": "1s",
        });
        handler.insert("dynamic_upstreams".to_owned(), upstreams);
    }
    if is_tls(*scheme) {
        handler.insert("headers".to_owned(), seen_host("{http.request.hostport}"));
    }
    handler.insert("load_balancing".to_owned(), balancing(balance));
    let mut checks = Map::new();
    if let Some(active) = active {
        checks.insert("active".to_owned(), active_health(active));
    }
    if let Some(passive) = passive {
        checks.insert("passive".to_owned(), passive_health(passive));
    }
    if !checks.is_empty() {
        handler.insert("health_checks".to_owned(), checks.into());
    }
    handler.into()
}

/// The handler that passes requests to a server outside.
pub(super) fn external(target: &ExternalTarget, features: Features) -> Value {
    let ExternalTarget { host, port, scheme, keep_host, timeouts } = target;
    let mut handler = handler(*scheme, timeouts, features);
    handler.insert("upstreams".to_owned(), json!([{ "dial": format!("{host}:{port}") }]));
    let is_tls = is_tls(*scheme);
    let own = match (is_tls, port) {
        (true, 443) | (false, 80) => host.clone(),
        _ => format!("{host}:{port}"),
    };
    let seen = if *keep_host { "{http.request.hostport}" } else { &own };
    handler.insert("headers".to_owned(), seen_host(seen));
    if is_tls && let Some(tls) = handler.get_mut("transport").and_then(|t| t.get_mut("tls")) {
        tls["server_name"] = host.clone().into();
    }
    handler.into()
}

const fn is_tls(scheme: Scheme) -> bool {
    match scheme {
        Scheme::Https | Scheme::InsecureHttps => true,
        Scheme::Http | Scheme::H2c => false,
    }
}

/// The host that a target sees. For TLS it has to be said: 2.11 began to send the target's own by itself.
fn seen_host(seen: &str) -> Value {
    json!({ "request": { "set": { "Host": [seen] } } })
}

fn handler(scheme: Scheme, timeouts: &Timeouts, features: Features) -> Map<String, Value> {
    let Timeouts { dial, response, read, write, stream_close } = timeouts;
    let mut transport = Map::new();
    transport.insert("protocol".to_owned(), "http".into());
    transport.insert("dial_timeout".to_owned(), time(dial.unwrap_or(DIAL)));
    let limits =
        [("response_header_timeout", response), ("read_timeout", read), ("write_timeout", write)];
    for (key, limit) in limits {
        if let Some(limit) = limit {
            transport.insert(key.to_owned(), time(*limit));
        }
    }
    match scheme {
        Scheme::Http => {}
        Scheme::Https => {
            transport.insert("tls".to_owned(), json!({}));
        }
        Scheme::InsecureHttps => {
            transport.insert("tls".to_owned(), json!({ "insecure_skip_verify": true }));
        }
        Scheme::H2c => {
            transport.insert("versions".to_owned(), json!(["h2c", "2"]));
        }
    }
    let mut handler = Map::new();
    handler.insert("handler".to_owned(), "reverse_proxy".into());
    handler.insert("transport".to_owned(), transport.into());
    if features.is_modern {
        let delay = stream_close.unwrap_or(STREAMS);
        handler.insert("stream_close_delay".to_owned(), time(delay));
    }
    handler
}

fn balancing(balance: &Balance) -> Value {
    let Balance { policy, by_task: _, retries, try_duration } = balance;
    let mut balancing = json!({ "try_duration": time(try_duration.unwrap_or(TRY)) });
    if let Some(policy) = policy {
        balancing["selection_policy"] = match policy {
            Policy::Random => json!({ "policy": "random" }),
            Policy::RoundRobin => json!({ "policy": "round_robin" }),
            Policy::FewestRequests => json!({ "policy": "least_conn" }),
            Policy::First => json!({ "policy": "first" }),
            Policy::IpHash => json!({ "policy": "ip_hash" }),
            Policy::UriHash => json!({ "policy": "uri_hash" }),
            Policy::Sticky(Sticky { cookie }) => json!({ "policy": "cookie", "name": cookie }),
        };
    }
    if let Some(retries) = retries {
        balancing["retries"] = (*retries).into();
    }
    balancing
}

fn active_health(check: &ActiveHealth) -> Value {
    let ActiveHealth { path, interval, timeout, status, host } = check;
    let mut active = json!({ "uri": path, "expect_status": status.unwrap_or(2) });
    for (key, limit) in [("interval", interval), ("timeout", timeout)] {
        if let Some(limit) = limit {
            active[key] = time(*limit);
        }
    }
    if let Some(host) = host {
        active["headers"] = json!({ "Host": [filled(host)] });
    }
    active
}

fn passive_health(check: &PassiveHealth) -> Value {
    let PassiveHealth { fail_duration, max_fails, status } = check;
    let mut passive = json!({});
    if let Some(duration) = fail_duration {
        passive["fail_duration"] = time(*duration);
    }
    if let Some(fails) = max_fails {
        passive["max_fails"] = (*fails).into();
    }
    if !status.is_empty() {
        passive["unhealthy_status"] = status.clone().into();
    }
    passive
}
