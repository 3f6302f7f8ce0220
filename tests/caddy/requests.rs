//! A table of requests through a real Caddy, from one stack file to the answers.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use skep::model::route::Template;
use skep::proxy::{ErrorPage, ProxyPolicy, Servers};

use super::backend::Backend;
use super::caddy::{Caddy, Setup, free_port};
use super::client::Browser;
use super::stacks::{declared_with, pass_of};

const STACK: &str = include_str!("table.yaml");

/// `METHOD host/path`, headers or a body (or nothing), the status, and parts of head and body that are there; one that
/// begins with `!` is not.
type Row = (&'static str, &'static str, u16, &'static [&'static str]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // prefixes, what is stripped and rewritten
    ("GET shop.example.com/", "", 200, &["GET / host=shop.example.com:", "proto=https", "for=127.0.0.1"]),
    ("GET shop.example.com/x?y=1", "", 200, &["GET /x?y=1 "]),
    ("POST shop.example.com/x", "", 200, &["POST /x "]),
    ("PUT shop.example.com/x", "", 200, &["PUT /x "]),
    ("GET shop.example.com/api", "", 200, &["GET / "]),
    ("GET shop.example.com/api/", "", 200, &["GET / "]),
    ("GET shop.example.com/api/x", "", 200, &["GET /x "]),
    ("GET shop.example.com/API/x", "", 200, &["GET /x "]),
    ("GET shop.example.com/api/a%2Fb?c=%26", "", 200, &["GET /a%2Fb?c=%26 "]),
    ("GET shop.example.com/apix", "", 200, &["GET /apix "]),
    ("GET shop.example.com/api/v2", "", 200, &["GET /api/v2 "]),
    ("GET shop.example.com/api/v2/x", "", 200, &["GET /api/v2/x "]),
    ("GET shop.example.com/api/v2x", "", 200, &["GET /v2x "]),
    ("GET shop.example.com/api/v2/exact", "", 418, &["exact"]),
    ("GET shop.example.com/api/v2/exact/x", "", 200, &["GET /api/v2/exact/x"]),
    ("GET shop.example.com/php/a?b=c", "", 200, &["GET /index.php?b=c"]),
    ("GET shop.example.com/old/a", "", 200, &["GET /new/a"]),
    ("GET shop.example.com/both/a", "", 200, &["GET /x/a"]),
    ("GET web.shop.apps.example.com/x", "", 200, &["GET /x "]),
    // who gets in
    ("GET shop.example.com/down", "", 503, &["<h1>soon</h1>", "retry-after: 600", "content-type: text/html"]),
    ("GET shop.example.com/down/x", "", 503, &["<h1>soon</h1>"]),
    ("GET shop.example.com/short", "", 503, &["down for maintenance", "content-type: text/plain", "!retry-after"]),
    ("GET shop.example.com/denied", "", 403, &["!in"]),
    ("GET shop.example.com/allowed", "", 200, &["in"]),
    ("GET shop.example.com/others", "", 403, &["!in"]),
    ("POST shop.example.com/upload", "body: 0123456789", 200, &["10 bytes"]),
    ("POST shop.example.com/upload", "body: 0123456789a", 413, &[]),
    ("GET auth.example.com/", "", 401, &["www-authenticate: Basic realm=\"shop\"", "!in"]),
    ("GET auth.example.com/", "authorization: Basic YW5uOnNlY3JldA==", 200, &["in"]),
    ("GET auth.example.com/", "authorization: Basic YW5uOndyb25n", 401, &[]),
    ("GET auth.example.com/healthz", "", 200, &["in"]),
    ("GET auth.example.com/healthz/x", "", 200, &["in"]),
    ("GET auth.example.com/healthzx", "", 401, &[]),
    ("GET auth.example.com/api/x", "", 401, &[]),
    ("GET auth.example.com/api/x", "authorization: Basic YW5uOnNlY3JldA==", 200, &["GET /x "]),
    // what is changed on the way
    ("GET shop.example.com/large", "accept-encoding: gzip, zstd", 200, &["content-encoding: zstd"]),
    ("GET shop.example.com/large", "accept-encoding: gzip", 200, &["content-encoding: gzip"]),
    ("GET gzip.example.com/large", "accept-encoding: gzip, zstd", 200, &["content-encoding: gzip"]),
    ("GET shop.example.com/large", "", 200, &["!content-encoding", "xxxx"]),
    ("GET shop.example.com/x", "accept-encoding: gzip", 200, &["!content-encoding"]),
    ("GET shop.example.com/edited", "", 200, &["x-powered-by: skep", "vary: Origin", "!server:"]),
    ("GET shop.example.com/edited", "", 200, &["strict-transport-security: max-age=31536000", "x-frame-options: DENY"]),
    ("GET shop.example.com/edited", "x-remove: 1", 200, &["extra=a {b} shop.example.com removed=-"]),
    ("GET shop.example.com/x", "x-remove: 1", 200, &["removed=1", "!strict-transport-security"]),
    ("GET shop.example.com/x", "", 200, &["x-frame-options: SAMEORIGIN", "x-content-type-options: nosniff"]),
    ("GET hsts.example.com/", "", 200, &["strict-transport-security: max-age=31536000; includeSubDomains; preload"]),
    // services of all kinds
    ("GET tasks.example.com/x", "", 200, &["GET /x ", "x-task: t"]),
    ("GET grpc.example.com/x", "", 200, &["HTTP/2.0 /x"]),
    ("GET secure.example.com/x", "", 200, &["over TLS to shop_secure for secure.example.com"]),
    ("GET out.example.com/x", "", 200, &["GET /x host=localhost:"]),
    ("GET out.example.com/kept", "", 200, &["GET /kept host=out.example.com:"]),
    ("GET out.example.com/tls/x", "", 200, &["over TLS to secure.example.org for secure.example.org"]),
    // what fails
    ("GET shop.example.com/gone", "", 502, &["<p>not well</p>"]),
    ("GET shop.example.com/dead", "", 502, &["<p>not well</p>"]),
    ("GET shop.example.com/unwell", "", 502, &["<p>not well</p>"]),
    ("GET shop.example.com/unwell", "", 503, &["nobody is there"]),
    ("HTTP unknown.example.org/", "", 404, &["<p>no such page here</p>", "content-type: text/html"]),
    ("HTTP unknown.example.org/healthx", "", 404, &[]),
    // hosts
    ("GET any.example.com/", "", 200, &["wildcard", "!path"]),
    ("GET any.example.com/api", "", 200, &["wildcard"]),
    ("GET any.example.com/only/x", "", 200, &["wildcard path"]),
    ("GET shop.example.com/only", "", 200, &["GET /only "]),
    ("HTTP unknown.example.org/health", "", 200, &["HEALTHY"]),
    // what Caddy answers itself
    ("GET shop.example.com/json", "", 200, &[r#"{"host": "shop.example.com", "a": {}}"#]),
    ("GET shop.example.com/empty", "", 204, &[]),
    ("GET old.example.com/a?b=c", "", 307, &["location: https://shop.example.com/a?b=c"]),
    ("GET old.example.com/", "", 307, &["location: https://shop.example.com/"]),
    ("GET old.example.com//evil.example.org/", "", 307, &["location: https://shop.example.com/"]),
    ("GET old.example.com/shop", "", 308, &["location: https://shop.example.com/all"]),
    ("GET old.example.com/shop/a?b=c", "", 308, &["location: https://shop.example.com/all/a?b=c"]),
    ("GET old.example.com/away/x", "", 307, &["location: /elsewhere", "!elsewhere/x"]),
    ("GET old.example.com/here/x?y", "", 307, &["location: /there/x?y"]),
    ("GET raw.example.com/", "", 202, &["raw"]),
    // files
    ("GET app.example.com/", "", 200, &["the app", "content-type: text/html"]),
    ("GET app.example.com/users/123?x", "", 200, &["the app"]),
    ("GET app.example.com/main.js", "", 200, &["the script", "etag: "]),
    ("GET app.example.com/%2e%2e/docs/start.html", "", 200, &["the app"]),
    ("GET docs.example.com/", "", 200, &["the docs"]),
    ("GET docs.example.com/none", "", 404, &["no such file", "content-type: text/html"]),
    ("GET files.example.com/start.html", "", 200, &["the docs"]),
    ("GET files.example.com/none", "", 404, &["<p>no such page here</p>"]),
    // with and without TLS
    ("HTTP plain.example.com/", "", 200, &["plain", "!wildcard"]),
    ("HTTP plain.example.com/health", "", 200, &["plain"]),
    ("HTTP plain.example.com/web/x", "", 200, &["GET /web/x ", "proto=http", "!proto=https", "!strict-transport-security"]),
    ("HTTP a.plain.example.com/", "", 200, &["plain wildcard"]),
    ("HTTP tls.plain.example.com/", "", 308, &["location: https://tls.plain.example.com"]),
    ("GET tls.plain.example.com/", "", 200, &["tls"]),
    ("HTTP shop.example.com/a?b=c", "", 308, &["location: https://shop.example.com", "/a?b=c"]),
    ("HTTP shop.example.com/health", "", 308, &["location: https://shop.example.com"]),
    ("HTTP any.example.com/", "", 308, &["location: https://any.example.com"]),
];

/// The status where Caddy 2.6 has another: it takes a body that is too large for a failure of the target.
const OLD: &[(&str, &str, u16)] = &[("POST shop.example.com/upload", "body: 0123456789a", 502)];

fn policy(caddy: &Caddy) -> ProxyPolicy {
    let mut policy = caddy.policy();
    if let Servers::Own(own) = &mut policy.servers {
        let page = |status, body| ErrorPage { status, body: Template::parse(body).unwrap() };
        own.error_pages = vec![
            page(404, "<p>no such page here</p>"),
            page(502, "<p>not well</p>"),
            page(503, "nobody is there"),
        ];
        own.access_log = true;
    }
    let value = |text| Template::parse(text).unwrap();
    policy.root_domain = Some("apps.example.com".to_owned());
    policy.headers = vec![
        ("X-Content-Type-Options".to_owned(), value("nosniff")),
        ("X-Frame-Options".to_owned(), value("DENY")),
    ];
    policy
}

/// Servers that stand for services: one that speaks HTTP/2 without TLS, and one with TLS.
fn upstreams(h2c: u16, secure: u16) -> Value {
    let respond =
        |body: &str| json!([{ "handle": [{ "handler": "static_response", "body": body }] }]);
    let subjects = json!(["shop_secure", "secure.example.org"]);
    json!({
        "http": { "servers": {
            "h2c": {
                "listen": [format!("127.0.0.1:{h2c}")],
                "protocols": ["h1", "h2", "h2c"],
                "automatic_https": { "disable": true },
                "routes": respond("{http.request.proto} {http.request.uri}"),
            },
            "secure": {
                "listen": [format!("127.0.0.1:{secure}")],
                "automatic_https": { "disable": true },
                "tls_connection_policies": [{}],
                "routes": respond("over TLS to {http.request.tls.server_name} for {http.request.host}"),
            },
        } },
        "tls": {
            "certificates": { "automate": subjects },
            "automation": { "policies": [{ "subjects": subjects, "issuers": [{ "module": "internal" }] }] },
        },
    })
}

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const TASKS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)];

#[tokio::test(flavor = "multi_thread")]
async fn every_request_gets_the_answer_that_its_route_declares() {
    let (h2c, secure, closed) = (free_port(), free_port(), free_port());
    let names: &[(&str, &[Ipv4Addr])] = &[
        ("shop_web", &[HERE]),
        ("shop_h2c", &[HERE]),
        ("shop_secure", &[HERE]),
        ("shop_gone", &[HERE]),
        ("secure.example.org", &[HERE]),
        ("tasks.shop_tasks", &TASKS),
    ];
    let setup = Setup { apps: upstreams(h2c, secure), names, ..Setup::default() };
    let Some(caddy) = Caddy::with(setup).await else { return };
    let web = Backend::start().await;
    let tasks = Backend::tasks(&TASKS).await;
    for (file, text) in [
        ("app/index.html", "the app"),
        ("app/main.js", "the script"),
        ("docs/start.html", "the docs"),
        ("docs/404.html", "no such file"),
    ] {
        caddy.file(file, text);
    }
    let folder = caddy.folder().display().to_string();
    let ports = [web.port, tasks[0].port, h2c, secure, closed].map(|port| port.to_string());
    let names = ["PORT", "TASKS", "H2C", "SECURE", "CLOSED"];
    let mut variables = vec![("FOLDER", folder.as_str())];
    variables.extend(names.into_iter().zip(ports.iter().map(String::as_str)));
    let stack = declared_with(STACK, &variables);
    let policy = policy(&caddy);
    assert!(pass_of(&caddy, &stack, &policy).await.unwrap());

    let browser = Browser::of(&caddy);
    let is_old = caddy.is_old().await;
    let mut wrong = Vec::new();
    for row in ROWS {
        let (wanted, extra, status, texts) = row;
        let other = OLD.iter().find(|(old, with, _)| is_old && old == wanted && with == extra);
        let status = other.map_or(status, |(.., status)| status);
        let (headers, body) = match extra.split_once(": ") {
            Some(("body", body)) => (None, body),
            header => (header, ""),
        };
        let answer = browser.ask(wanted, headers.as_slice(), body).await;
        let text = answer.text();
        let holds = |part: &&str| match part.strip_prefix('!') {
            Some(part) => !text.contains(part),
            None => text.contains(*part),
        };
        if answer.status != *status || !texts.iter().all(holds) {
            wrong.push(format!("{row:?}\n  {} {text}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if !is_old {
        assert!(caddy.log().contains(r#""stack":"shop""#));
        assert!(caddy.log().contains(r#""service":"shop_web""#));
    }

    // A client with a cookie stays with its task; without one, tasks take turns.
    let task = async |path: &str, headers: &[(&str, &str)]| {
        let answer = browser.ask(&format!("GET tasks.example.com{path}"), headers, "").await;
        let cookie =
            answer.header("set-cookie").map(|cookie| cookie.split(';').next().unwrap().to_owned());
        (answer.header("x-task").unwrap().to_owned(), cookie)
    };
    let (first, cookie) = task("/sticky", &[]).await;
    let cookie = cookie.unwrap();
    assert!(cookie.starts_with("shop="), "{cookie}");
    for _ in 0..8 {
        assert_eq!(task("/sticky", &[("cookie", &cookie)]).await.0, first);
    }
    let mut turns = std::collections::BTreeSet::new();
    for _ in 0..8 {
        turns.insert(task("/turns", &[]).await.0);
    }
    assert_eq!(turns.len(), 2, "{turns:?}");

    // A task that goes takes no requests with it.
    tasks[0].stop();
    for _ in 0..4 {
        assert_eq!(task("/turns", &[]).await.0, "t3");
    }
    assert!(!pass_of(&caddy, &stack, &policy).await.unwrap());
}
