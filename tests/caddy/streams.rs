//! Answers that come bit by bit, connections that stay, and requests that no browser sends.

use std::time::Duration;

use serde_json::json;
use skep::model::desired::Desired;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::backend::Backend;
use super::caddy::{Caddy, Setup};
use super::client::Browser;
use super::socket::Socket;
use super::stacks::{declared_with, pass_of};

const STACK: &str = r#"
services:
  web:
    image: acme/shop:1
    x-skep:
      routes:
        - {host: shop.example.com, tls: internal, encode: true, port: "${PORT}"}
        - {host: plain.example.com, http_only: true, port: "${PORT}"}
        - {host: new.example.com, tls: internal, port: "${PORT}", path: "${MORE:-/none}"}
x-skep:
  routes:
    - {host: files.example.com, http_only: true, static: {dir: "${FOLDER}/site", spa: true}}
"#;

/// A Caddy with these routes, and what answers behind it.
async fn shop() -> Option<(Caddy, Backend)> {
    let names: &[(&str, &[std::net::Ipv4Addr])] = &[("shop_web", &[std::net::Ipv4Addr::LOCALHOST])];
    let caddy = Caddy::with(Setup { apps: json!({}), names, ..Setup::default() }).await?;
    let web = Backend::start().await;
    assert!(pass_of(&caddy, &declared(&caddy, &web, "/none"), &caddy.policy()).await.unwrap());
    Some((caddy, web))
}

fn declared(caddy: &Caddy, web: &Backend, more: &str) -> Desired {
    let (port, folder) = (web.port.to_string(), caddy.folder().display().to_string());
    declared_with(STACK, &[("PORT", &port), ("FOLDER", &folder), ("MORE", more)])
}

/// Within the time in which everything on one machine happens.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_are_open_both_ways_with_and_without_tls() {
    let Some((caddy, _web)) = shop().await else { return };
    let browser = Browser::of(&caddy);
    browser.ask("GET shop.example.com/", &[], "").await;
    let tls = browser.tls("shop.example.com").await;
    let mut socket = soon(Socket::open(tls, "shop.example.com", "/socket")).await.unwrap();
    for text in ["hello", "", "again"] {
        assert_eq!(soon(socket.echo(text)).await.unwrap(), text);
    }
    let plain = TcpStream::connect(("127.0.0.1", caddy.http)).await.unwrap();
    let mut socket = soon(Socket::open(plain, "plain.example.com", "/socket")).await.unwrap();
    assert_eq!(soon(socket.echo("hello")).await.unwrap(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_as_they_are_sent_and_outlive_a_change_of_the_configuration() {
    let Some((caddy, web)) = shop().await else { return };
    let browser = Browser::of(&caddy);
    // Compression would have reason to wait for more.
    let gzip = [("accept-encoding", "gzip")];
    for headers in [&gzip[..], &[]] {
        let mut events = browser.begin("GET shop.example.com/events", headers, "").await;
        let is_packed = events.headers().contains_key("content-encoding");
        let first = soon(events.chunk()).await.unwrap().unwrap();
        assert!(is_packed || first == "data: 0\n\n", "{first:?}");
        let more = format!("/more{}", headers.len());
        assert!(pass_of(&caddy, &declared(&caddy, &web, &more), &caddy.policy()).await.unwrap());
        web.gate.notify_one();
        let mut rest = Vec::new();
        while let Some(chunk) = soon(events.chunk()).await.unwrap() {
            rest.extend(chunk);
        }
        assert!(is_packed || rest == b"data: 1\n\n", "{rest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_under_way_survives_a_change_of_the_configuration() {
    let Some((caddy, web)) = shop().await else { return };
    let browser = Browser::of(&caddy);
    browser.ask("GET shop.example.com/", &[], "").await;
    let slow = browser.ask("GET shop.example.com/slow", &[], "");
    let change = async {
        assert!(pass_of(&caddy, &declared(&caddy, &web, "/more"), &caddy.policy()).await.unwrap());
        let new = browser.ask("GET new.example.com/more/x", &[], "").await;
        assert_eq!(new.status, 200);
        web.gate.notify_one();
    };
    let (slow, ()) = soon(async { tokio::join!(slow, change) }).await;
    assert_eq!((slow.status, slow.body.as_str()), (200, "at last"));
}

/// The answer to a request in these very bytes.
async fn raw(caddy: &Caddy, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", caddy.http)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_no_browser_sends_get_nothing_else_than_their_route() {
    let Some((caddy, _web)) = shop().await else { return };
    caddy.file("site/index.html", "the site");
    caddy.file("secret.txt", "the secret");
    let get = |target: &str, host: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    };
    for target in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//../secret.txt",
        "/x/../../secret.txt",
    ] {
        let answer = raw(&caddy, &get(target, "files.example.com")).await;
        assert!(!answer.contains("the secret"), "{target}: {answer}");
    }
    let answer = raw(&caddy, &get("/", "files.example.com")).await;
    assert!(answer.contains("the site"), "{answer}");
    let answer = raw(&caddy, &get("/x", "PLAIN.Example.com")).await;
    assert!(answer.contains("GET /x "), "{answer}");
    let answer = raw(&caddy, &get("/x", "plain.example.com:8080")).await;
    assert!(answer.contains("GET /x "), "{answer}");
    let answer = raw(&caddy, "GET /x HTTP/1.0\r\n\r\n").await;
    assert!(answer.contains(" 404 "), "{answer}");
    // What a client says of where it comes from counts for nothing.
    let forged = "GET /x HTTP/1.1\r\nHost: plain.example.com\r\nX-Forwarded-For: 192.0.2.9\r\nConnection: close\r\n\r\n";
    let answer = raw(&caddy, forged).await;
    assert!(answer.contains("for=127.0.0.1 "), "{answer}");
}
