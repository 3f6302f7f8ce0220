//! Answers that a client has already, which need not be sent again (RFC 9110, 13.1.2).

use axum::http::HeaderMap;
use axum::http::header::{HeaderValue, IF_NONE_MATCH};
use sha2::{Digest as _, Sha256};

/// What stands for `content`.
pub(super) fn of(content: &[u8]) -> String {
    let mut digits = hex::encode(Sha256::digest(content));
    digits.truncate(16);
    digits
}

/// The header that tells it.
pub(super) fn header(tag: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{tag}\"")).ok()
}

/// Whether the client has it.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|known| known.to_str().ok());
    let mut known = known.flat_map(|known| known.split(','));
    known.any(|known| known.trim().trim_start_matches("W/").trim_matches('"') == tag)
}
