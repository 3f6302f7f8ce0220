//! The server as clients meet it, good ones and bad ones.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{
    Access, HOOK, Hooks, Limits, Listener, METRICS, Page, ROUTES, Shown, metrics_routes, routes,
    serve,
};
use crate::reconciler::controller::example;
use crate::reconciler::controller::metrics::{Exposition, Metrics};
use crate::reconciler::controller::pulse::Pulse;
use crate::reconciler::controller::report::Report;

/// What is far longer than any of this takes.
const LONG: Duration = Duration::from_secs(20);

/// A server that shows a report.
struct Server {
    address: String,
    reports: watch::Sender<Arc<Report>>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        Self::on(Listener::tcp(([127, 0, 0, 1], 0).into()).await.unwrap(), limits)
    }

    fn on(listener: Listener, limits: Limits) -> Self {
        Self::of(routes, listener, limits)
    }

    fn of(routes: impl FnOnce(Shown) -> Router, listener: Listener, limits: Limits) -> Self {
        let (reports, shown) = watch::channel(Arc::new(example::report()));
        let (stop, stopped) = watch::channel(false);
        let metrics = Exposition::new(&Metrics::default(), shown.clone(), Vec::new());
        let shown = Shown {
            reports: shown,
            pulse: Pulse::new(Arc::default()),
            metrics: Some(metrics),
            access: Access::default(),
            hooks: Hooks::default(),
            page: Some(Page::default()),
        };
        let address = listener.address().to_owned();
        let routes = routes(shown);
        let serving = tokio::spawn(async move { serve(&listener, routes, limits, stopped).await });
        Self { address, reports, stop, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// The whole answer to a request.
    async fn ask(&self, method: &str, path: &str) -> String {
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        exchange(self.connect().await, request.as_bytes()).await
    }

    /// Fails unless `path` is answered with `status` when it is read, and with a refusal of everything else.
    async fn is_read_only(&self, path: &str, status: &str) {
        let answer = self.ask("GET", path).await;
        assert!(answer.starts_with(status), "{path}: {answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{path}: {answer}");
        let head = self.ask("HEAD", path).await;
        assert!(head.starts_with(status) && head.ends_with("\r\n\r\n"), "{path}: {head}");
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"] {
            let answer = self.ask(method, path).await;
            assert!(answer.starts_with("HTTP/1.1 405 "), "{method} {path}: {answer}");
            assert!(answer.contains("allow: GET, HEAD"), "{method} {path}: {answer}");
        }
    }
}

/// Sends `request` and reads until the server ends the connection.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> String {
    // It may be refused before all of it was sent.
    let _ = stream.write_all(request).await;
    rest(stream).await
}

async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut answer = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the server ends the connection");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn every_route_can_be_read_and_nothing_else() {
    let server = Server::start(Limits::default()).await;
    server.reports.send_modify(|report| {
        let mut ready = Report::clone(report);
        ready.sources.truncate(1);
        *report = Arc::new(ready);
    });
    // News have no end.
    for path in ROUTES.into_iter().filter(|path| *path != "/api/v1/events") {
        let path = path.replace("{stack}", "shop").replace("{file}", "page.css");
        // No service and no badge is in the example.
        let is_there = !path.contains("{service}") && !path.starts_with("/badges/");
        let status = if is_there { "HTTP/1.1 200 " } else { "HTTP/1.1 404 " };
        server.is_read_only(&path, status).await;
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = server.ask("GET", path).await;
        assert!(answer.contains("cache-control: no-store"), "{path}: {answer}");
    }
    for path in ["/x", "/healthz/", "/metrics/x", "/../healthz", "//healthz", "/%68ealthz?x"] {
        assert!(server.ask("GET", path).await.starts_with("HTTP/1.1 404 "), "{path}");
        assert!(server.ask("POST", path).await.starts_with("HTTP/1.1 405 "), "{path}");
    }
    let metrics = server.ask("GET", "/metrics").await;
    let media_type = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(metrics.contains(media_type) && metrics.ends_with("# EOF\n"), "{metrics}");
}

#[tokio::test]
async fn where_metrics_are_by_themselves_nothing_else_is_and_they_can_only_be_read() {
    let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).await.unwrap();
    let alone = |shown: Shown| metrics_routes(shown.metrics.unwrap());
    let server = Server::of(alone, listener, Limits::default());
    let fill = |path: &str| path.replace("{stack}", "shop").replace("{file}", "page.css");
    for path in ROUTES.into_iter().chain([HOOK, "/x", "/metrics/", "//metrics"]).map(fill) {
        let status = if path == METRICS { "HTTP/1.1 200 " } else { "HTTP/1.1 404 " };
        server.is_read_only(&path, status).await;
    }
    let request = b"GET /metrics HTTP/1.1\r\nhost: skep.example.com\r\nconnection: close\r\n\r\n";
    let metrics = exchange(server.connect().await, request).await;
    assert!(metrics.contains("skep_build_info") && metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(metrics.contains("x-content-type-options: nosniff"), "{metrics}");
    let body = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhello";
    let refused = exchange(server.connect().await, body).await;
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
}

#[tokio::test]
async fn what_is_not_ready_says_why() {
    let server = Server::start(Limits::default()).await;
    let said = async || server.ask("GET", "/readyz").await;
    let show = |report| server.reports.send_replace(Arc::new(report));
    let unread = "source other was not read yet: connect to git.example.com: connection refused";
    let answer = said().await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains(unread), "{answer}");
    show(Report { status: None, ..example::report() });
    let answer = said().await;
    assert!(answer.contains("nothing was compared yet"), "{answer}");
    show(example::in_trouble());
    let answer = said().await;
    let reason = "the Swarm cannot be observed since 2027-01-15T08:00:00Z: cannot list services: ";
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains(reason), "{answer}");
    // It lives all the same.
    assert!(server.ask("GET", "/healthz").await.starts_with("HTTP/1.1 200 "));
    let whole = example::report();
    show(Report { sources: whole.sources[..1].to_vec(), ..whole });
    assert!(said().await.ends_with("\r\n\r\nok\n"));
}

#[tokio::test]
async fn clients_that_send_too_much_are_refused() {
    let server = Server::start(Limits::default()).await;
    let ask = async |request: String| exchange(server.connect().await, request.as_bytes()).await;
    let get = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n";
    let body = ask(format!("{get}content-length: 5\r\n\r\nhello")).await;
    assert!(body.starts_with("HTTP/1.1 413 ") && body.contains("connection: close"), "{body}");
    let chunked = ask(format!("{get}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")).await;
    assert!(chunked.starts_with("HTTP/1.1 413 "), "{chunked}");
    let long = ask(format!("{get}x: {}\r\n\r\n", "x".repeat(20_000))).await;
    assert!(long.starts_with("HTTP/1.1 431 "), "{long}");
    let many = ask(format!("{get}{}\r\n", "x: x\r\n".repeat(100))).await;
    assert!(many.starts_with("HTTP/1.1 431 "), "{many}");
    let garbage = ask("\u{16}\u{3}\u{1}\r\n\r\n".to_owned()).await;
    assert!(garbage.starts_with("HTTP/1.1 400 "), "{garbage}");
    assert!(server.ask("GET", "/healthz").await.ends_with("ok\n"));
}

#[tokio::test]
async fn slow_clients_hold_nobody_else_up() {
    let limits = Limits {
        connections: 2,
        arrival: Duration::from_millis(300),
        patience: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    // One says nothing, one never comes to an end.
    let silent = server.connect().await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
    // There is no room before they were sent away.
    assert!(server.ask("GET", "/healthz").await.ends_with("ok\n"));
    assert!(!rest(silent).await.contains("200"));
    assert!(!rest(slow).await.contains("200"));
    // One asks for more and more, and takes none of it.
    let mut greedy = server.connect().await;
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
    let cut_off = async {
        while greedy.write_all(&request).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, cut_off).await.expect("it is cut off");
    assert!(server.ask("GET", "/healthz").await.ends_with("ok\n"));
}

#[tokio::test]
async fn it_stops_when_it_is_told_although_connections_are_kept() {
    let server = Server::start(Limits::default()).await;
    let mut kept = server.connect().await;
    kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    kept.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    server.stop.send_replace(true);
    timeout(LONG, server.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(&server.address).await.is_err());
    assert!(rest(kept).await.ends_with("ok\n"));
}

#[tokio::test]
async fn a_unix_socket_is_taken_over_from_a_killed_process_and_from_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("http.sock");
    drop(tokio::net::UnixListener::bind(&path).unwrap());
    let server = Server::on(Listener::unix(&path).await.unwrap(), Limits::default());
    let request = b"GET /healthz HTTP/1.0\r\n\r\n";
    let answer = exchange(UnixStream::connect(&path).await.unwrap(), request).await;
    assert!(answer.ends_with("ok\n"), "{answer}");
    let error = Listener::unix(&path).await.unwrap_err();
    assert_eq!(error.to_string(), format!("listen on unix://{}", path.display()));
    server.stop.send_replace(true);
    server.serving.await.unwrap();
    assert!(!Path::new(&path).exists());
    std::fs::write(&path, "mine").unwrap();
    Listener::unix(&path).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
}
