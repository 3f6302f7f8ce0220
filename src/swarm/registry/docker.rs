//! Docker's `config.json`: credentials in the file, or the helper that has them (docker/cli, `cli/config/configfile`).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Map, Value};

use super::error::CredentialsError;
use super::login::{Login, Proof};
use super::{HUB, is_hub};
use crate::model::secret::Redacted;

/// How much of the file is read; with hundreds of registries it has some ten thousand bytes.
const LIMIT: u64 = 4 * 1024 * 1024;

/// What docker's configuration says about a registry.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    Nothing,
    Login(Login),
    /// The helper of this name is to be asked.
    Helper(String),
}

/// Docker's configuration file, read.
pub(super) struct DockerConfig {
    path: PathBuf,
    json: Map<String, Value>,
}

impl DockerConfig {
    /// Reads `config.json` of `folder`; there need not be one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, CredentialsError> {
        let path = folder.join("config.json");
        let mut text = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(LIMIT).read_to_end(&mut text));
        match read {
            Ok(_) => {}
            // Also where docker's folder is no folder.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(CredentialsError::Read { path, source: Arc::new(error) }),
        }
        match serde_json::from_slice(&text) {
            Ok(Value::Object(json)) => Ok(Some(Self { path, json })),
            _ => Err(CredentialsError::NotJson(path)),
        }
    }

    /// What is there for `registry`: its own helper, else the store of all, else what the file holds itself.
    pub(super) fn entry(&self, registry: &str) -> Result<Entry, CredentialsError> {
        let helper = self.find("credHelpers", registry).or_else(|| self.json.get("credsStore"));
        match helper.and_then(Value::as_str).filter(|helper| !helper.is_empty()) {
            Some(helper) => Ok(Entry::Helper(helper.to_owned())),
            None => match self.find("auths", registry) {
                Some(entry) => login(entry, registry).ok_or_else(|| CredentialsError::Entry {
                    registry: registry.to_owned(),
                    path: self.path.clone(),
                }),
                None => Ok(Entry::Nothing),
            },
        }
    }

    /// The item for `registry` in the object `key`; one under the very name goes before one under its URL.
    fn find(&self, key: &str, registry: &str) -> Option<&Value> {
        let object = self.json.get(key)?.as_object()?;
        let same = |(key, _): &(&String, &Value)| {
            host(key) == registry || (registry == HUB && is_hub(host(key)))
        };
        object.get(registry).or_else(|| object.iter().find(same).map(|(_, value)| value))
    }
}

/// An item of `auths`. An empty one is left behind by a login to a store.
fn login(entry: &Value, registry: &str) -> Option<Entry> {
    let text = |key: &str| match entry.as_object()?.get(key) {
        None => Some(""),
        Some(value) => value.as_str(),
    };
    let (token, auth) = (text("identitytoken")?, text("auth")?);
    let (username, password) = if auth.is_empty() {
        (text("username")?.to_owned(), text("password")?.to_owned())
    } else {
        let bytes = STANDARD.decode(auth).or_else(|_| STANDARD_NO_PAD.decode(auth)).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (username, password) = text.split_once(':')?;
        // docker/cli `decodeAuth` cuts these, which older versions wrote.
        (username.to_owned(), password.trim_end_matches('\0').to_owned())
    };
    let proof = if !token.is_empty() {
        Proof::IdentityToken(Redacted::new(token.to_owned()))
    } else if username.is_empty() && password.is_empty() {
        return Some(Entry::Nothing);
    } else {
        Proof::Password { username, password: Redacted::new(password) }
    };
    Some(Entry::Login(Login { server: registry.to_owned(), proof }))
}

/// The host of `https://host/v1/`, as older dockers wrote it.
fn host(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(json: Value) -> DockerConfig {
        let Value::Object(json) = json else { panic!("{json}") };
        DockerConfig { path: "/c/config.json".into(), json }
    }

    fn password(server: &str, username: &str, password: &str) -> Entry {
        let proof =
            Proof::Password { username: username.into(), password: Redacted::new(password.into()) };
        Entry::Login(Login { server: server.into(), proof })
    }

    #[test]
    fn every_form_that_docker_has_written_is_read() {
        let config = config(json!({"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
            "reg.example:5000": {"auth": "bWU6cDpxP34="},
            "https://old.example/v1/": {"username": "o", "password": "p"},
            "azure.example": {"auth": "MDAwMDo=", "identitytoken": "tok"},
            "store.example": {},
            "wrong.example": {"auth": "%%%"},
            "odd.example": {"auth": 5},
        }}));
        assert_eq!(config.entry(HUB).unwrap(), password(HUB, "hub", "pw"));
        let own = "reg.example:5000";
        assert_eq!(config.entry(own).unwrap(), password(own, "me", "p:q?~"));
        assert_eq!(config.entry("old.example").unwrap(), password("old.example", "o", "p"));
        let Entry::Login(token) = config.entry("azure.example").unwrap() else { panic!() };
        assert_eq!(token.proof, Proof::IdentityToken(Redacted::new("tok".into())));
        assert_eq!(config.entry("store.example").unwrap(), Entry::Nothing);
        assert_eq!(config.entry("reg.example").unwrap(), Entry::Nothing);
        let error = config.entry("wrong.example").unwrap_err().to_string();
        assert_eq!(
            error,
            "the entry of wrong.example in /c/config.json is not as docker writes it"
        );
        assert!(config.entry("odd.example").is_err());
    }

    #[test]
    fn a_helper_of_its_own_goes_before_the_store_and_that_before_the_file() {
        let config = config(json!({
            "auths": {"a.example": {"auth": "bWU6cHc="}},
            "credHelpers": {"b.example": "ecr-login", "c.example": ""},
            "credsStore": "pass",
        }));
        let helper = |name: &str| Entry::Helper(name.to_owned());
        assert_eq!(config.entry("a.example").unwrap(), helper("pass"));
        assert_eq!(config.entry("b.example").unwrap(), helper("ecr-login"));
        assert_eq!(config.entry("c.example").unwrap(), Entry::Nothing);
    }

    #[test]
    fn a_folder_without_a_file_is_fine_and_a_broken_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(DockerConfig::read(folder.path()).unwrap().is_none());
        std::fs::write(folder.path().join("config.json"), "hunter2").unwrap();
        let error = DockerConfig::read(folder.path()).err().unwrap().to_string();
        assert!(error.contains("is not JSON") && !error.contains("hunter2"), "{error}");
    }
}
