//! Open sockets and a steady stream of requests, while routes come and go elsewhere.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::backend::Backend;
use super::caddy::{Caddy, Setup};
use super::socket::Socket;
use super::stacks::{declared_with, pass_of};

const SOCKETS: usize = 200;
const CHANGES: usize = 5;

const STACK: &str = r#"
services:
  web:
    image: acme/shop:1
    x-skep: {routes: [{host: shop.example.com, http_only: true, port: "${PORT}"}]}
x-skep:
  routes:
    - {host: "${ELSEWHERE}.example.com", http_only: true, respond: elsewhere}
"#;

/// One request on a connection of its own; `false` if the connection ended before anything was answered.
///
/// While Caddy takes a new configuration, it may close a connection that comes in just then. Clients open another one
/// (RFC 9110, 9.2.2).
async fn request(port: u16) -> io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request = b"GET /x HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let ended = match stream.write_all(request).await {
        Ok(()) => stream.read_to_end(&mut answer).await.map(drop),
        Err(error) => Err(error),
    };
    if answer.is_empty() {
        return Ok(false);
    }
    ended?;
    let answer = String::from_utf8_lossy(&answer);
    let is_whole = answer.starts_with("HTTP/1.1 200 ") && answer.contains("GET /x ");
    if is_whole { Ok(true) } else { Err(io::Error::other(answer)) }
}

/// The same, once more if it has to be; whether it had to be.
async fn request_as_clients_do(port: u16) -> io::Result<bool> {
    if request(port).await? {
        return Ok(false);
    }
    if request(port).await? { Ok(true) } else { Err(io::Error::other("no answer twice")) }
}

/// Fifty requests a second until it is enough: what became of each.
async fn requests(port: u16, is_enough: Arc<AtomicBool>) -> Vec<io::Result<bool>> {
    let mut ticks = interval(Duration::from_millis(20));
    // Slow answers do not make it a lesser load.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = Vec::new();
    while !is_enough.load(Ordering::Relaxed) {
        ticks.tick().await;
        under_way.push(tokio::spawn(request_as_clients_do(port)));
    }
    join_all(under_way).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_added_elsewhere_costs_no_request_and_no_socket() {
    let names: &[(&str, &[Ipv4Addr])] = &[("shop_web", &[Ipv4Addr::LOCALHOST])];
    let Some(caddy) = Caddy::with(Setup { names, ..Setup::default() }).await else { return };
    let is_old = caddy.is_old().await;
    let web = Backend::start().await;
    let port = web.port.to_string();
    let policy = caddy.policy();
    let pass = async |elsewhere: &str| {
        let stack = declared_with(STACK, &[("PORT", &port), ("ELSEWHERE", elsewhere)]);
        assert!(pass_of(&caddy, &stack, &policy).await.unwrap());
    };
    pass("first").await;
    let open = async |_| {
        let stream = TcpStream::connect(("127.0.0.1", caddy.http)).await.unwrap();
        Socket::open(stream, "shop.example.com", "/socket").await.unwrap()
    };
    let mut sockets = join_all((0..SOCKETS).map(open)).await;
    let is_enough = Arc::new(AtomicBool::new(false));
    let requests = tokio::spawn(requests(caddy.http, Arc::clone(&is_enough)));
    let begun = Instant::now();

    for change in 0..CHANGES {
        pass(&format!("at{change}")).await;
        let text = change.to_string();
        let echoes = sockets.iter_mut().map(async |socket| socket.echo(&text).await);
        let lost = join_all(echoes).await.into_iter().filter_map(Result::err).count();
        // Before 2.7 Caddy closes what a new configuration did not open.
        assert!(is_old || lost == 0, "{lost} of {SOCKETS}");
        if is_old {
            sockets.clear();
        }
        tokio::time::sleep_until(
            begun + Duration::from_millis(500) * u32::try_from(change).unwrap(),
        )
        .await;
    }
    is_enough.store(true, Ordering::Relaxed);
    let ended = requests.await.unwrap();
    let failed: Vec<_> = ended.iter().filter_map(|end| end.as_ref().err()).collect();
    assert!(failed.is_empty(), "{} of {}: {:?}", failed.len(), ended.len(), failed.first());
    let repeated = ended.iter().filter(|end| matches!(end, Ok(true))).count();
    assert!(repeated * 5 <= ended.len(), "{repeated} of {}", ended.len());
    assert!(ended.len() >= 80, "{}", ended.len());
}
