//! Laws of compiling and merging, on random routes and configurations.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{fleet, live};
use crate::model::desired::{Desired, DesiredStack};
use crate::model::name::StackName;
use crate::model::place::Place;
use crate::model::route::{
    Action, DesiredRoute, HostPattern, PathPattern, Respond, RouteHost, RouteKey, RouteSpec, Tls,
};
use crate::proxy::{Compiled, Features, ProxyPolicy, Servers, compile, merge};

const HOSTS: [&str; 5] =
    ["a.example.com", "b.example.com", "*.example.com", "*.b.example.com", "*"];
const PATHS: [&str; 5] = ["/", "/api", "/api/v1", "/apix", "/~odd:path@"];
const STACKS: [&str; 3] = ["shop", "zoo", "a_b"];

fn route() -> impl Strategy<Value = (StackName, DesiredRoute)> {
    let tls = select(vec![None, Some(Tls::Automatic), Some(Tls::Internal)]);
    (select(&STACKS), select(&HOSTS), select(&PATHS), any::<bool>(), tls, 200u16..210).prop_map(
        |(stack, host, path, exact, tls, status)| {
            let host = HostPattern::parse(host).unwrap();
            let tls = tls.filter(|_| host != HostPattern::Any);
            let spec = RouteSpec {
                http_only: tls.is_none() && status % 3 == 0,
                tls,
                ..RouteSpec::of(Action::Respond(Respond { status, body: None }))
            };
            let path = if exact { PathPattern::exact(path) } else { PathPattern::prefix(path) };
            let place = Place::file("stack.yaml");
            let host = RouteHost::Named(host);
            (stack.parse().unwrap(), DesiredRoute { host, path: path.unwrap(), spec, place })
        },
    )
}

/// The world of these routes; of two for one host and path in one stack the first, as `check` wants it.
fn world(routes: &[(StackName, DesiredRoute)]) -> Desired {
    let mut stacks: BTreeMap<StackName, DesiredStack> = BTreeMap::new();
    for (name, route) in routes {
        let empty = || DesiredStack::empty(name.as_str());
        let stack = stacks.entry(name.clone()).or_insert_with(empty);
        let is_same = |other: &DesiredRoute| other.host == route.host;
        let tls = stack.routes.iter().find(|other| is_same(other)).map(|r| r.spec.tls.clone());
        if !stack.routes.iter().any(|other| is_same(other) && other.path == route.path) {
            let mut route = route.clone();
            route.spec.tls = tls.unwrap_or(route.spec.tls);
            stack.routes.push(route);
        }
    }
    Desired { stacks }
}

fn foreign() -> impl Strategy<Value = Value> {
    let route = select(vec![
        json!({ "match": [{ "host": ["x.example.org"] }], "handle": [] }),
        json!({ "@id": "mine", "match": [{ "path": ["/x"] }], "handle": [] }),
        json!({ "@id": "skep:other:shop:https:a.example.com~*", "handle": [] }),
        json!({ "handle": [{ "handler": "vars" }] }),
    ]);
    let routes = prop::collection::vec(route, 0..4);
    let tls = select(vec![
        Value::Null,
        json!({}),
        json!({ "automation": { "policies": [{ "issuers": [] }] } }),
        json!({ "automation": { "policies": [{ "subjects": ["a.example.com"] }], "on_demand": {} } }),
        json!({ "certificates": { "load_files": [] } }),
    ]);
    (routes, tls, any::<bool>()).prop_map(|(mut routes, tls, is_empty)| {
        if is_empty {
            return Value::Null;
        }
        routes.dedup_by(|a, b| a.get("@id").is_some() && a.get("@id") == b.get("@id"));
        let servers = json!({ "srv0": { "listen": [":443"], "routes": routes } });
        let mut config = json!({
            "admin": { "listen": "unix//x" },
            "apps": { "http": { "servers": servers }, "pki": {} },
        });
        if !tls.is_null() {
            config["apps"]["tls"] = tls;
        }
        config
    })
}

fn compiled(routes: &[(StackName, DesiredRoute)]) -> Compiled {
    compile(&world(routes), &fleet(), &ProxyPolicy::default(), Features::MODERN)
}

/// A configuration without objects and lists that say nothing.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), pruned(value)))
            .filter(|(_, value)| {
                !matches!(value, Value::Null) && *value != json!({}) && *value != json!([])
            })
            .collect(),
        other => other.clone(),
    }
}

/// What stands in a configuration and is no skep's; the names that Caddy is told to get certificates for are, in these. Routes
/// of all fleets stand in one order.
fn without_skeps(value: &Value) -> Value {
    match value {
        Value::Array(items) => items
            .iter()
            .filter(|item| {
                let id = item.get("@id").and_then(Value::as_str).unwrap_or_default();
                !id.starts_with("skep:")
            })
            .map(without_skeps)
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "automate")
            .map(|(key, value)| (key.clone(), without_skeps(value)))
            .collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn the_order_of_declarations_changes_nothing(
        routes in prop::collection::vec(route(), 0..20),
        swaps in prop::collection::vec((any::<Index>(), any::<Index>()), 0..20),
    ) {
        // Of two of one stack for one host and path the first counts, so only one of each may be moved.
        let mut unique: Vec<(StackName, DesiredRoute)> = Vec::new();
        for (stack, route) in routes {
            if !unique.iter().any(|(s, r)| *s == stack && r.host == route.host) {
                unique.push((stack, route));
            }
        }
        let before = compiled(&unique);
        let mut moved = unique.clone();
        for (a, b) in swaps {
            if !moved.is_empty() {
                let (a, b) = (a.index(moved.len()), b.index(moved.len()));
                moved.swap(a, b);
            }
        }
        prop_assert_eq!(before, compiled(&moved));
    }

    #[test]
    fn routes_stand_in_the_order_in_which_caddy_has_to_ask(
        routes in prop::collection::vec(route(), 0..20),
    ) {
        let compiled = compiled(&routes);
        for pair in compiled.routes.windows(2) {
            let [first, second] = pair else { continue };
            if first.id.entry == second.id.entry {
                let RouteKey { host, path } = &second.id.key;
                let hides = first.id.key.host.covers(host) && first.id.key.host != *host;
                prop_assert!(!hides, "{} before {}", first.id, second.id);
                let longer = first.id.key.path.as_str().len() >= path.as_str().len();
                prop_assert!(first.id.key.host != *host || longer);
            }
        }
        let ids: std::collections::BTreeSet<String> =
            compiled.routes.iter().map(|route| route.id.to_string()).collect();
        prop_assert_eq!(ids.len(), compiled.routes.len());
    }

    #[test]
    fn merging_twice_changes_nothing_and_others_keep_what_they_have(
        routes in prop::collection::vec(route(), 0..12),
        config in foreign(),
    ) {
        let compiled = compiled(&routes);
        let is_empty = config.is_null();
        let servers = if is_empty {
            ProxyPolicy::default().servers
        } else {
            Servers::Attached { https: "srv0".to_owned(), http: None }
        };
        let all = |_: &StackName| true;
        let first = merge(&live(config.clone()), &compiled, &fleet(), &servers, &all).unwrap();
        let again = merge(&live(first.config.clone()), &compiled, &fleet(), &servers, &all).unwrap();
        prop_assert!(!again.is_changed);
        prop_assert_eq!(&again.config, &first.config);
        if !is_empty {
            prop_assert_eq!(pruned(&without_skeps(&first.config)), pruned(&without_skeps(&config)));
            let of_others = |config: &Value| {
                let ids = live(config.clone());
                ids.routes().filter(|(id, _)| id.fleet != fleet()).count()
            };
            prop_assert_eq!(of_others(&first.config), of_others(&config));
        }
        let gone = merge(&live(first.config), &Compiled::default(), &fleet(), &servers, &all).unwrap();
        let before = if is_empty { json!({ "apps": { "http": { "servers": {} } } }) } else { config };
        prop_assert_eq!(gone.config.pointer("/apps/tls/certificates/automate"), None);
        if !compiled.routes.is_empty() || !is_empty {
            prop_assert_eq!(pruned(&without_skeps(&gone.config)), pruned(&without_skeps(&before)));
        }
    }

    #[test]
    fn stacks_outside_of_the_pass_keep_their_routes(
        routes in prop::collection::vec(route(), 0..12),
    ) {
        let everything = compiled(&routes);
        let servers = ProxyPolicy::default().servers;
        let all = |_: &StackName| true;
        let before = merge(&live(Value::Null), &everything, &fleet(), &servers, &all).unwrap();
        let only = |stack: &StackName| stack.as_str() == "shop";
        let kept: Vec<String> = everything
            .routes
            .iter()
            .filter(|route| !only(&route.id.stack))
            .map(|route| route.id.to_string())
            .collect();
        let after =
            merge(&live(before.config), &Compiled::default(), &fleet(), &servers, &only).unwrap();
        let found: Vec<String> =
            live(after.config).routes().map(|(id, _)| id.to_string()).collect();
        let (mut found, mut kept) = (found, kept);
        found.sort();
        kept.sort();
        prop_assert_eq!(found, kept);
    }
}
