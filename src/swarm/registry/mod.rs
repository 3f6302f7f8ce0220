//! Credentials for registries: those of the settings, else those that the docker client would use.
//!
//! A registry is told who we are by the Engine, in `X-Registry-Auth`. Credentials are looked up when a registry is
//! asked or a service is written, once for each registry and a while, and nothing in here prints them.

mod docker;
mod error;
mod helper;
mod login;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;

use super::images;
use crate::model::secret::Redacted;
use docker::{DockerConfig, Entry};
pub use error::CredentialsError;
pub use login::Login;
use login::Proof;

/// Under which name docker keeps the credentials of Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";
/// `{}` in the header's encoding: it overwrites what the Engine remembers with nothing.
const NOBODY: HeaderValue = HeaderValue::from_static("e30=");
/// How long an answer of a helper is believed; the tokens of clouds are good for at least an hour.
const FRESH: Duration = Duration::from_secs(300);
/// How much of a file with a password or token is read.
const SECRET_LIMIT: u64 = 64 * 1024;

/// What the settings say about a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The registry as image references name it; `docker.io` for Docker Hub.
    pub host: String,
    /// Who we are.
    pub identity: RegistryIdentity,
    /// The directory that the file may not leave, where the settings came with the stacks.
    pub confined_to: Option<PathBuf>,
}

/// How we prove to a registry who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryIdentity {
    /// By name and password.
    Password {
        /// The name.
        username: String,
        /// The file with the password.
        file: PathBuf,
    },
    /// By an identity token of OAuth 2.
    IdentityToken {
        /// The file with the token.
        file: PathBuf,
    },
}

/// What a registry can be told.
type Answer = Result<Option<Arc<Login>>, CredentialsError>;

/// Where credentials come from.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Docker's configuration folder.
    folder: Option<PathBuf>,
    /// Those of the settings, which go before docker's.
    registries: Arc<[Registry]>,
    /// Answers of helpers, with the time when they were given.
    asked: Arc<Mutex<HashMap<String, (Instant, Answer)>>>,
}

impl Credentials {
    /// Those of `registries`, else those in docker's configuration `folder`, usually `~/.docker`.
    pub fn new(folder: Option<PathBuf>, registries: Vec<Registry>) -> Self {
        Self { folder, registries: registries.into(), asked: Arc::default() }
    }

    /// Credentials for the registry of `image` that stay what they are until somebody changes them; `None` where there
    /// are none, or where a helper gives them: a cloud's helper has a new token every time.
    ///
    /// # Errors
    /// When somebody set them up, and they cannot be had.
    pub fn lasting(&self, image: &str) -> Result<Option<Login>, CredentialsError> {
        Ok(match self.entry(key(image))? {
            Entry::Login(login) => Some(login),
            Entry::Nothing | Entry::Helper(_) => None,
        })
    }

    /// Credentials for the registry of `image`, if there are any.
    ///
    /// # Errors
    /// When somebody set them up, and they cannot be had.
    pub(super) async fn find(&self, image: &str) -> Answer {
        let registry = key(image);
        let helper = match self.entry(registry)? {
            Entry::Nothing => return Ok(None),
            Entry::Login(login) => return Ok(Some(Arc::new(login))),
            Entry::Helper(helper) => helper,
        };
        if let Some((when, answer)) = self.asked().get(registry)
            && when.elapsed() < FRESH
        {
            return answer.clone();
        }
        let answer = helper::ask(&helper, registry).await.map(|login| login.map(Arc::new));
        self.asked().insert(registry.to_owned(), (Instant::now(), answer.clone()));
        answer
    }

    /// `X-Registry-Auth` for the registry of `image`; `None` when there are no credentials for it, or when they cannot
    /// be had: a public image needs none.
    pub(super) async fn header(&self, image: &str) -> Option<HeaderValue> {
        self.find(image).await.ok().flatten()?.header()
    }

    /// The header of an update that goes from `before` to `after`: credentials of the old registry must not be
    /// sent to a new one that needs none.
    pub(super) async fn header_for_move(&self, before: &str, after: &str) -> Option<HeaderValue> {
        let header = self.header(after).await;
        let moves = images::registry(before) != images::registry(after);
        header.or_else(|| moves.then_some(NOBODY))
    }

    fn entry(&self, registry: &str) -> Result<Entry, CredentialsError> {
        let is_it = |host: &str| host == registry || (registry == HUB && is_hub(host));
        if let Some(settings) = self.registries.iter().find(|settings| is_it(&settings.host)) {
            return Ok(Entry::Login(settings.login(registry)?));
        }
        let config = self.folder.as_deref().map(DockerConfig::read).transpose()?.flatten();
        config.map_or(Ok(Entry::Nothing), |config| config.entry(registry))
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<String, (Instant, Answer)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn login(&self, registry: &str) -> Result<Login, CredentialsError> {
        let proof = match &self.identity {
            RegistryIdentity::Password { username, file } => {
                Proof::Password { username: username.clone(), password: self.secret(file)? }
            }
            RegistryIdentity::IdentityToken { file } => Proof::IdentityToken(self.secret(file)?),
        };
        Ok(Login { server: registry.to_owned(), proof })
    }

    /// What the file holds, without the end of its line.
    fn secret(&self, path: &PathBuf) -> Result<Redacted<String>, CredentialsError> {
        let failed = |error: io::Error| CredentialsError::Read {
            path: path.clone(),
            source: Arc::new(error),
        };
        let real = fs::canonicalize(path).map_err(failed)?;
        if let Some(directory) = &self.confined_to
            && !real.starts_with(fs::canonicalize(directory).map_err(failed)?)
        {
            return Err(CredentialsError::Outside {
                path: path.clone(),
                directory: directory.clone(),
            });
        }
        let mut text = String::new();
        let file = File::open(real).map_err(failed)?;
        file.take(SECRET_LIMIT).read_to_string(&mut text).map_err(failed)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() || text.len() as u64 == SECRET_LIMIT {
            return Err(CredentialsError::NoSecret(path.clone()));
        }
        Ok(Redacted::new(line.to_owned()))
    }
}

/// The name under which credentials for the registry of `image` are kept.
fn key(image: &str) -> &str {
    images::registry(image).unwrap_or(HUB)
}

/// Whether `host` is one of the names of Docker Hub.
fn is_hub(host: &str) -> bool {
    matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")
}

#[cfg(test)]
mod tests;
