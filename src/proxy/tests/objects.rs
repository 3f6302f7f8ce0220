//! What Caddy gets, pinned.

use serde_json::json;

use super::{compiled, declared, fleet, live, merged};
use crate::proxy::{
    Acme, ErrorPage, Features, MergeError, OwnServers, ProxyPolicy, Servers, compile, masked, merge,
};

const EVERYTHING: &str = include_str!("everything.yaml");

fn policy() -> ProxyPolicy {
    ProxyPolicy {
        root_domain: Some("apps.example.com".to_owned()),
        raw: true,
        ..ProxyPolicy::default()
    }
}

#[test]
fn every_key_has_its_object() {
    let compiled = compiled(&[("shop", EVERYTHING)], &policy());
    assert_eq!(compiled.refused, []);
    let usual = crate::diff::mask::Sensitivity::default();
    let routes: Vec<_> =
        compiled.routes.iter().map(|route| masked(&route.object, &usual)).collect();
    let all = json!({
        "routes": routes,
        "tls_policies": compiled.tls_policies,
        "certificates": compiled.certificates,
    });
    assert!(!all.to_string().contains("G4S3oAT"));
    insta::assert_snapshot!(format!("{all:#}"));
}

#[test]
fn servers_are_made_with_what_the_settings_say() {
    let own = OwnServers {
        http_port: 8080,
        https_port: 8443,
        trusted_proxies: vec!["10.0.0.0/8"]
            .into_iter()
            .filter_map(crate::model::route::IpRange::parse)
            .collect(),
        access_log: true,
        error_pages: vec![ErrorPage {
            status: 404,
            body: crate::model::route::Template::parse("<p>no</p>").unwrap(),
        }],
    };
    let policy = ProxyPolicy {
        servers: Servers::Own(own),
        headers: vec![(
            "X-Content-Type-Options".to_owned(),
            crate::model::route::Template::parse("nosniff").unwrap(),
        )],
        acme: Some(Acme { email: Some("ops@example.com".to_owned()), ..Acme::default() }),
        ..ProxyPolicy::default()
    };
    let stack =
        "services: {web: {image: nginx, x-skep: {routes: [{host: shop.example.com, port: 80}]}}}";
    let compiled = compiled(&[("shop", stack)], &policy);
    let merged =
        merged(json!({ "admin": { "listen": "unix//run/caddy.sock" } }), &compiled, &policy);
    insta::assert_snapshot!(format!("{:#}", merged.config));
}

#[test]
fn an_old_caddy_gets_nothing_that_it_does_not_know() {
    let compiled = compile(&declared(&[("shop", EVERYTHING)]), &fleet(), &policy(), Features::OLD);
    let text = compiled.routes.iter().map(|route| route.object.to_string()).collect::<String>();
    for word in ["client_ip", "stream_close_delay", "log_append"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn what_the_settings_do_not_allow_is_refused_with_the_reason() {
    let stack = "
x-skep:
  routes:
    - {host: a.example.com, static: /data/caddy}
    - {host: b.example.com, static: /srvx}
    - {host: c.example.com, caddy: [{handler: vars}]}
    - {host: d.example.com, static: /srv}
services: {web: {image: nginx, x-skep: {routes: [{host: auto, port: 80}]}}}";
    let other =
        "x-skep: {routes: [{host: d.example.com, respond: 204}]}\nservices: {w: {image: nginx}}";
    let compiled = compiled(&[("shop", stack), ("zoo", other)], &ProxyPolicy::default());
    let refused: Vec<String> =
        compiled.refused.iter().map(|r| format!("{} {}: {}", r.stack, r.route, r.reason)).collect();
    assert_eq!(
        refused,
        [
            "shop a.example.com/*: /data/caddy is not below `proxy.static_roots` of the settings",
            "shop b.example.com/*: /srvx is not below `proxy.static_roots` of the settings",
            "shop c.example.com/*: Caddy's own words need `proxy.raw: true` in the settings",
            "shop web.shop.<root domain>/*: `auto` needs `proxy.root_domain` in the settings",
            "zoo d.example.com/*: stack shop has this route",
        ]
    );
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_merged() {
    let stack =
        "services: {web: {image: nginx, x-skep: {routes: [{host: shop.example.com, port: 80}]}}}";
    let own = ProxyPolicy::default();
    let compiled = compiled(&[("shop", stack)], &own);
    let attached = Servers::Attached { https: "srv0".to_owned(), http: None };
    let server = |name: &str, port: &str| json!({ "apps": { "http": { "servers": { name: { "listen": [port] } } } } });
    let cases = [
        (server("srv1", ":443"), &attached, MergeError::NoServer("srv0".to_owned())),
        (
            server("skep-https", ":9"),
            &own.servers,
            MergeError::ForeignServer("skep-https".to_owned()),
        ),
        (
            server("srv0", "0.0.0.0:443"),
            &own.servers,
            MergeError::PortTaken { server: "srv0".to_owned(), port: 443 },
        ),
        (
            json!({ "apps": { "http": { "http_port": 8080 } } }),
            &own.servers,
            MergeError::OtherPorts { key: "http_port", found: "8080".to_owned(), wanted: 80 },
        ),
        (json!({ "apps": [] }), &own.servers, MergeError::Shape("/apps/http".to_owned())),
    ];
    for (config, servers, error) in cases {
        let merged = merge(&live(config), &compiled, &fleet(), servers, &|_| true);
        assert_eq!(merged, Err(error));
    }
}

#[test]
fn in_a_server_of_others_nobody_hides_more_specific_routes() {
    let stack = "
x-skep:
  routes:
    - {host: '*', respond: any}
    - {host: '*.example.com', tls: internal, respond: wildcard}
    - {host: a.example.com, respond: exact}
services: {web: {image: nginx}}";
    let policy = ProxyPolicy {
        servers: Servers::Attached { https: "srv0".to_owned(), http: None },
        ..ProxyPolicy::default()
    };
    let compiled = compiled(&[("shop", stack)], &policy);
    let foreign = json!([
        { "match": [{ "host": ["b.example.com"] }], "handle": [] },
        { "handle": [{ "handler": "vars" }] },
    ]);
    let config = json!({ "apps": { "http": { "servers": {
        "srv0": { "listen": [":443"], "routes": foreign, "idle_timeout": 7 },
        "other": { "listen": [":9"] },
    } } } });
    let merged = merged(config, &compiled, &policy);
    let server = &merged.config["apps"]["http"]["servers"]["srv0"];
    assert_eq!(server["idle_timeout"], 7);
    let names: Vec<String> = server["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| {
            route["@id"].as_str().map_or_else(|| route["match"].to_string(), str::to_owned)
        })
        .collect();
    assert_eq!(
        names,
        [
            "skep:default:shop:https:a.example.com~*",
            r#"[{"host":["b.example.com"]}]"#,
            "skep:default:shop:https:*.example.com~*",
            "null",
            "skep:default:shop:https:*~*",
        ]
    );
}
