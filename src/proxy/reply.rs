//! An answer of the admin API, read to its end.

use http_body_util::BodyExt as _;

/// How much of an answer is read: a configuration of thousands of routes, and little enough for a hostile server.
const LARGEST: usize = 64 << 20;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// The `ETag`.
    pub(super) etag: Option<String>,
    /// Whether it came behind the body, as Caddy before 2.8 has it.
    pub(super) is_trailer: bool,
}

impl Reply {
    /// Reads an answer. Before 2.8 Caddy sends the `ETag` as a trailer, which is found frame by frame only.
    pub(super) async fn read(response: reqwest::Response) -> Result<Self, reqwest::Error> {
        let status = response.status().as_u16();
        let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
        let mut etag = response.headers().get(http::header::ETAG).and_then(text);
        let mut is_trailer = false;
        let response: http::Response<reqwest::Body> = response.into();
        let mut frames = response.into_body();
        let mut body = Vec::new();
        while let Some(frame) = frames.frame().await {
            match frame?.into_data() {
                Ok(data) if body.len() + data.len() <= LARGEST => body.extend_from_slice(&data),
                Ok(_) => break,
                Err(frame) => {
                    let trailers = frame.into_trailers().ok();
                    let found = trailers.as_ref().and_then(|all| all.get(http::header::ETAG));
                    if let Some(found) = found.and_then(text) {
                        is_trailer = true;
                        etag = Some(found);
                    }
                }
            }
        }
        Ok(Self { status, body, etag, is_trailer })
    }

    /// What Caddy says about a failure: the `error` of its JSON, else the beginning of whatever it is.
    pub(super) fn words(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let error = json.as_ref().and_then(|json| json.get("error")?.as_str());
        let text = error.map_or_else(|| String::from_utf8_lossy(&self.body), Into::into);
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        line.trim().chars().take(2000).collect()
    }
}
