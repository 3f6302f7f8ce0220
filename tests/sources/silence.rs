//! Servers that say nothing: time limits hold, and whoever waits may stop at once.

use std::time::Duration;

use skep::sources::FetchError;
use skep::sources::git::{GitDeclaration, GitError, Limits, Remedy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::fetching::{Station, declaration, limits, refused};
use crate::http_servers::{HttpServer, Manners};
use crate::origin::Origin;
use crate::server::Server;

fn urls(port: u16) -> [String; 4] {
    [
        format!("git://127.0.0.1:{port}/x"),
        format!("http://127.0.0.1:{port}/x"),
        format!("https://127.0.0.1:{port}/x"),
        format!("ssh://git@127.0.0.1:{port}/x"),
    ]
}

#[tokio::test]
async fn a_silent_server_is_left_in_time() {
    let server = Server::silent();
    let short = Duration::from_millis(200);
    for url in urls(server.port()) {
        let station = Station::limited(Limits { connect: short, idle: short, ..limits() });
        let begun = Instant::now();
        let error = refused(&station.source(&url)).await;
        assert!(matches!(&*error, GitError::TimedOut { .. }), "{url}: {error:?}");
        assert_eq!(error.remedy(), Remedy::Retry);
        assert!(begun.elapsed() < Duration::from_secs(5), "{url}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_while_keys_are_exchanged_is_left_for_good() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (short, total) = (Duration::from_millis(200), Duration::from_secs(1));
    let station = Station::limited(Limits { connect: short, idle: short, total, ..limits() });
    let source = station.source(&format!("ssh://git@127.0.0.1:{port}/x"));
    let served = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(b"SSH-2.0-silent\r\n").await.expect("a greeting");
        stream
    };
    let (error, mut stream) = tokio::join!(refused(&source), served);
    assert!(matches!(&*error, GitError::TimedOut { .. }), "{error:?}");
    let mut heard = Vec::new();
    let left = timeout(Duration::from_secs(10), stream.read_to_end(&mut heard)).await;
    left.expect("the connection is closed").expect("read");
}

#[tokio::test]
async fn several_sources_wait_for_a_silent_server_once() {
    let server = Server::silent();
    let station = Station::limited(Limits { idle: Duration::from_millis(200), ..limits() });
    let url = format!("git://127.0.0.1:{}/x", server.port());
    let sources = ["a", "b", "c"].map(|path| {
        station.declared(GitDeclaration { path: path.to_owned(), ..declaration(&url) })
    });
    let (asked, stop) = (Instant::now(), CancellationToken::new());
    for source in &sources {
        assert!(source.fetch(asked, &stop).await.is_err());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn waiting_ends_when_it_is_told_to() {
    let server = Server::silent();
    for url in urls(server.port()) {
        let station = Station::new();
        let source = station.source(&url);
        let stop = CancellationToken::new();
        let before = server.connections();
        let fetching = source.fetch(Instant::now(), &stop);
        let stopping = async {
            while server.connections() == before {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        };
        let both = async { tokio::join!(fetching, stopping).0 };
        let ended = timeout(Duration::from_secs(2), both).await.expect("it ends");
        assert!(matches!(ended, Err(FetchError::Cancelled)), "{url}: {ended:?}");
    }
}

#[tokio::test]
async fn a_transfer_that_stalls_ends_and_leaves_nothing_behind() {
    let origin = Origin::with_a_stack();
    origin.write(
        "noise",
        (0..90_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
            .collect::<Vec<_>>(),
    );
    origin.commit("Noise");
    for stalls_after in [0, 100, 50_000] {
        let manners = Manners { stalls_after: Some(stalls_after), ..Manners::default() };
        let server = HttpServer::plain(&origin, manners).await;
        let station = Station::limited(Limits { idle: Duration::from_millis(300), ..limits() });
        let error = refused(&station.source(&server.url("stacks.git"))).await;
        assert!(matches!(&*error, GitError::TimedOut { .. }), "{error:?}");
        let packs = station.repository().join("objects/pack");
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        // The thread that writes hears of it a moment later.
        while std::fs::read_dir(&packs).expect("packs").count() > 0 {
            assert!(std::time::Instant::now() < deadline, "{stalls_after}: something is left");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn all_of_it_together_must_not_take_too_long() {
    let server = Server::silent();
    let limits = Limits { total: Duration::from_millis(300), ..limits() };
    let station = Station::limited(limits);
    let error = refused(&station.source(&format!("git://127.0.0.1:{}/x", server.port()))).await;
    assert!(error.to_string().contains("did not send everything within 0.3 s"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let port = Server::silent().port();
    for url in urls(port) {
        let error = refused(&Station::new().source(&url)).await;
        assert!(matches!(&*error, GitError::Connect { .. }), "{url}: {error:?}");
        assert_eq!(error.to_string(), format!("connect to 127.0.0.1:{port}"));
    }
}
