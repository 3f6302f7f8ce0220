//! A table of requests through a real Caddy, from one stack file.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::{Client, Method, redirect};

use super::backend;
use super::caddy::Caddy;
use super::stacks::{pass_with, routes};
use serde_json::json;
use skep::model::route::Template;
use skep::proxy::{ErrorPage, ProxyPolicy, Servers};

fn stack(folder: &str, port: u16) -> String {
    routes(
        &r#"
    - {host: shop.example.com, tls: internal, proxy: BACKEND, encode: [gzip]}
    - {host: shop.example.com, path: /api, strip_prefix: true, proxy: {url: BACKEND, keep_host: true}}
    - {host: shop.example.com, path: /api/v2, proxy: BACKEND}
    - {host: shop.example.com, exact_path: /api/v2/exact, respond: {status: 418, body: exact}}
    - {host: shop.example.com, path: /php, rewrite: /index.php, proxy: BACKEND}
    - {host: shop.example.com, path: /old, rewrite: {find: "^/old/", replace: /new/}, proxy: BACKEND}
    - {host: shop.example.com, path: /down, maintenance: {body: <h1>soon</h1>, retry_after: 10m}, proxy: BACKEND}
    - {host: shop.example.com, path: /small, max_body: 10b, proxy: BACKEND}
    - {host: shop.example.com, path: /denied, deny: 127.0.0.0/8, respond: in}
    - {host: shop.example.com, path: /allowed, allow: [10.0.0.0/8, 127.0.0.0/8], respond: in}
    - {host: shop.example.com, path: /others, allow: 10.0.0.0/8, respond: in}
    - {host: shop.example.com, path: /dead, proxy: "http://127.0.0.1:1"}
    - {host: shop.example.com, path: /json, respond: '{"host": "{http.request.host}", "a": {}}'}
    - host: shop.example.com
      path: /edited
      hsts: true
      headers:
        request: {set: {X-Extra: "a {b} {http.request.host}"}, remove: [X-Remove]}
        response: {set: {X-Powered-By: skep}, add: {Vary: Origin}, remove: [X-Frame-Options, Server]}
      proxy: BACKEND
    - host: auth.example.com
      tls: internal
      basic_auth: {users: {ann: HASH}, realm: shop, except: [/healthz]}
      respond: in
    - {host: "*.example.com", tls: internal, respond: wildcard}
    - {host: old.example.com, tls: internal, redirect: "https://shop.example.com/"}
    - {host: old.example.com, path: /shop, redirect: {to: "https://shop.example.com/all", permanent: true}}
    - {host: old.example.com, path: /away, redirect: {to: /elsewhere, keep_path: false}}
    - {host: app.example.com, tls: internal, static: {dir: FOLDER/app, spa: true}}
    - {host: docs.example.com, tls: internal, static: {dir: FOLDER/docs, not_found: 404.html}}
    - {host: raw.example.com, tls: internal, caddy: [{handler: static_response, status_code: 202, body: raw}]}
    - {host: plain.example.com, http_only: true, respond: plain}
    - {host: "*", http_only: true, exact_path: /health, respond: HEALTHY}
"#
        .replace("BACKEND", &format!("\"http://127.0.0.1:{port}\""))
        .replace("FOLDER", folder)
        .replace("HASH", "$$2b$$04$$G4S3oATpTAarGm0kxXCvtuDDs8AEPd9hbmC3/Icuj6W4Xf6go5g5a"),
    )
}

/// A request, the status of its answer, and a part of its head or body.
type Row = (&'static str, &'static str, u16, &'static str);

/// `METHOD host/path`, `HEADER: value` (or nothing).
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("GET shop.example.com/", "", 200, "GET / host=127.0.0.1"),
    ("GET shop.example.com/x?y=1", "", 200, "GET /x?y=1 "),
    ("POST shop.example.com/x", "", 200, "POST /x "),
    ("GET SHOP.example.com/", "", 200, "GET / "),
    ("GET shop.example.com/api", "", 200, "GET / host=shop.example.com"),
    ("GET shop.example.com/api/", "", 200, "GET / host=shop.example.com"),
    ("GET shop.example.com/api/x", "", 200, "GET /x host=shop.example.com"),
    ("GET shop.example.com/API/x", "", 200, "GET /x host=shop.example.com"),
    ("GET shop.example.com/api/a%2Fb", "", 200, "GET /a%2Fb "),
    ("GET shop.example.com/apix", "", 200, "GET /apix host=127.0.0.1"),
    ("GET shop.example.com/api/v2", "", 200, "GET /api/v2 host=127.0.0.1"),
    ("GET shop.example.com/api/v2/x", "", 200, "GET /api/v2/x host=127.0.0.1"),
    ("GET shop.example.com/api/v2x", "", 200, "GET /v2x host=shop.example.com"),
    ("GET shop.example.com/api/v2/exact", "", 418, "exact"),
    ("GET shop.example.com/api/v2/exact/x", "", 200, "GET /api/v2/exact/x"),
    ("GET shop.example.com/php/a?b=c", "", 200, "GET /index.php?b=c"),
    ("GET shop.example.com/old/a", "", 200, "GET /new/a"),
    ("GET shop.example.com/down", "", 503, "<h1>soon</h1>"),
    ("GET shop.example.com/down/x", "", 503, "retry-after: 600"),
    ("GET shop.example.com/down", "", 503, "content-type: text/html"),
    ("GET shop.example.com/denied", "", 403, ""),
    ("GET shop.example.com/allowed", "", 200, "in"),
    ("GET shop.example.com/others", "", 403, ""),
    ("GET shop.example.com/dead", "", 502, "<p>not well</p>"),
    ("GET shop.example.com/json", "", 200, r#"{"host": "shop.example.com", "a": {}}"#),
    ("GET shop.example.com/large", "accept-encoding: gzip", 200, "content-encoding: gzip"),
    ("GET shop.example.com/large", "", 200, "xxxx"),
    ("GET shop.example.com/edited", "", 200, "x-powered-by: skep"),
    ("GET shop.example.com/edited", "", 200, "vary: Origin"),
    ("GET shop.example.com/edited", "", 200, "strict-transport-security: max-age=31536000"),
    ("GET shop.example.com/edited", "x-remove: 1", 200, "extra=a {b} shop.example.com removed=-"),
    ("GET shop.example.com/x", "x-remove: 1", 200, "removed=1"),
    ("GET shop.example.com/x", "", 200, "x-frame-options: SAMEORIGIN"),
    ("GET shop.example.com/x", "", 200, "x-content-type-options: nosniff"),
    ("GET auth.example.com/", "", 401, "www-authenticate: Basic realm=\"shop\""),
    ("GET auth.example.com/", "authorization: Basic YW5uOnNlY3JldA==", 200, "in"),
    ("GET auth.example.com/", "authorization: Basic YW5uOndyb25n", 401, ""),
    ("GET auth.example.com/healthz", "", 200, "in"),
    ("GET auth.example.com/healthz/x", "", 200, "in"),
    ("GET auth.example.com/healthzx", "", 401, ""),
    ("GET any.example.com/", "", 200, "wildcard"),
    ("GET any.example.com/api", "", 200, "wildcard"),
    ("GET old.example.com/a?b=c", "", 307, "location: https://shop.example.com/a?b=c"),
    ("GET old.example.com/", "", 307, "location: https://shop.example.com/"),
    ("GET old.example.com/shop", "", 308, "location: https://shop.example.com/all"),
    ("GET old.example.com/shop/a?b=c", "", 308, "location: https://shop.example.com/all/a?b=c"),
    ("GET old.example.com/away/x", "", 307, "location: /elsewhere"),
    ("GET app.example.com/", "", 200, "the app"),
    ("GET app.example.com/users/123", "", 200, "the app"),
    ("GET app.example.com/main.js", "", 200, "the script"),
    ("GET app.example.com/../docs/index.html", "", 200, "the app"),
    ("GET docs.example.com/", "", 200, "the docs"),
    ("GET docs.example.com/none", "", 404, "no such page"),
    ("GET raw.example.com/", "", 202, "raw"),
    ("HTTP plain.example.com/", "", 200, "plain"),
    ("HTTP plain.example.com/health", "", 200, "plain"),
    ("HTTP shop.example.com/a?b=c", "", 308, "location: https://shop.example.com"),
    ("HTTP unknown.example.org/health", "", 200, "HEALTHY"),
    ("HTTP unknown.example.org/", "", 404, "<p>no such page here</p>"),
    ("HTTP unknown.example.org/healthx", "", 404, ""),
];

async fn answer_to(caddy: &Caddy, row: &Row) -> (u16, String) {
    let (wanted, header, _, _) = row;
    let (method, target) = wanted.split_once(' ').unwrap();
    let (host, path) = target.split_once('/').unwrap();
    let (scheme, port, method) = match method {
        "HTTP" => ("http", caddy.http, "GET"),
        method => ("https", caddy.https, method),
    };
    let client = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tls_danger_accept_invalid_certs(true)
        .resolve(&host.to_lowercase(), SocketAddr::from(([127, 0, 0, 1], port)))
        .build()
        .unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client.request(method, format!("{scheme}://{host}:{port}/{path}"));
    if let Some((name, value)) = header.split_once(": ") {
        request = request.header(name, value);
    }
    // Caddy makes certificates once it has the route, and refuses handshakes until it has them.
    let deadline = Instant::now() + Duration::from_secs(20);
    let answer = loop {
        match request.try_clone().unwrap().send().await {
            Ok(answer) => break answer,
            Err(error) if Instant::now() > deadline => {
                panic!("{row:?}: {error:?}\n{}", caddy.log())
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let status = answer.status().as_u16();
    let mut text = String::new();
    for (name, value) in answer.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        writeln!(text, "{name}: {value}").unwrap();
    }
    text.push_str(&String::from_utf8_lossy(&answer.bytes().await.unwrap()));
    (status, text)
}

fn policy(caddy: &Caddy) -> ProxyPolicy {
    let mut policy = caddy.policy();
    if let Servers::Own(own) = &mut policy.servers {
        let page = |status, body| ErrorPage { status, body: Template::parse(body).unwrap() };
        own.error_pages = vec![page(404, "<p>no such page here</p>"), page(502, "<p>not well</p>")];
        own.access_log = true;
    }
    let value = |text| Template::parse(text).unwrap();
    policy.headers = vec![
        ("X-Content-Type-Options".to_owned(), value("nosniff")),
        ("X-Frame-Options".to_owned(), value("DENY")),
    ];
    policy
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_gets_the_answer_that_its_route_declares() {
    let Some(caddy) = Caddy::start(json!({})).await else { return };
    let port = backend::start().await;
    for (file, text) in [
        ("app/index.html", "the app"),
        ("app/main.js", "the script"),
        ("docs/index.html", "the docs"),
        ("docs/404.html", "no such page"),
    ] {
        let path = caddy.folder().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let declared = stack(&caddy.folder().display().to_string(), port);
    pass_with(&caddy, &declared, &policy(&caddy)).await.unwrap();
    let mut wrong = Vec::new();
    for row in ROWS {
        let (_, _, status, wanted) = row;
        let (found, answer) = answer_to(&caddy, row).await;
        if found != *status || !answer.contains(wanted) {
            wrong.push(format!("{row:?}\n  {found} {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if !caddy.is_old().await {
        assert!(caddy.log().contains(r#""stack":"shop""#));
    }
}
