//! The ways to targets: secrets from files, HTTP requests, and what the answers mean.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use schemars::JsonSchema;

use crate::diff::render::clean;
use crate::model::secret::{MASK, Redacted};
use crate::spec::decode::{Cursor, Decode, Fields, Report};

use super::error::SendError;
use super::message::short;

/// How long a connection may take, and an answer.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15));
/// The longest answer that is read.
const LONGEST: usize = 4 * 1024;
/// The longest file with a secret.
const LONGEST_SECRET: u64 = 64 * 1024;

/// The path of a file that holds a secret, relative to the settings file. It is read for every message, so that it may
/// change at any time.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct SecretFile(String);

impl SecretFile {
    /// The file at `path`.
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }
}

impl Decode for SecretFile {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        at.get(report).map(Self)
    }
}

/// What every target needs to reach the world.
#[derive(Debug, Clone, Default)]
pub struct Wire {
    /// The directory of the settings file.
    directory: PathBuf,
}

/// A request to a target. Its address may be a secret, and its headers.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) url: Redacted<Url>,
    pub(super) headers: Vec<(HeaderName, Redacted<String>)>,
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A request with a body in JSON.
    pub(super) fn json(url: Redacted<Url>, body: &serde_json::Value) -> Self {
        Self {
            url,
            headers: Vec::new(),
            media_type: "application/json".to_owned(),
            body: body.to_string().into_bytes(),
        }
    }
}

impl Wire {
    /// One for settings in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// What a file holds, without the line feed at its end.
    pub(super) fn secret(&self, file: &SecretFile) -> Result<Redacted<String>, SendError> {
        let path = self.directory.join(&file.0);
        let failed = |source| SendError::ReadFile { path: path.clone(), source };
        let wrong = |what| SendError::WrongFile { path: path.clone(), what };
        if fs::metadata(&path).map_err(failed)?.len() > LONGEST_SECRET {
            return Err(wrong("more than a secret"));
        }
        let text = fs::read_to_string(&path).map_err(failed)?;
        match text.trim() {
            "" => Err(wrong("nothing")),
            text => Ok(Redacted::new(text.to_owned())),
        }
    }

    /// The address that a file holds.
    pub(super) fn secret_url(&self, file: &SecretFile) -> Result<Redacted<Url>, SendError> {
        let text = self.secret(file)?;
        let what = "no address that begins with https:// or http://";
        let path = || self.directory.join(&file.0);
        match Url::parse(text.expose()) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => {
                Ok(Redacted::new(url))
            }
            _ => Err(SendError::WrongFile { path: path(), what }),
        }
    }

    /// The certificates of the authorities that are believed: those in `file`, or those of the system.
    pub(super) fn authorities(
        &self,
        file: Option<&String>,
    ) -> Result<Vec<CertificateDer<'static>>, SendError> {
        let Some(file) = file else {
            let mut system = rustls_native_certs::load_native_certs().certs;
            // The system's list may have some that nobody can read.
            system.retain(|one| RootCertStore::empty().add(one.clone()).is_ok());
            return Ok(system);
        };
        let path = self.directory.join(file);
        let pem =
            fs::read(&path).map_err(|source| SendError::ReadFile { path: path.clone(), source })?;
        let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
        if found.is_empty() {
            return Err(SendError::WrongFile { path, what: "no certificate" });
        }
        Ok(found)
    }

    /// Posts a request to a server that `authorities` vouch for, and says what the answer means.
    pub(super) async fn post(
        &self,
        request: Request,
        authorities: Option<&String>,
    ) -> Result<(), SendError> {
        let client = self.client(authorities)?;
        let Request { url, headers, media_type, body } = request;
        let mut named = HeaderMap::new();
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value.expose())
                .map_err(|error| SendError::Write(error.into()))?;
            value.set_sensitive(true);
            named.insert(name, value);
        }
        let sending = client
            .post(url.expose().clone())
            .header(reqwest::header::CONTENT_TYPE, media_type)
            .header(reqwest::header::USER_AGENT, concat!("skep/", env!("CARGO_PKG_VERSION")))
            .headers(named)
            .body(body);
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                SendError::TimedOut(PATIENCE.1)
            } else {
                // The address may be a secret.
                SendError::Reach(error.without_url().into())
            }
        };
        let mut response = sending.send().await.map_err(failed)?;
        let (status, after) = (response.status(), after(response.headers(), Timestamp::now()));
        if status.is_success() {
            return Ok(());
        }
        let mut answer = Vec::new();
        while answer.len() < LONGEST
            && let Ok(Some(piece)) = response.chunk().await
        {
            answer.extend_from_slice(&piece);
        }
        let words = short(String::from_utf8_lossy(&answer).trim(), 200);
        let words = without(&words, &url);
        let words = format!("{status}: {}", clean(&words));
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => {
                SendError::Busy { after, words }
            }
            status if status.is_server_error() => SendError::Busy { after, words },
            _ => SendError::Refused { words },
        })
    }

    fn client(&self, authorities: Option<&String>) -> Result<Client, SendError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.authorities(authorities)?);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| SendError::Tls(error.into()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (connect, all) = PATIENCE;
        Client::builder()
            .tls_backend_preconfigured(config)
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(connect)
            .timeout(all)
            .build()
            .map_err(|error| SendError::Tls(error.into()))
    }
}

/// How long the target wants to be left alone: in seconds, or until a date.
fn after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(date.duration_since(now)).ok()
}

/// An answer that repeats the address, or the part of it that is the secret.
fn without(words: &str, url: &Redacted<Url>) -> String {
    let path = url.expose().path();
    let words = words.replace(url.expose().as_str(), MASK);
    if path.len() > 1 { words.replace(path, MASK) } else { words }
}

/// Whether a text is an address that may stand in the settings, without credentials.
pub(super) fn url(at: &Cursor<'_>, report: &mut Report) -> Option<Url> {
    let text: String = at.get(report)?;
    let is_plain = |url: &Url| url.username().is_empty() && url.password().is_none();
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() && is_plain(&url) => {
            Some(url)
        }
        _ => {
            // It may hold a secret, so no message shows it.
            let finding = at.error("invalid-url", "is no address of http or https");
            report.push(finding.hint("write https://host/path, without credentials"));
            None
        }
    }
}

/// Refuses a secret that stands in the settings under `key`, and names the key of a file for it.
pub(super) fn refuse_secret(
    fields: &mut Fields<'_>,
    key: &'static str,
    file: &str,
    report: &mut Report,
) {
    if let Some(at) = fields.at(key) {
        let finding = at.error("secret-in-settings", "does not belong into this file");
        report.push(finding.hint(format!("put it into a file of its own: `{file}`")));
    }
}

/// The file of a secret that must be there.
pub(super) fn required_file(
    fields: &mut Fields<'_>,
    key: &'static str,
    report: &mut Report,
) -> Option<SecretFile> {
    if fields.lacks(key) {
        let finding = fields.cursor().error("missing-key", format_args!("needs `{key}`"));
        report.push(finding.hint(format!("write `{key}: /run/secrets/…`")));
    }
    fields.get(key, report)
}
