//! Routes in every state, their certificates, and what the page says of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use skep::diff::document::{Action, Cause, Change, Effect, Hold, HoldCode, StackSection};
use skep::model::key::{Kind, ObjectKey};
use skep::model::name::FleetName;
use skep::model::place::Place;
use skep::proxy::{Compiled, CompiledRoute, Features, Live, RouteId};
use skep::reconciler::controller::certificates::Certificates;
use skep::reconciler::controller::report::Report;
use skep::reconciler::controller::routes::RoutesSight;
use skep::reconciler::controller::sight::Sight;
use skep::reconciler::route_status::{CertificateStatus, Declared, Known, fold};
use skep::reconciler::status::Status;

use crate::server::Server;
use crate::world;

fn id(stack: &str, route: &str) -> String {
    format!("skep:production:{stack}:{route}")
}

/// A route as Caddy has it.
fn object(stack: &str, route: &str, dial: &str) -> Value {
    let proxy = json!({ "handler": "reverse_proxy", "upstreams": [{ "dial": dial }] });
    json!({ "@id": id(stack, route), "handle": [proxy] })
}

fn declared(stack: &str, route: &str, service: &str, line: u32) -> CompiledRoute {
    let file = format!("{stack}/stack.yaml");
    CompiledRoute {
        id: RouteId::parse(&id(stack, route)).unwrap(),
        service: Some(service.to_owned()),
        is_raw: false,
        place: Place { file: file.into(), line, column: 9, length: 8 },
        object: object(stack, route, &format!("{service}:8080")),
    }
}

/// A plan in which something is in the way of a route.
fn plan() -> StackSection {
    let key = ObjectKey::new(Kind::Route, "api.example.com/*");
    let mut change = Change::new(key, Action::Create, Effect::None, vec![Cause::Git]);
    let reason = "waits for service billing_api: 2/3 tasks healthy";
    change.holds.push(Hold::new(HoldCode::WaitsForHealth, reason));
    StackSection {
        name: "billing".to_owned(),
        file: None,
        services: 2,
        holds: Vec::new(),
        changes: vec![change],
        unchanged: 1,
        retained: Vec::new(),
    }
}

/// Routes of the fleet whose services are as `status` says.
pub(crate) fn seen(status: &Status) -> RoutesSight {
    let fleet: FleetName = "production".parse().unwrap();
    let live = [
        object("shop", "https:shop.example.com~*", "shop_web:8080"),
        object("shop", "https:shop.example.com~api~*", "10.0.0.9:9000"),
        object("blog", "https:blog.example.com~*", "blog_web:8080"),
        object("mail", "https:mail.example.com~*", "mail_relay:8080"),
        object("docs", "https:old.example.com~*", "docs_site:8080"),
        object("edge", "http:*~health", "edge_caddy:8080"),
    ];
    let config =
        json!({ "apps": { "http": { "servers": { "skep": { "routes": live.as_slice() } } } } });
    let live = Live { config, etag: None, features: Features::MODERN };
    let compiled = Compiled {
        routes: vec![
            declared("shop", "https:shop.example.com~*", "shop_web", 40),
            declared("shop", "https:shop.example.com~api~*", "shop_web", 44),
            declared("blog", "https:blog.example.com~*", "blog_web", 17),
            declared("mail", "https:mail.example.com~*", "mail_relay", 21),
            declared("billing", "https:api.example.com~*", "billing_api", 12),
            declared("auth", "https:login.example.com~*", "auth_keycloak", 30),
            declared("edge", "http:*~health", "edge_caddy", 9),
        ],
        ..Compiled::default()
    };
    let plan = [plan()];
    let declared = [Declared { compiled: &compiled, plan: &plan }];
    let (live, declared, elsewhere) = (Some(&live), Some(&declared[..]), &BTreeSet::new());
    RoutesSight {
        proxy: Some("unix:///run/caddy/admin.sock".to_owned()),
        problem: None,
        entry: Some("127.0.0.1:443".to_owned()),
        routes: fold(&Known { fleet: &fleet, live, declared, elsewhere, status }),
    }
}

/// Certificates that were seen for some of their hosts.
pub(crate) fn certificates() -> Certificates {
    let shown = |days: i64, problem: Option<&str>| CertificateStatus {
        issuer: Some("Let's Encrypt, R11".to_owned()),
        expires: Some(Timestamp::now() + SignedDuration::from_hours(days * 24 + 1)),
        problem: problem.map(str::to_owned),
    };
    let by_name = [
        ("shop.example.com", shown(61, None)),
        ("blog.example.com", shown(9, None)),
        ("mail.example.com", shown(-2, Some("has expired"))),
        ("old.example.com", shown(33, None)),
    ];
    let by_name = by_name.map(|(name, shown)| (name.to_owned(), shown)).into();
    Certificates { problem: None, by_name }
}

#[tokio::test]
async fn each_route_is_shown_with_who_answers_how_it_is_in_caddy_and_its_certificate() {
    let server = Server::of(world::report()).await;
    let routes = server.get("/api/v1/routes").await.json();
    let told: Vec<String> = routes["routes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|route| {
            let text = |key: &str| route[key].as_str().unwrap_or("-").to_owned();
            let certificate = &route["certificate"];
            let certificate =
                ["problem", "issuer"].iter().find_map(|key| certificate[key].as_str());
            let words = [text("target"), text("health"), text("state"), text("reason")].join(" | ");
            let certificate = certificate.unwrap_or("-");
            format!("{}{} | {words} | {certificate}", text("host"), text("path"))
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(routes["proxy"], "unix:///run/caddy/admin.sock");

    let page = server.get("/routes").await.body;
    for words in ["61 days left", "9 days left", "has expired", "without TLS", "undeclared"] {
        assert!(page.contains(words), "{words}");
    }
    let found = server.get("/routes?q=BLOG&show=").await.body;
    assert!(found.contains("blog.example.com") && !found.contains("login.example.com"));
    let unwell = server.get("/routes?show=unwell").await.body;
    assert!(unwell.contains("mail.example.com") && !unwell.contains("blog.example.com"));
    let stack = server.get("/stacks/shop").await.body;
    assert!(stack.contains("10.0.0.9:9000") && stack.contains("61 days left"), "{stack}");
}

#[tokio::test]
async fn where_caddy_cannot_be_asked_or_reached_the_page_says_so_and_keeps_what_is_declared() {
    let report = world::report();
    let sight = report.sight.as_deref().unwrap().clone();
    let problem = Some("cannot read the configuration of Caddy: <b>no</b>".to_owned());
    let routes = RoutesSight { problem, ..sight.routes };
    let sight = Some(Arc::new(Sight { routes, ..sight }));
    let server = Server::of(Report { sight, ..report }).await;
    server.certificates.send_replace(Arc::new(Certificates {
        problem: Some("cannot connect to 127.0.0.1:443".to_owned()),
        ..Certificates::default()
    }));
    let page = server.get("/routes").await.body;
    for words in [
        "Caddy cannot be asked.",
        "&lt;b&gt;no&lt;/b&gt;",
        "Certificates cannot be looked at: cannot connect to 127.0.0.1:443",
        "shop.example.com",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[tokio::test]
async fn what_a_source_declares_that_was_not_read_yet_is_not_called_undeclared() {
    let mut report = world::report();
    report.sources[1].revision = None;
    let server = Server::of(report).await;
    let routes = server.get("/api/v1/routes").await.json();
    let old = routes["routes"].as_array().unwrap().iter().find(|r| r["host"] == "old.example.com");
    assert_eq!(old.unwrap()["state"], "unknown");
}
