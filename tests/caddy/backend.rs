//! A server behind Caddy that tells what it was asked.

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;

/// Starts a server that answers every request with its method, path and some headers; gives its port.
pub(crate) async fn start() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().fallback(echo);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    port
}

async fn echo(request: Request) -> impl IntoResponse {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or("-").to_owned()
    };
    let (host, extra, removed) = (header("host"), header("x-extra"), header("x-remove"));
    let line = format!(
        "{} {} host={host} extra={extra} removed={removed}",
        request.method(),
        request.uri()
    );
    let body = if request.uri().path().ends_with("/large") { "x".repeat(10_000) } else { line };
    let headers = [
        ("content-type", "text/plain"),
        ("x-powered-by", "echo"),
        ("x-frame-options", "SAMEORIGIN"),
    ];
    (headers, body)
}
