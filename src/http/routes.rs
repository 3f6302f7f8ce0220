//! Every path that is served, and how everything else is refused.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use tokio::sync::watch;

use crate::reconciler::controller::metrics::{CONTENT_TYPE as OPENMETRICS, Exposition};
use crate::reconciler::controller::pulse::Pulse;
use crate::reconciler::controller::report::Report;

use super::health;

/// What is shown of a controller. None of it leads to anything that writes.
#[derive(Debug)]
pub struct Shown {
    /// What it tells about itself.
    pub reports: watch::Receiver<Arc<Report>>,
    /// Whether it turns.
    pub pulse: Pulse,
    /// What it counts; `None` if that is not to be shown.
    pub metrics: Option<Exposition>,
}

/// Every path there is. All of them answer GET and HEAD, and nothing else.
pub const ROUTES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What answers at one of [`ROUTES`].
fn route(path: &str) -> Option<MethodRouter<Arc<Shown>>> {
    Some(match path {
        "/healthz" => get(healthz),
        "/readyz" => get(readyz),
        "/metrics" => get(metrics),
        _ => return None,
    })
}

/// The routes of a controller, and refusals for whatever else is asked.
pub fn routes(shown: Shown) -> Router {
    let served = ROUTES.into_iter().filter_map(|path| Some((path, route(path)?)));
    served
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
        .fallback(async || text(StatusCode::NOT_FOUND, "there is nothing here\n"))
        .with_state(Arc::new(shown))
        .layer(from_fn(guard))
}

/// Lets through what reads, before anything else sees it, and says of every answer what it is not for.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "this can only be read\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        refusal
    } else if !request.body().is_end_stream() {
        text(StatusCode::PAYLOAD_TOO_LARGE, "a request without a body is enough\n")
    } else {
        next.run(request).await
    };
    if response.status().is_client_error() {
        // Whatever else the client has to say is not read.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn healthz(State(shown): State<Arc<Shown>>) -> Response {
    match health::alive(&shown.pulse) {
        Ok(()) => text(StatusCode::OK, "ok\n"),
        Err(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn readyz(State(shown): State<Arc<Shown>>) -> Response {
    let report = Arc::clone(&shown.reports.borrow());
    match health::ready(&report, &shown.pulse) {
        Ok(()) => text(StatusCode::OK, "ok\n"),
        Err(missing) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", missing.join("\n"))),
    }
}

async fn metrics(State(shown): State<Arc<Shown>>) -> Response {
    match shown.metrics.as_ref().map(Exposition::text) {
        Some(Ok(metrics)) => typed(StatusCode::OK, OPENMETRICS, metrics),
        Some(Err(_)) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n"),
        None => text(StatusCode::NOT_FOUND, "the settings keep metrics to themselves\n"),
    }
}

fn text(status: StatusCode, body: impl Into<Body>) -> Response {
    typed(status, "text/plain; charset=utf-8", body)
}

fn typed(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], body.into()).into_response()
}
