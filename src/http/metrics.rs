//! Metrics, beside pages or by themselves.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;

use super::answer::{finished, nothing, refusal, text, typed};
use crate::reconciler::controller::metrics::{CONTENT_TYPE, Exposition};

/// Where metrics are, beside pages as by themselves.
pub const METRICS: &str = "/metrics";

/// Metrics by themselves: [`METRICS`], and refusals for whatever else is asked. Nobody is asked who they are, nor by which
/// name they know this machine.
pub fn metrics_routes(metrics: Exposition) -> Router {
    Router::new()
        .route(METRICS, get(alone))
        .fallback(async || nothing())
        .with_state(Arc::new(metrics))
        .layer(from_fn(guard))
}

async fn guard(request: Request, next: Next) -> Response {
    let response = match refusal(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    finished(response, false)
}

async fn alone(State(metrics): State<Arc<Exposition>>) -> Response {
    answer(Some(&metrics))
}

/// The values of now, where they are served.
pub(super) fn answer(metrics: Option<&Exposition>) -> Response {
    match metrics.map(Exposition::text) {
        Some(Ok(metrics)) => typed(StatusCode::OK, CONTENT_TYPE, metrics),
        Some(Err(_)) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n"),
        None => text(StatusCode::NOT_FOUND, "metrics are not served here\n"),
    }
}
