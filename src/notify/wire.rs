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
    /// The authorities that are believed where no file says which, once somebody needs them.
    system: Arc<OnceCell<Authorities>>,
}

/// Whose word is taken for who a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Authorities {
    /// Those of a file, or of the system.
    Listed(Vec<CertificateDer<'static>>),
    /// Those that Mozilla believes: a system without any files, such as the image of skep, has none.
    BuiltIn,
}

impl Authorities {
    /// Those that a system believes which has these certificates.
    pub(super) fn of(found: Vec<CertificateDer<'static>>) -> Self {
        if found.is_empty() { Self::BuiltIn } else { Self::Listed(found) }
    }

    fn roots(self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        match self {
            Self::Listed(certificates) => {
                roots.add_parsable_certificates(certificates);
            }
            Self::BuiltIn => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        roots
    }
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

    /// The authorities that are believed: those in `file`, or those of the system.
    pub(super) async fn authorities(
        &self,
        file: Option<&String>,
    ) -> Result<Authorities, SendError> {
        let Some(file) = file else {
            let found = self.system.get_or_try_init(|| file::aside(system)).await;
            return found.cloned().map_err(|error| SendError::Tls(error.into()));
        };
        let path = self.directory.join(file);
        let pem = file::read(&path, LONGEST_BUNDLE).await?;
        let found = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
        let found: Vec<_> = found.filter(is_readable).collect();
        if found.is_empty() {
            return Err(SendError::WrongFile { path, what: "no certificate" });
        }
        Ok(Authorities::Listed(found))
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
fn system() -> Authorities {
    let found = rustls_native_certs::load_native_certs().certs;
    Authorities::of(found.into_iter().filter(is_readable).collect())
}

/// Whether a list, which may have anything in it, has a certificate there.
fn is_readable(certificate: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(certificate.clone()).is_ok()
}

fn client(authorities: Authorities) -> Result<Client, SendError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SendError::Tls(error.into()))?
        .with_root_certificates(authorities.roots())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_system_without_authorities_has_those_that_are_built_in_and_a_file_only_its_own() {
        assert!(Authorities::of(Vec::new()).roots().len() > 50);
        let directory = tempfile::tempdir().unwrap();
        let pem = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        std::fs::write(directory.path().join("ca.pem"), pem).unwrap();
        let wire = Wire::new(directory.path());
        let wrong = wire.authorities(Some(&"ca.pem".to_owned())).await.unwrap_err();
        assert!(wrong.to_string().ends_with("holds no certificate"), "{wrong}");
    }
}
