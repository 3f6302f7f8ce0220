//! The client of Caddy's admin API: one read, one write.

use std::time::Duration;

use reqwest::{Certificate, Client, Identity, header};
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

/// Caddy's admin API.
#[derive(Debug, Clone)]
pub struct Admin {
    client: Client,
    base: String,
    endpoint: Endpoint,
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
        Ok(Self { client, base, endpoint })
    }

    /// The whole configuration.
    pub async fn read(&self) -> Result<Live, AdminError> {
        let request = self.client.get(self.url()).header(header::TE, "trailers");
        let reply = self.send("read", request).await?;
        if reply.status != 200 {
            return Err(self.unexpected(&reply));
        }
        let config: Value =
            serde_json::from_slice(&reply.body).map_err(|_| self.unexpected(&reply))?;
        if !(config.is_null() || config.is_object()) {
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
        let mut request = self.client.post(self.url()).json(config);
        if let Some(etag) = &live.etag {
            request = request.header(header::IF_MATCH, etag);
        }
        let reply = self.send("write", request).await?;
        let endpoint = self.endpoint.to_string();
        match reply.status {
            200 => {}
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
        mut request: reqwest::RequestBuilder,
    ) -> Result<Reply, AdminError> {
        if matches!(self.endpoint, Endpoint::Unix(_)) {
            // The only host that 2.6 allows on a socket; newer ones allow it, too.
            request = request.header(header::HOST, "");
        }
        let failed = |source: reqwest::Error| AdminError::Unreachable {
            operation,
            endpoint: self.endpoint.to_string(),
            source: source.without_url(),
        };
        let response = request.send().await.map_err(failed)?;
        Reply::read(response).await.map_err(failed)
    }

    fn unexpected(&self, reply: &Reply) -> AdminError {
        AdminError::Unexpected {
            endpoint: self.endpoint.to_string(),
            status: reply.status,
            words: reply.words(),
        }
    }
}
