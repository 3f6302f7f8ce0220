//! What a registry is told to let us in, in the Engine's encoding; it does not print.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::HeaderValue;
use serde_json::{Value, json};

use crate::model::fleet::{Domain, FleetKey};
use crate::model::secret::Redacted;

/// Credentials for one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The registry, as the Engine wants it in the header.
    pub(super) server: String,
    pub(super) proof: Proof,
}

/// What proves who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    Password {
        username: String,
        password: Redacted<String>,
    },
    /// A refresh token of OAuth 2.
    IdentityToken(Redacted<String>),
}

impl Login {
    /// Those of a user with a password.
    pub fn by_password(
        server: impl Into<String>,
        username: impl Into<String>,
        password: Redacted<String>,
    ) -> Self {
        let proof = Proof::Password { username: username.into(), password };
        Self { server: server.into(), proof }
    }

    /// `X-Registry-Auth`, in the alphabet that the Engine decodes, which is not the one that bollard 0.21 encodes with.
    pub(in crate::swarm) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&URL_SAFE.encode(self.json().to_string())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// What tells these credentials from others, and tells nothing about them without the key of the fleet.
    pub fn fingerprint(&self, key: &FleetKey) -> String {
        key.fingerprint(Domain::Registry, self.json().to_string().as_bytes())
    }

    fn json(&self) -> Value {
        let Self { server, proof } = self;
        match proof {
            Proof::IdentityToken(token) => {
                json!({"identitytoken": token.expose(), "serveraddress": server})
            }
            Proof::Password { username, password } => {
                json!({"username": username, "password": password.expose(), "serveraddress": server})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_in_the_url_alphabet_and_nothing_prints_the_password() {
        let password = Redacted::new("hunter2?>~ÿ".into());
        let login = Login::by_password("reg.example:5000", "me", password);
        let header = login.header().unwrap();
        assert!(!header.as_bytes().iter().any(|byte| matches!(byte, b'+' | b'/')), "{header:?}");
        let json: Value =
            serde_json::from_slice(&URL_SAFE.decode(header.as_bytes()).unwrap()).unwrap();
        let expected = json!({"username": "me", "password": "hunter2?>~ÿ", "serveraddress": "reg.example:5000"});
        assert_eq!(json, expected);
        let shown = format!("{login:?} {header:?} {}", login.fingerprint(&FleetKey::new([1; 32])));
        assert!(!shown.contains("hunter2"), "{shown}");
        let token = Login { proof: Proof::IdentityToken(Redacted::new("t".into())), ..login };
        assert_eq!(
            token.json(),
            json!({"identitytoken": "t", "serveraddress": "reg.example:5000"})
        );
    }
}
