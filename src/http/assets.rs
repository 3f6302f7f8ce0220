//! Styles, scripts and the icon of the page, which are part of the program.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use rust_embed::RustEmbed;

use super::etag;

/// The path below which they are.
pub(super) const BELOW: &str = "/assets/";

#[derive(RustEmbed)]
#[folder = "src/http/assets/"]
struct Assets;

/// The path of an asset, which changes with its content.
pub(super) fn link(name: &str) -> String {
    let hash = Assets::get(name).map(|asset| digits(&asset.metadata.sha256_hash()));
    format!("{BELOW}{name}?v={}", hash.unwrap_or_default())
}

fn digits(hash: &[u8; 32]) -> String {
    let mut digits = hex::encode(hash);
    digits.truncate(16);
    digits
}

/// The asset of this name; whoever asks for the `version` that there is may keep it for ever.
pub(super) fn answer(name: &str, version: Option<&str>, headers: &HeaderMap) -> Option<Response> {
    let asset = Assets::get(name)?;
    let tag = digits(&asset.metadata.sha256_hash());
    let kept =
        if version == Some(&tag) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let media_type = match name.rsplit_once('.').map(|(_, kind)| kind) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let (status, body) = if etag::is_known(headers, &tag) {
        (StatusCode::NOT_MODIFIED, Body::empty())
    } else {
        let data = match asset.data {
            std::borrow::Cow::Borrowed(data) => Bytes::from_static(data),
            std::borrow::Cow::Owned(data) => Bytes::from(data),
        };
        (StatusCode::OK, Body::from(data))
    };
    let mut response = (
        status,
        [
            (CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (CACHE_CONTROL, HeaderValue::from_static(kept)),
        ],
        body,
    )
        .into_response();
    response.headers_mut().extend(etag::header(&tag).map(|tag| (ETAG, tag)));
    Some(response)
}
