//! Webhooks of git servers, which say that there may be something new and nothing else: their content is not even read
//! as more than bytes that must be signed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use futures_util::StreamExt as _;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::access::is_same;
use crate::model::secret::Redacted;

/// How long a body may be. GitHub sends at most so much (its documentation of webhook events and payloads).
const LONGEST: usize = 25 * 1024 * 1024;
/// How many bodies are read at the same time: whoever sends one is not known before all of it is there.
pub(super) const AT_ONCE: usize = 8;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// The headers in which servers sign what they send with HMAC-SHA-256: GitHub, and Gitea and Forgejo.
const SIGNATURES: [(&str, &str); 4] = [
    ("x-hub-signature-256", "sha256="),
    ("x-gitea-signature", ""),
    ("x-forgejo-signature", ""),
    ("x-gogs-signature", ""),
];
/// The header in which GitLab sends the secret itself.
const TOKEN: &str = "x-gitlab-token";

type Answer = (StatusCode, &'static str);

const REFUSED: Answer =
    (StatusCode::UNAUTHORIZED, "this is not signed with the secret of the hook\n");
const TOO_LONG: Answer = (StatusCode::PAYLOAD_TOO_LARGE, "this is too long\n");
const TOO_SLOW: Answer = (StatusCode::REQUEST_TIMEOUT, "this takes too long\n");
const TOO_MANY: Answer =
    (StatusCode::SERVICE_UNAVAILABLE, "too many hooks are received already; try again later\n");

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
    /// Has the source looked at if whoever sends `body` knows the secret. Nothing is read of a body that cannot be good,
    /// or for which there is no `room`.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
        room: &Semaphore,
    ) -> Answer {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        if let Some(token) = header(TOKEN) {
            if !is_same(token.as_bytes(), self.secret.expose()) {
                return REFUSED;
            }
        } else {
            let mut signatures =
                SIGNATURES.iter().filter_map(|(name, prefix)| header(name)?.strip_prefix(prefix));
            let Some(signature) = signatures.next().and_then(signature) else { return REFUSED };
            let Ok(_place) = room.try_acquire() else { return TOO_MANY };
            match timeout(PATIENCE, self.is_signed(&signature, body)).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => return REFUSED,
                Ok(Err(refusal)) => return refusal,
                Err(_) => return TOO_SLOW,
            }
        }
        (self.knock)();
        (StatusCode::ACCEPTED, "the source is looked at\n")
    }

    async fn is_signed(&self, signature: &[u8; 32], body: Body) -> Result<bool, Answer> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.secret.expose()) else {
            return Ok(false);
        };
        let mut length = 0;
        let mut chunks = body.into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            length += chunk.len();
            if length > LONGEST {
                return Err(TOO_LONG);
            }
            mac.update(&chunk);
        }
        Ok(mac.verify_slice(signature).is_ok())
    }
}

/// The bytes of a signature, if there are as many as HMAC-SHA-256 has.
fn signature(digits: &str) -> Option<[u8; 32]> {
    let mut signature = [0; 32];
    hex::decode_to_slice(digits, &mut signature).ok()?;
    Some(signature)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures_util::stream;

    use super::*;

    fn hook() -> Hook {
        Hook { secret: Redacted::new(b"secret".to_vec()), knock: Box::new(|| {}) }
    }

    fn signed(signature: &str) -> HeaderMap {
        let value = format!("sha256={signature}").parse().unwrap();
        HeaderMap::from_iter([("x-hub-signature-256".parse().unwrap(), value)])
    }

    /// A body that never comes to an end.
    fn endless() -> Body {
        Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_slowly_is_sent_away_and_takes_one_of_few_places_until_then() {
        let (hook, room) = (hook(), Semaphore::new(1));
        let headers = signed(&"0".repeat(64));
        let first = hook.receive(&headers, endless(), &room);
        let second = async {
            tokio::task::yield_now().await;
            hook.receive(&headers, endless(), &room).await
        };
        assert_eq!(tokio::join!(first, second), (TOO_SLOW, TOO_MANY));
        assert_eq!(room.available_permits(), 1);
    }

    #[tokio::test]
    async fn nothing_is_read_of_what_cannot_be_good() {
        let (hook, full) = (hook(), Semaphore::new(0));
        for signature in ["", "zz", &"0".repeat(62), &"0".repeat(63), &"0".repeat(66)] {
            let answer = hook.receive(&signed(signature), endless(), &full).await;
            assert_eq!(answer, REFUSED, "{signature}");
        }
        let token = HeaderMap::from_iter([(TOKEN.parse().unwrap(), "secret".parse().unwrap())]);
        assert_eq!(hook.receive(&token, endless(), &full).await.0, StatusCode::ACCEPTED);
    }
}
