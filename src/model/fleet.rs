//! The key of a fleet: fingerprints of secret data that are equal for every skep of the fleet and useless to others.

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::secret::Redacted;

/// How many bytes a key has.
pub const KEY_LENGTH: usize = 32;

/// The random key of a fleet and its public name. It lives in the fleet record only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetKey {
    id: String,
    bytes: Redacted<[u8; KEY_LENGTH]>,
}

/// What is fingerprinted; equal data has different fingerprints in different domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// The data of a secret.
    Secret,
    /// The spec of a service.
    Service,
    /// The credentials for a registry.
    Registry,
    /// The state of an object in a saved plan.
    Plan,
    /// A route as the proxy has it.
    Route,
}

impl FleetKey {
    /// The key with these random bytes.
    pub fn new(bytes: [u8; KEY_LENGTH]) -> Self {
        // The id is public. Brute force does not reach 256 random bits through it.
        let id = hex::encode(&Sha256::digest([b"skep key id\0", bytes.as_slice()].concat())[..4]);
        Self { id, bytes: Redacted::new(bytes) }
    }

    /// The public name of the key, 8 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The bytes, for the fleet record.
    pub fn bytes(&self) -> &Redacted<[u8; KEY_LENGTH]> {
        &self.bytes
    }

    /// The fingerprint of `data` as a label has it: `hmac:<key id>:<32 hexadecimal digits>`.
    pub fn fingerprint(&self, domain: Domain, data: &[u8]) -> String {
        format!("hmac:{}:{}", self.id, self.suffix(domain, data, 32))
    }

    /// The first `digits` hexadecimal digits of the fingerprint of `data`.
    pub fn suffix(&self, domain: Domain, data: &[u8], digits: usize) -> String {
        let domain: &[u8] = match domain {
            Domain::Secret => b"skep secret\0",
            Domain::Service => b"skep service\0",
            Domain::Registry => b"skep registry\0",
            Domain::Plan => b"skep plan\0",
            Domain::Route => b"skep route\0",
        };
        // HMAC takes keys of any length, so that there is no error to handle here.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.bytes.expose()) else {
            return String::new();
        };
        mac.update(domain);
        mac.update(data);
        let mut text = hex::encode(mac.finalize().into_bytes());
        text.truncate(digits);
        text
    }
}

/// Whether a fingerprint was made with the key named `id`.
pub fn is_under_key(fingerprint: &str, id: &str) -> bool {
    fingerprint
        .strip_prefix("hmac:")
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(key, _)| key == id)
}

/// The fingerprint of data that is no secret, as a label has it: `sha256:<64 hexadecimal digits>`.
pub fn public_fingerprint(data: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(data)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_depend_on_key_domain_and_data() {
        let (a, b) = (FleetKey::new([1; 32]), FleetKey::new([2; 32]));
        let of = |key: &FleetKey, domain, data: &[u8]| key.fingerprint(domain, data);
        assert_eq!(of(&a, Domain::Secret, b"x"), of(&a, Domain::Secret, b"x"));
        assert_ne!(of(&a, Domain::Secret, b"x"), of(&a, Domain::Secret, b"y"));
        assert_ne!(of(&a, Domain::Secret, b"x"), of(&a, Domain::Service, b"x"));
        assert_ne!(of(&a, Domain::Secret, b"x"), of(&b, Domain::Secret, b"x"));
        assert!(is_under_key(&of(&a, Domain::Secret, b"x"), a.id()));
        assert!(!is_under_key(&of(&a, Domain::Secret, b"x"), b.id()));
        assert!(!format!("{a:?}").contains(&hex::encode([1; 32])));
    }
}
