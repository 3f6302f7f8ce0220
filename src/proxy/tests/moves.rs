//! Settings that change while Caddy has routes: nothing of the old ones stays behind.

use serde_json::{Value, json};

use super::{compiled, declared, fleet, live, merged};
use crate::proxy::{Compiled, Features, MergeError, OwnServers, ProxyPolicy, Servers, compile};

const STACK: &str = "
x-skep:
  routes:
    - {host: a.example.com, respond: a}
    - {host: b.example.com, http_only: true, respond: b}
services: {web: {image: nginx}}";

fn own(plain: u16, tls: u16) -> ProxyPolicy {
    let own = OwnServers { http_port: plain, https_port: tls, ..OwnServers::default() };
    ProxyPolicy { servers: Servers::Own(own), ..ProxyPolicy::default() }
}

fn attached(http: Option<&str>) -> ProxyPolicy {
    let http = http.map(str::to_owned);
    let servers = Servers::Attached { https: "srv0".to_owned(), http };
    ProxyPolicy { servers, ..ProxyPolicy::default() }
}

fn stack(policy: &ProxyPolicy) -> Compiled {
    compiled(&[("shop", STACK)], policy)
}

/// A Caddy whose owner has two servers on other ports than skep's.
fn others() -> Value {
    let route = json!({ "match": [{ "host": ["x.example.org"] }], "handle": [] });
    json!({ "apps": { "http": { "servers": {
        "srv0": { "listen": [":8443"], "routes": [route] },
        "srv1": { "listen": [":8080"], "routes": [route] },
    } } } })
}

#[test]
fn routes_that_move_to_other_servers_leave_nothing_in_the_old_ones() {
    let (own, attached) = (own(80, 443), attached(Some("srv1")));
    let in_own = merged(others(), &stack(&own), &own).config;
    let in_theirs = merged(others(), &stack(&attached), &attached).config;
    assert_eq!(merged(in_own.clone(), &stack(&attached), &attached).config, in_theirs);
    assert_eq!(merged(in_theirs, &stack(&own), &own).config, in_own);
}

#[test]
fn ports_that_skep_said_itself_can_change_and_those_of_others_cannot() {
    let first = merged(Value::Null, &stack(&own(8080, 8443)), &own(8080, 8443)).config;
    assert_eq!(first["apps"]["http"]["@id"], "skep:default::ports:https-http");
    let second = merged(first.clone(), &stack(&own(80, 443)), &own(80, 443)).config;
    assert_eq!(second["apps"]["http"].as_object().unwrap().keys().collect::<Vec<_>>(), ["servers"]);
    assert_eq!(second["apps"]["http"]["servers"]["skep-https"]["listen"], json!([":443"]));
    assert_eq!(merged(second, &stack(&own(8080, 8443)), &own(8080, 8443)).config, first);

    // A server for which Caddy gets certificates goes by these ports, one without does not.
    let (all, servers) = (|_: &_| true, own(80, 443).servers);
    let mut shared = first;
    let aside = json!({ "listen": [":9000"], "automatic_https": { "disable": true } });
    shared["apps"]["http"]["servers"]["srv0"] = aside;
    let merge = |config: &Value| {
        crate::proxy::merge(&live(config.clone()), &stack(&own(80, 443)), &fleet(), &servers, &all)
    };
    assert!(merge(&shared).unwrap().is_changed);
    for server in [
        json!({ "listen": [":9000"] }),
        json!({ "listen": [":8080"], "automatic_https": { "disable": true }, "tls_connection_policies": [{}] }),
    ] {
        shared["apps"]["http"]["servers"]["srv0"] = server;
        let refused = merge(&shared).unwrap_err();
        assert_eq!(refused.to_string(), "Caddy takes 8080 as its http_port, and the settings 80");
    }
}

#[test]
fn the_usual_ports_under_a_server_of_others_are_not_changed_and_those_of_skep_go_with_it() {
    let (policy, nothing) = (own(8081, 8444), compiled(&[], &ProxyPolicy::default()));
    let all = |_: &_| true;
    let refused =
        crate::proxy::merge(&live(others()), &stack(&policy), &fleet(), &policy.servers, &all);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "Caddy takes 80 as its http_port, and the settings 8081"
    );
    let aside = json!({ "apps": { "http": { "https_port": 8444, "servers": {
        "health": { "listen": ["127.0.0.1:2020"], "automatic_https": { "disable": true } },
    } } } });
    let with = merged(aside.clone(), &stack(&policy), &policy).config;
    assert_eq!(with["apps"]["http"]["@id"], "skep:default::ports:http");
    assert_eq!(merged(with.clone(), &nothing, &policy).config, aside);
    // The same where routes move into a server of somebody else.
    let attached =
        Servers::Attached { https: "health".to_owned(), http: Some("health".to_owned()) };
    let moved = ProxyPolicy { servers: attached, ..ProxyPolicy::default() };
    let moved = merged(with, &nothing, &moved).config;
    assert_eq!(moved["apps"]["http"].get("http_port"), None);
    assert_eq!(moved["apps"]["http"]["https_port"], 8444);
}

#[test]
fn ports_are_not_told_where_that_cannot_be_noted() {
    let policy = own(8080, 443);
    for id in [json!("theirs"), json!(7), json!("skep:blue::ports:http")] {
        let config = json!({ "apps": { "http": { "@id": id } } });
        let all = |_: &_| true;
        let merge = |policy: &ProxyPolicy| {
            let live = live(config.clone());
            crate::proxy::merge(&live, &stack(policy), &fleet(), &policy.servers, &all)
        };
        let refused =
            MergeError::OtherPorts { key: "http_port", found: "80".to_owned(), wanted: 8080 };
        assert_eq!(merge(&policy), Err(refused), "{id}");
        assert_eq!(merge(&own(80, 443)).unwrap().config["apps"]["http"]["@id"], id);
    }
}

#[test]
fn a_port_is_taken_in_whatever_notation_it_is_written() {
    for listen in [":443", "tcp/0.0.0.0:443", "[::]:440-450"] {
        let config =
            json!({ "apps": { "http": { "servers": { "srv0": { "listen": [listen] } } } } });
        let servers = own(80, 443).servers;
        let all = |_: &_| true;
        let refused =
            crate::proxy::merge(&live(config), &stack(&own(80, 443)), &fleet(), &servers, &all);
        let taken = MergeError::PortTaken { server: "srv0".to_owned(), port: 443 };
        assert_eq!(refused, Err(taken), "{listen}");
    }
}

#[test]
fn routes_without_tls_need_a_server_without_tls() {
    let text = "
x-skep:
  routes:
    - {host: a.example.com, http_only: true, respond: a}
    - {host: '*', respond: any}
services: {web: {image: nginx}}";
    let compiled = compiled(&[("shop", text)], &attached(None));
    let reasons: Vec<String> = compiled.refused.iter().map(|r| r.reason.to_string()).collect();
    assert_eq!(
        reasons,
        ["`http_only` needs `proxy.http_server` beside `proxy.server` in the settings"]
    );
    let ids: Vec<String> = compiled.routes.iter().map(|route| route.id.to_string()).collect();
    assert_eq!(ids, ["skep:default:shop:https:*~*"]);
}

#[test]
fn issuers_of_a_refused_route_do_not_come_in_by_another_of_its_host() {
    let text = "
x-skep:
  routes:
    - {host: a.example.com, tls: {issuers: [{module: acme, ca: 'https://ca.example.org'}]}, respond: a}
    - {host: a.example.com, path: /b, respond: b}
services: {web: {image: nginx}}";
    let world = declared(&[("shop", text)]);
    let compiled = compile(&world, &fleet(), &ProxyPolicy::default(), Features::MODERN);
    assert_eq!((compiled.routes.len(), compiled.refused.len()), (1, 1));
    assert_eq!(compiled.tls_policies, [] as [Value; 0]);
}
