//! Certificates by which an admin API knows who asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A certificate of skep's own.
pub(crate) struct Identity {
    /// The certificate in PEM.
    pub(crate) certificate: String,
    /// Its key in PEM.
    pub(crate) key: String,
    public: String,
}

impl Identity {
    pub(crate) fn new() -> Self {
        Self::of("skep")
    }

    /// One for a name.
    pub(crate) fn of(name: &str) -> Self {
        let own = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            certificate: own.cert.pem(),
            key: own.signing_key.serialize_pem(),
            public: STANDARD.encode(own.cert.der()),
        }
    }

    /// The certificate with its key.
    pub(crate) fn pem(&self) -> Vec<u8> {
        format!("{}{}", self.certificate, self.key).into_bytes()
    }

    /// What has Caddy open its admin API with TLS on a port, for whoever has this certificate.
    pub(crate) fn lets_in(&self, port: u16) -> Value {
        let permissions = json!([{ "paths": ["/config/"], "methods": ["GET", "POST"] }]);
        json!({
            "identity": { "identifiers": ["localhost"], "issuers": [{ "module": "internal" }] },
            "remote": {
                "listen": format!("127.0.0.1:{port}"),
                "access_control": [{ "public_keys": [self.public], "permissions": permissions }],
            },
        })
    }
}
