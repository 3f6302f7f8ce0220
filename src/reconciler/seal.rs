//! Digests for files that others may read: equal for equal content, and of no use to those who guess at it.

use argon2::Argon2;

use crate::model::fleet::{Domain, FleetKey, is_under_key};
use crate::model::secret::Redacted;

/// How many bytes of salt a saved plan has.
pub const SALT_LENGTH: usize = 16;

/// What stands for something that is not there.
const ABSENT: &str = "absent";

/// Makes and compares the digests of one saved plan.
///
/// With the key of the fleet they are HMACs. What must be compared without it, and everything before the fleet has a
/// key, goes through Argon2id with the plan's own random salt, which makes each guess expensive.
#[derive(Debug, Clone)]
pub struct Seal {
    key: Option<FleetKey>,
    salt: [u8; SALT_LENGTH],
}

/// A digest could not be computed.
#[derive(Debug, thiserror::Error)]
#[error("compute an Argon2id digest: {0}")]
pub struct SealError(argon2::Error);

impl Seal {
    /// Digests under `key`, if the fleet has one, and with `salt`.
    pub fn new(key: Option<FleetKey>, salt: [u8; SALT_LENGTH]) -> Self {
        Self { key, salt }
    }

    /// The key, if there is one.
    pub(super) fn key(&self) -> Option<&FleetKey> {
        self.key.as_ref()
    }

    /// The digest of content that is compared without an engine: `argon2id:<64 hexadecimal digits>`.
    ///
    /// # Errors
    /// When there is too little memory.
    pub fn slow(&self, content: &Redacted<Vec<u8>>) -> Result<String, SealError> {
        let mut digest = [0; 32];
        let argon2 = Argon2::default();
        argon2.hash_password_into(content.expose(), &self.salt, &mut digest).map_err(SealError)?;
        Ok(format!("argon2id:{}", hex::encode(digest)))
    }

    /// The digest of the state of an object, given as bytes: `absent`, `hmac:<key id>:<digits>`, or as
    /// [`Seal::slow`].
    pub(super) fn of(&self, state: Option<Vec<u8>>) -> Result<String, SealError> {
        match (state, &self.key) {
            (None, _) => Ok(ABSENT.to_owned()),
            (Some(bytes), Some(key)) => Ok(key.fingerprint(Domain::Plan, &bytes)),
            (Some(bytes), None) => self.slow(&Redacted::new(bytes)),
        }
    }

    /// Whether `digest` is that of `state`.
    pub(super) fn is(&self, digest: &str, state: Option<Vec<u8>>) -> Result<bool, SealError> {
        Ok(match (state, &self.key) {
            (None, _) => digest == ABSENT,
            (Some(bytes), Some(key)) if is_under_key(digest, key.id()) => {
                key.fingerprint(Domain::Plan, &bytes) == digest
            }
            (Some(bytes), _) if digest.starts_with("argon2id:") => {
                self.slow(&Redacted::new(bytes))? == digest
            }
            (Some(_), _) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_fits_its_content_key_and_salt_alone() {
        let keyed = Seal::new(Some(FleetKey::new([1; 32])), [3; 16]);
        let keyless = Seal::new(None, [3; 16]);
        let state = |text: &str| Some(text.as_bytes().to_vec());
        for (seal, form) in [(&keyed, "hmac:"), (&keyless, "argon2id:")] {
            let digest = seal.of(state("a")).unwrap();
            assert!(digest.starts_with(form), "{digest}");
            assert!(seal.is(&digest, state("a")).unwrap());
            assert!(!seal.is(&digest, state("b")).unwrap());
            assert!(!seal.is(&digest, None).unwrap());
        }
        let early = keyless.of(state("a")).unwrap();
        assert!(keyed.is(&early, state("a")).unwrap(), "the key came after the plan");
        let digest = keyed.of(state("a")).unwrap();
        let other_fleet = Seal::new(Some(FleetKey::new([2; 32])), [3; 16]);
        assert!(!other_fleet.is(&digest, state("a")).unwrap());
        assert!(!Seal::new(None, [4; 16]).is(&early, state("a")).unwrap());
        assert_eq!(keyed.of(None).unwrap(), "absent");
    }
}
