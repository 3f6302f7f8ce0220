//! The client of Caddy's admin API: one read, one write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, RequestBuilder, header};
use serde_json::Value;

use super::endpoint::Endpoint;
use super::error::AdminError;
use super::floors::{Features, needed};
use super::live::Live;
use super::reply::Reply;

/// How long Caddy may take to answer; a write waits until every module has come up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How often a configuration is asked for whose answer is cut: with every new configuration Caddy opens its admin API
/// anew, and closes the connections that it has.
const READS: usize = 3;

/// Caddy's admin API.
#[derive(Debug, Clone)]
pub struct Admin {
    client: Client,
    base: String,
    endpoint: Endpoint,
    /// Whether this Caddy wants to hear an `Origin` (`admin.enforce_origin`). To others it would be a reason to refuse.
    says_origin: Arc<AtomicBool>,
}

impl Admin {
    /// A client for an endpoint. `identity` is a certificate with its key that Caddy asks for, `authority` one that
    /// Caddy's own certificate is believed by; both in PEM.
    pub fn new(
        endpoint: Endpoint,
        identity: Option<&[u8]>,
        authority: Option<&[u8]>,
    ) -> Result<Self, AdminError> {
        let shown = endpoint.to_string();
        let failed = |source| AdminError::Prepare { endpoint: shown.clone(), source };
        // Another part of the program may have been first; there is one provider either way.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            // A configuration that moves the admin API leaves connections to nowhere.
            .pool_max_idle_per_host(0);
        if let Some(pem) = identity {
            builder = builder.identity(Identity::from_pem(pem).map_err(failed)?);
        }
        if let Some(pem) = authority {
            let certificates = Certificate::from_pem_bundle(pem).map_err(failed)?;
            builder = builder.tls_certs_only(certificates);
        }
        let base = match &endpoint {
            Endpoint::Unix(path) => {
                builder = builder.unix_socket(path.clone());
                "http://127.0.0.1".to_owned()
            }
            Endpoint::Url(url) => url.as_str().trim_end_matches('/').to_owned(),
        };
        let client = builder.build().map_err(failed)?;
        Ok(Self { client, base, endpoint, says_origin: Arc::default() })
    }

    /// The whole configuration.
    pub async fn read(&self) -> Result<Live, AdminError> {
        let request = || self.client.get(self.url()).header(header::TE, "trailers");
        let mut reply = self.send("read", request()).await;
        for _ in 1..READS {
            if !reply.as_ref().is_err_and(is_cut) {
                break;
            }
            reply = self.send("read", request()).await;
        }
        let reply = reply?;
        if matches!(reply.status, 401 | 403) {
            return Err(self.forbidden(&reply));
        }
        if reply.status != 200 {
            return Err(self.unexpected(&reply));
        }
        let config: Value =
            serde_json::from_slice(&reply.body).map_err(|_| self.unexpected(&reply))?;
        if !is_caddys(&config) {
            return Err(self.unexpected(&reply));
        }
        let is_modern = reply.etag.is_some() && !reply.is_trailer;
        let features = if is_modern { Features::MODERN } else { Features::OLD };
        Ok(Live { config, etag: reply.etag, features })
    }

    /// Replaces the configuration that was read as `live`, in one write, and gives it back as it was read back. Everything
    /// of others is in `config` as it was: `POST /load` would not mind whether it still is, and a write under `/config/`
    /// does.
    pub async fn write(&self, live: &Live, config: &Value) -> Result<Live, AdminError> {
        let written = self.post(live, config, self.client.post(self.url())).await;
        if !written.as_ref().is_err_and(is_cut) {
            return written;
        }
        // The answer is lost, and the write perhaps is not.
        let found = self.read().await.ok().filter(|live| live.config == *config);
        found.map_or(written, Ok)
    }

    /// Has Caddy take the configuration again that it has, to tell whether it still does. Where files and machines have
    /// changed since, it may not; the one that runs stays then.
    pub async fn write_again(&self, live: &Live) -> Result<Live, AdminError> {
        // Else it would do nothing (caddyserver/caddy `admin.go`).
        let request =
            || self.client.post(self.url()).header(header::CACHE_CONTROL, "must-revalidate");
        let mut written = self.post(live, &live.config, request()).await;
        // What it has does not tell whether it took it.
        for _ in 1..READS {
            if !written.as_ref().is_err_and(is_cut) {
                break;
            }
            written = self.post(live, &live.config, request()).await;
        }
        written
    }

    async fn post(
        &self,
        live: &Live,
        config: &Value,
        request: RequestBuilder,
    ) -> Result<Live, AdminError> {
        let mut request = request.json(config);
        if let Some(etag) = &live.etag {
            request = request.header(header::IF_MATCH, etag);
        }
        let reply = self.send("write", request).await?;
        let endpoint = self.endpoint.to_string();
        match reply.status {
            200 => {}
            401 | 403 => return Err(self.forbidden(&reply)),
            412 => return Err(AdminError::Stale { endpoint }),
            400 | 500 => {
                let words = reply.words();
                let needed = needed(&words);
                return Err(AdminError::Refused { endpoint, words, needed });
            }
            _ => return Err(self.unexpected(&reply)),
        }
        let live = self.read().await?;
        if live.config == *config { Ok(live) } else { Err(AdminError::Lost { endpoint }) }
    }

    fn url(&self) -> String {
        format!("{}/config/", self.base)
    }

    async fn send(
        &self,
        operation: &'static str,
        request: RequestBuilder,
    ) -> Result<Reply, AdminError> {
        let again = request.try_clone();
        let says_origin = self.says_origin.load(Ordering::Relaxed);
        let reply = self.once(operation, request, says_origin).await?;
        // As Caddy words it: "client is not allowed to access from origin ''".
        let wants_origin = reply.status == 403 && reply.words().contains("origin");
        match again {
            Some(again) if wants_origin && !says_origin => {
                self.says_origin.store(true, Ordering::Relaxed);
                self.once(operation, again, true).await
            }
            _ => Ok(reply),
        }
    }

    async fn once(
        &self,
        operation: &'static str,
        mut request: RequestBuilder,
        says_origin: bool,
    ) -> Result<Reply, AdminError> {
        // The only host that 2.6 allows on a socket is none; newer ones allow it, too.
        let origin = match &self.endpoint {
            Endpoint::Unix(_) => {
                request = request.header(header::HOST, "");
                "http://localhost".to_owned()
            }
            Endpoint::Url(url) => url.origin().ascii_serialization(),
        };
        if says_origin {
            request = request.header(header::ORIGIN, origin);
        }
        let response = request.send().await.map_err(|error| self.unreachable(operation, error))?;
        Reply::read(response).await.map_err(|error| self.unreachable(operation, error))
    }

    fn unreachable(&self, operation: &'static str, source: reqwest::Error) -> AdminError {
        let endpoint = self.endpoint.to_string();
        AdminError::Unreachable { operation, endpoint, source: source.without_url() }
    }

    fn forbidden(&self, reply: &Reply) -> AdminError {
        AdminError::Forbidden { endpoint: self.endpoint.to_string(), words: reply.words() }
    }

    fn unexpected(&self, reply: &Reply) -> AdminError {
        AdminError::Unexpected {
            endpoint: self.endpoint.to_string(),
            status: reply.status,
            words: reply.words(),
        }
    }
}

/// Whether a connection was there, and ended before the answer did.
fn is_cut(error: &AdminError) -> bool {
    let AdminError::Unreachable { source, .. } = error else { return false };
    !source.is_timeout() && !source.is_connect()
}

/// Whether this can be a configuration of Caddy, which has nothing else at its top (caddyserver/caddy `caddy.go`).
fn is_caddys(config: &Value) -> bool {
    match config {
        Value::Null => true,
        Value::Object(fields) => fields
            .keys()
            .all(|key| matches!(key.as_str(), "@id" | "admin" | "logging" | "storage" | "apps")),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => false,
    }
}
