//! Credentials for registries, as the docker client keeps them.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use docker_credential::DockerCredential;
use http::HeaderValue;
use serde_json::json;

use super::images;

/// Under which name docker keeps the credentials of Docker Hub.
const HUB: &str = "https://index.docker.io/v1/";
/// `{}` in the header's encoding: it overwrites what the Engine remembers with nothing.
const NOBODY: HeaderValue = HeaderValue::from_static("e30=");

/// Credentials from docker's `config.json`, its stores and helpers; each registry is asked for once.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Docker's configuration folder.
    folder: Option<PathBuf>,
    known: Arc<Mutex<HashMap<String, Option<HeaderValue>>>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Those in docker's configuration folder, usually `~/.docker`.
    pub fn of_docker(folder: Option<PathBuf>) -> Self {
        Self { folder, known: Arc::default() }
    }

    /// `X-Registry-Auth` for the registry of `image`; `None` when there are no credentials for it.
    ///
    /// A store or helper that fails counts as having none, as it does for docker.
    pub(super) async fn header(&self, image: &str) -> Option<HeaderValue> {
        let registry = images::registry(image).unwrap_or(HUB).to_owned();
        if let Some(known) = self.lock().get(&registry) {
            return known.clone();
        }
        let path = self.folder.as_ref()?.join("config.json");
        let server = registry.clone();
        // A helper is a program of its own, which may wait for a keychain.
        let look_up = move || {
            let file = BufReader::new(File::open(path).ok()?);
            docker_credential::get_credential_from_reader(file, &server)
                .ok()
                .and_then(|credential| encode(credential, &server))
        };
        let header = tokio::task::spawn_blocking(look_up).await.ok().flatten();
        self.lock().insert(registry, header.clone());
        header
    }

    /// The header of an update that goes from `before` to `after`: credentials of the old registry must not be
    /// sent to a new one that needs none.
    pub(super) async fn header_for_move(&self, before: &str, after: &str) -> Option<HeaderValue> {
        let header = self.header(after).await;
        let moves = images::registry(before) != images::registry(after);
        header.or_else(|| moves.then_some(NOBODY))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<HeaderValue>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In the alphabet that the Engine decodes, which is not the one that bollard 0.21 encodes with.
fn encode(credential: DockerCredential, server: &str) -> Option<HeaderValue> {
    let json = match credential {
        DockerCredential::IdentityToken(token) => {
            json!({"identitytoken": token, "serveraddress": server})
        }
        DockerCredential::UsernamePassword(user, password) => {
            json!({"username": user, "password": password, "serveraddress": server})
        }
    };
    let mut value = HeaderValue::from_str(&URL_SAFE.encode(json.to_string())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(header: &HeaderValue) -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE.decode(header.as_bytes()).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn credentials_follow_the_registry_of_the_image() {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
            "reg.example:5000": {"auth": "bWU6cD8+fg=="},
        }, "credHelpers": {"broken.example": "no-such-helper"}});
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let credentials = Credentials::of_docker(Some(folder.path().to_owned()));

        let hub = credentials.header("nginx:1").await.unwrap();
        assert_eq!(
            decoded(&hub),
            json!({"username": "hub", "password": "pw", "serveraddress": HUB})
        );
        let own = credentials.header("reg.example:5000/a/b").await.unwrap();
        assert_eq!(decoded(&own)["password"], "p?>~");
        assert!(!own.as_bytes().iter().any(|byte| matches!(byte, b'+' | b'/')));
        assert_eq!(credentials.header("other.example/a").await, None);
        assert_eq!(credentials.header("broken.example/a").await, None);

        let moved = credentials.header_for_move("reg.example:5000/a", "other.example/a").await;
        assert_eq!(moved.as_ref().map(decoded), Some(json!({})));
        assert_eq!(
            credentials.header_for_move("other.example/a:1", "other.example/a:2").await,
            None
        );
    }
}
