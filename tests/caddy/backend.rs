//! A server behind Caddy that tells what it was asked, as one task of a service would.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures_util::stream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::socket::{accept_key, echo};

/// A running server.
pub(crate) struct Backend {
    pub(crate) port: u16,
    /// What `/events` and `/slow` wait for, once for each.
    pub(crate) gate: Arc<Notify>,
    serving: JoinHandle<()>,
}

#[derive(Clone)]
struct Task {
    name: String,
    gate: Arc<Notify>,
}

impl Backend {
    /// A server at 127.0.0.1.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener, "one")
    }

    /// A server at each of these addresses, all with one port, as the tasks of a service have it; named by their last
    /// number.
    pub(crate) async fn tasks(addresses: &[Ipv4Addr]) -> Vec<Self> {
        loop {
            let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = first.local_addr().unwrap().port();
            let mut listeners = Vec::new();
            for address in addresses {
                listeners.extend(TcpListener::bind((*address, port)).await);
            }
            // Somebody else may have the port at one of the addresses.
            if listeners.len() == addresses.len() {
                let named = addresses.iter().map(|address| format!("t{}", address.octets()[3]));
                return listeners.into_iter().zip(named).map(|(l, n)| Self::serve(l, &n)).collect();
            }
        }
    }

    fn serve(listener: TcpListener, name: &str) -> Self {
        let port = listener.local_addr().unwrap().port();
        let gate = Arc::new(Notify::new());
        let task = Task { name: name.to_owned(), gate: Arc::clone(&gate) };
        let router = Router::new()
            .route("/socket", any(socket))
            .route("/events", get(events))
            .route("/slow", get(slow))
            .route("/upload", post(upload))
            .fallback(tell)
            .with_state(task);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, gate, serving }
    }

    /// Stops listening; nothing answers any more.
    pub(crate) fn stop(&self) {
        self.serving.abort();
    }
}

async fn tell(State(task): State<Task>, request: Request) -> impl IntoResponse {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or("-").to_owned()
    };
    let line = format!(
        "{} {} host={} extra={} removed={} for={} proto={}",
        request.method(),
        request.uri(),
        header("host"),
        header("x-extra"),
        header("x-remove"),
        header("x-forwarded-for"),
        header("x-forwarded-proto"),
    );
    let body = if request.uri().path().ends_with("/large") { "x".repeat(10_000) } else { line };
    let headers = [
        ("content-type", "text/plain".to_owned()),
        ("x-powered-by", "echo".to_owned()),
        ("x-frame-options", "SAMEORIGIN".to_owned()),
        ("x-task", task.name),
        // Else a server that is stopped would still answer on the connections that it has.
        ("connection", "close".to_owned()),
    ];
    (headers, body)
}

async fn upload(body: Bytes) -> String {
    format!("{} bytes", body.len())
}

/// Two events, the second one once the gate is opened.
async fn events(State(task): State<Task>) -> impl IntoResponse {
    let events = stream::unfold(0, move |count| {
        let gate = Arc::clone(&task.gate);
        async move {
            if count == 2 {
                return None;
            }
            if count == 1 {
                gate.notified().await;
            }
            let event = Ok::<_, std::convert::Infallible>(format!("data: {count}\n\n"));
            Some((event, count + 1))
        }
    });
    ([("content-type", "text/event-stream")], Body::from_stream(events))
}

async fn slow(State(task): State<Task>) -> &'static str {
    task.gate.notified().await;
    "at last"
}

/// A WebSocket that sends back what it gets (RFC 6455).
async fn socket(headers: HeaderMap, mut request: Request) -> Response {
    let Some(key) = headers.get("sec-websocket-key").and_then(|key| key.to_str().ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let accept = accept_key(key);
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(&mut request).await {
            let _ = echo(TokioIo::new(upgraded)).await;
        }
    });
    let answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept);
    answer.body(Body::empty()).unwrap()
}
