//! Plain answers, refusals of what does not read, and what every answer says that it is not for.

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

pub(super) fn text(status: StatusCode, body: impl Into<Body>) -> Response {
    typed(status, "text/plain; charset=utf-8", body)
}

pub(super) fn typed(
    status: StatusCode,
    media_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(media_type))], body.into()).into_response()
}

/// What is answered where nothing is.
pub(super) fn nothing() -> Response {
    text(StatusCode::NOT_FOUND, "there is nothing here\n")
}

/// The refusal of a request that does more than read.
pub(super) fn refusal(request: &Request) -> Option<Response> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "this can only be read\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(refusal);
    }
    let has_body = !request.body().is_end_stream();
    has_body.then(|| text(StatusCode::PAYLOAD_TOO_LARGE, "a request without a body is enough\n"))
}

/// The same answer, which says what it is not for; `ends` if nothing more is read of the client.
pub(super) fn finished(mut response: Response, ends: bool) -> Response {
    let ends = ends || response.status().is_client_error();
    let headers = response.headers_mut();
    if ends {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let resources = HeaderName::from_static("cross-origin-resource-policy");
    let whose = if is_open_to_all(headers) { "cross-origin" } else { "same-origin" };
    headers.insert(resources, HeaderValue::from_static(whose));
    response
}

/// Badges stand on pages of others.
fn is_open_to_all(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "image/svg+xml")
}
