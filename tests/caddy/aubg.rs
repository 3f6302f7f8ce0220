//! A Caddyfile that is in use, and a stack file that says the same: one Caddy answers alike.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::backend::Backend;
use super::caddy::{Caddy, Setup, free_port};
use super::client::{Answer, Browser};
use super::machine::adapt;
use super::stacks::{declared_with, pass_of};

/// `/api/*` of a Caddyfile is everything below `/api`, but not `/api` itself.
const STACK: &str = r#"
x-auth: &auth
  users: {hub: $$2b$$04$$G4S3oATpTAarGm0kxXCvtuDDs8AEPd9hbmC3/Icuj6W4Xf6go5g5a}
  realm: restricted
  except: [/api/v3]
x-page: &page {dir: "${FOLDER}", spa: true}

services:
  py-api:
    image: hub/api
    x-skep:
      routes:
        - {host: thehub-aubg.com, path: /api, encode: true, port: "${PORT}"}
        - {host: dev.thehub-aubg.com, path: /api, encode: true, basic_auth: *auth, port: "${PORT}"}

x-skep:
  routes:
    - {host: thehub-aubg.com, tls: internal, encode: true, static: *page}
    - {host: thehub-aubg.com, exact_path: /api, encode: true, static: *page}
    - {host: dev.thehub-aubg.com, tls: internal, encode: true, basic_auth: *auth, static: *page}
    - {host: dev.thehub-aubg.com, exact_path: /api, encode: true, basic_auth: *auth, static: *page}
    - {host: "*", http_only: true, exact_path: /health, respond: HEALTHY}
"#;

/// A request, and a header or nothing.
#[rustfmt::skip]
const ROWS: &[(&str, &str)] = &[
    ("GET thehub-aubg.com/", ""),
    ("HEAD thehub-aubg.com/", ""),
    ("GET thehub-aubg.com/index.html", ""),
    ("GET thehub-aubg.com/users/123", ""),
    ("GET thehub-aubg.com/users/123?tab=a%20b", ""),
    ("GET thehub-aubg.com/assets/app.js", ""),
    ("GET thehub-aubg.com/assets/app.js", "if-none-match: \"none\""),
    ("GET thehub-aubg.com/assets/app.js", "range: bytes=0-3"),
    ("GET thehub-aubg.com/assets", ""),
    ("GET thehub-aubg.com/assets/none.js", ""),
    ("GET thehub-aubg.com/assets/large.js", "accept-encoding: gzip"),
    ("GET thehub-aubg.com/assets/large.js", "accept-encoding: zstd, gzip"),
    ("GET thehub-aubg.com/assets/large.js", "accept-encoding: br"),
    ("POST thehub-aubg.com/users", ""),
    ("GET thehub-aubg.com/api", ""),
    ("GET thehub-aubg.com/api/", ""),
    ("GET thehub-aubg.com/api/v3/members?page=2", ""),
    ("POST thehub-aubg.com/api/v3/members", ""),
    ("DELETE thehub-aubg.com/api/v3/members/7", ""),
    ("GET thehub-aubg.com/api/a%2Fb", ""),
    ("GET thehub-aubg.com/API/x", ""),
    ("GET thehub-aubg.com/apix", ""),
    ("GET thehub-aubg.com/api/large", "accept-encoding: gzip"),
    ("GET dev.thehub-aubg.com/", ""),
    ("GET dev.thehub-aubg.com/", "authorization: Basic aHViOnNlY3JldA=="),
    ("GET dev.thehub-aubg.com/", "authorization: Basic aHViOndyb25n"),
    ("GET dev.thehub-aubg.com/users/1", "authorization: Basic aHViOnNlY3JldA=="),
    ("GET dev.thehub-aubg.com/api/v2/x", ""),
    ("GET dev.thehub-aubg.com/api/v2/x", "authorization: Basic aHViOnNlY3JldA=="),
    ("GET dev.thehub-aubg.com/api/v3/x", ""),
    ("PUT dev.thehub-aubg.com/api/v3/x/y", ""),
    ("GET dev.thehub-aubg.com/api/v3x", ""),
    ("HTTP thehub-aubg.com/a?b=c", ""),
    ("HTTP dev.thehub-aubg.com/api/v3/x", ""),
    ("HTTP thehub-aubg.com/health", ""),
    ("HTTP anybody.example.org/health", ""),
    ("HTTP elsewhere.example.com/health", ""),
];

/// The Caddyfile as this machine can run it: ports, folder and password of the test, and what is dialled.
fn moved(config: &Value, ports: (u16, u16), folder: &str, api: u16) -> Value {
    let text = |text: &str| match text {
        ":80" => format!(":{}", ports.0),
        "/srv" => folder.to_owned(),
        "py-api:8080" => format!("py-api:{api}"),
        text if text.starts_with("$2a$14$") => {
            "$2b$04$G4S3oATpTAarGm0kxXCvtuDDs8AEPd9hbmC3/Icuj6W4Xf6go5g5a".to_owned()
        }
        text => text.to_owned(),
    };
    match config {
        Value::String(value) => text(value).into(),
        Value::Array(items) => items.iter().map(|item| moved(item, ports, folder, api)).collect(),
        Value::Object(fields) => {
            let entry =
                |(key, value): (&String, &Value)| (key.clone(), moved(value, ports, folder, api));
            fields.iter().map(entry).collect()
        }
        other => other.clone(),
    }
}

async fn answers(browser: &Browser<'_>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (wanted, header) in ROWS {
        answers.push(browser.ask(wanted, header.split_once(": ").as_slice(), "").await);
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_file_that_says_what_a_caddyfile_says_gets_the_same_answers() {
    let Some(inputs) = std::env::var_os("SKEP_INPUTS").map(PathBuf::from) else {
        eprintln!("skipped: set SKEP_INPUTS to the folder of aubg/Caddyfile");
        return;
    };
    let ports = (free_port(), free_port());
    let file = inputs.join("aubg/Caddyfile");
    let options = format!("http_port {}\n\thttps_port {}\n\tlocal_certs", ports.0, ports.1);
    let theirs = format!("{{\n\t{options}\n}}\nimport {}\n", file.display());
    let names: &[(&str, &[Ipv4Addr])] =
        &[("py-api", &[Ipv4Addr::LOCALHOST]), ("shop_py-api", &[Ipv4Addr::LOCALHOST])];
    let setup = Setup { apps: json!({}), names, ports: Some(ports), ..Setup::default() };
    let Some(caddy) = Caddy::with(setup).await else { return };
    if caddy.is_old().await {
        // Its `encode` wants to be told how.
        eprintln!("skipped: the Caddyfile is one for Caddy 2.7 and newer");
        return;
    }
    let api = Backend::start().await;
    caddy.file("srv/index.html", "<h1>the hub</h1>");
    caddy.file("srv/assets/app.js", "let app = 1;");
    caddy.file("srv/assets/large.js", &"let large = 1;\n".repeat(1000));
    let folder = caddy.folder().join("srv").display().to_string();

    let nothing = caddy.live().await.config;
    let theirs = moved(&adapt(&theirs).unwrap(), ports, &folder, api.port);
    caddy
        .put(|config| {
            for app in ["http", "tls"] {
                config["apps"][app] = theirs["apps"][app].clone();
            }
        })
        .await;
    let browser = Browser::of(&caddy);
    let wanted = answers(&browser).await;
    let unrouted = browser.ask("HTTP elsewhere.example.com/x", &[], "").await;
    caddy.put(|config| *config = nothing).await;

    let port = api.port.to_string();
    let stack = declared_with(STACK, &[("FOLDER", &folder), ("PORT", &port)]);
    assert!(pass_of(&caddy, &stack, &caddy.policy()).await.unwrap());
    let found = answers(&browser).await;
    let differ: Vec<_> = ROWS
        .iter()
        .zip(wanted.iter().zip(&found))
        .filter(|(_, (wanted, found))| wanted != found)
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
    let ends: std::collections::BTreeSet<u16> = found.iter().map(|answer| answer.status).collect();
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [200, 206, 308, 401, 405]);

    // Caddy sends whatever host to TLS where one has it; skep only those that have it.
    let ours = browser.ask("HTTP elsewhere.example.com/x", &[], "").await;
    assert_eq!((unrouted.status, ours.status), (308, 404));
}
