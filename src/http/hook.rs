//! Webhooks of git servers, which say that there may be something new and nothing else: their content is not even read
//! as more than bytes that must be signed.

use std::collections::BTreeMap;
use std::fmt;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt as _;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::access::is_same;
use crate::model::secret::Redacted;

/// How long a body may be. GitHub sends at most so much (its documentation of webhook events and payloads).
const LONGEST: usize = 25 * 1024 * 1024;

/// The headers in which servers sign what they send with HMAC-SHA-256: GitHub, and Gitea and Forgejo.
const SIGNATURES: [(&str, &str); 4] = [
    ("x-hub-signature-256", "sha256="),
    ("x-gitea-signature", ""),
    ("x-forgejo-signature", ""),
    ("x-gogs-signature", ""),
];
/// The header in which GitLab sends the secret itself.
const TOKEN: &str = "x-gitlab-token";

/// The hooks that are open, by source.
pub type Hooks = BTreeMap<String, Hook>;

/// A hook of one source.
pub struct Hook {
    /// What the server signs with.
    pub secret: Redacted<Vec<u8>>,
    /// Has the source looked at.
    pub knock: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("secret", &self.secret).finish_non_exhaustive()
    }
}

impl Hook {
    /// Has the source looked at if whoever sends `body` knows the secret.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> (StatusCode, &'static str) {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let refused =
            (StatusCode::UNAUTHORIZED, "this is not signed with the secret of the hook\n");
        if let Some(token) = header(TOKEN) {
            if !is_same(token.as_bytes(), self.secret.expose()) {
                return refused;
            }
        } else {
            let mut signatures =
                SIGNATURES.iter().filter_map(|(name, prefix)| header(name)?.strip_prefix(prefix));
            let signature = signatures.next().and_then(|digits| hex::decode(digits).ok());
            let (Some(signature), Ok(mut mac)) =
                (signature, Hmac::<Sha256>::new_from_slice(self.secret.expose()))
            else {
                return refused;
            };
            let mut length = 0;
            let mut chunks = body.into_data_stream();
            while let Some(Ok(chunk)) = chunks.next().await {
                length += chunk.len();
                if length > LONGEST {
                    return (StatusCode::PAYLOAD_TOO_LARGE, "this is too long\n");
                }
                mac.update(&chunk);
            }
            if mac.verify_slice(&signature).is_err() {
                return refused;
            }
        }
        (self.knock)();
        (StatusCode::ACCEPTED, "the source is looked at\n")
    }
}
