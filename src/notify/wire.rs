//! The ways to targets: secrets from files, HTTP requests, and what the answers mean.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use schemars::JsonSchema;
use tokio::sync::OnceCell;

use crate::model::secret::Redacted;
use crate::spec::decode::{Cursor, Decode, Fields, Report};

use super::answer;
use super::error::SendError;
use super::file;

/// How long a connection may take, and an answer.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(15));
/// The longest answer that is read, in bytes; a piece more at most.
const LONGEST: usize = 4 * 1024;
/// The longest file with a secret, in bytes.
const LONGEST_SECRET: u64 = 64 * 1024;
/// The longest file with certificates, in bytes.
const LONGEST_BUNDLE: u64 = 4 * 1024 * 1024;

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
    /// The certificates of the authorities that the system believes, once somebody needs them.
    system: Arc<OnceCell<Vec<CertificateDer<'static>>>>,
}

/// A request to a target. Its address may be a secret, and its headers.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) url: Redacted<Url>,
    pub(super) headers: Vec<(HeaderName, Redacted<String>)>,
    /// What else it was made of that is secret, and that the answer may repeat.
    pub(super) secrets: Vec<Redacted<String>>,
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// A request with a body in JSON.
    pub(super) fn json(url: Redacted<Url>, body: &serde_json::Value) -> Self {
        Self {
            url,
            headers: Vec::new(),
            secrets: Vec::new(),
            media_type: "application/json".to_owned(),
            body: body.to_string().into_bytes(),
        }
    }
}

impl Wire {
    /// One for settings in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), system: Arc::default() }
    }

    /// What a file holds, without the line feed at its end.
    pub(super) async fn secret(&self, file: &SecretFile) -> Result<Redacted<String>, SendError> {
        let path = self.directory.join(&file.0);
        let held = file::read(&path, LONGEST_SECRET).await?;
        match str::from_utf8(&held).map(str::trim) {
            Ok("") => Err(SendError::WrongFile { path, what: "nothing" }),
            Ok(text) => Ok(Redacted::new(text.to_owned())),
            Err(_) => Err(SendError::WrongFile { path, what: "no text" }),
        }
    }

    /// The address that a file holds.
    pub(super) async fn secret_url(&self, file: &SecretFile) -> Result<Redacted<Url>, SendError> {
        let text = self.secret(file).await?;
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
    pub(super) async fn authorities(
        &self,
        file: Option<&String>,
    ) -> Result<Vec<CertificateDer<'static>>, SendError> {
        let Some(file) = file else {
            let found = self.system.get_or_try_init(|| file::aside(system)).await;
            return found.cloned().map_err(|error| SendError::Tls(error.into()));
        };
        let path = self.directory.join(file);
        let pem = file::read(&path, LONGEST_BUNDLE).await?;
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
        let client = client(self.authorities(authorities).await?)?;
        let Request { url, headers, mut secrets, media_type, body } = request;
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
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let after = answer::after(response.headers(), Timestamp::now());
        let mut answer = Vec::new();
        let is_whole = loop {
            match response.chunk().await {
                Ok(Some(piece)) if answer.len() < LONGEST => answer.extend_from_slice(&piece),
                Ok(None) => break true,
                Ok(Some(_)) | Err(_) => break false,
            }
        };
        secrets.extend(answer::secrets(url.expose()));
        let words = answer::words(&String::from_utf8_lossy(&answer), is_whole, secrets);
        let words = format!("{status}: {words}");
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => {
                SendError::Busy { after, words }
            }
            status if status.is_server_error() => SendError::Busy { after, words },
            _ => SendError::Refused { words },
        })
    }
}

/// The authorities that the system believes.
fn system() -> Vec<CertificateDer<'static>> {
    let mut found = rustls_native_certs::load_native_certs().certs;
    // The system's list may have some that nobody can read.
    found.retain(|one| RootCertStore::empty().add(one.clone()).is_ok());
    found
}

fn client(authorities: Vec<CertificateDer<'static>>) -> Result<Client, SendError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities);
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
