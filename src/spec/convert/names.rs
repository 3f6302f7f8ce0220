//! Names of objects in the Swarm.

use std::collections::BTreeMap;

use crate::model::fleet::{Domain, FleetKey};
use crate::spec::decode::Located;
use crate::spec::stack::Stack;

use super::stores::{config_identity, secret_identity};

/// What stands where the hash of a secret would, without the key of the fleet.
pub(super) const UNKNOWN_HASH: &str = "<hash>";
/// The longest name of a config or secret (swarmkit `manager/controlapi`).
const STORE_NAME: usize = 64;
/// Hexadecimal digits of a hash in a name.
const DIGITS: usize = 8;

/// `<stack>_<key>`
pub fn scoped(stack: &str, key: &str) -> String {
    format!("{stack}_{key}")
}

/// The name of a config or secret in the Swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreName {
    /// The name that the file, or `docker stack deploy`, would give it.
    pub plain: String,
    /// The name in the Swarm, with a hash unless the file names it.
    pub full: String,
}

/// The names of a stack's configs and secrets, by key.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Configs.
    pub configs: BTreeMap<String, StoreName>,
    /// Secrets.
    pub secrets: BTreeMap<String, StoreName>,
}

impl Names {
    /// The names in `stack`; without a key, hashes of secrets are unknown.
    pub fn new(stack: &Stack, key: Option<&FleetKey>) -> Self {
        let configs = stack.compose.configs.iter().map(|(name, config)| {
            let data = stack.configs.get(name).map(Vec::as_slice).unwrap_or_default();
            (name.clone(), config_name(stack.name.as_str(), name, config, data))
        });
        let secrets = stack.compose.secrets.iter().map(|(name, secret)| {
            let data = stack.secrets.get(name).map(|data| data.expose().as_slice());
            let full =
                secret_name(stack.name.as_str(), name, secret, data.unwrap_or_default(), key);
            (name.clone(), full)
        });
        Self { configs: configs.collect(), secrets: secrets.collect() }
    }
}

/// The name of a config: its own if it has one, else with a hash of its content.
pub fn config_name(
    stack: &str,
    key: &str,
    config: &crate::spec::compose::stores::Config,
    data: &[u8],
) -> StoreName {
    named(stack, key, config.name.as_ref(), || {
        use sha2::{Digest as _, Sha256};
        let mut hash = hex::encode(Sha256::digest(config_identity(config, data)));
        hash.truncate(DIGITS);
        hash
    })
}

/// The name of a secret: its own if it has one, else with a keyed hash of its content.
pub fn secret_name(
    stack: &str,
    key: &str,
    secret: &crate::spec::compose::stores::Secret,
    data: &[u8],
    fleet: Option<&FleetKey>,
) -> StoreName {
    named(stack, key, secret.name.as_ref(), || match fleet {
        Some(fleet) => fleet.suffix(Domain::Secret, &secret_identity(secret, data), DIGITS),
        None => UNKNOWN_HASH.to_owned(),
    })
}

fn named(
    stack: &str,
    key: &str,
    own: Option<&Located<String>>,
    hash: impl FnOnce() -> String,
) -> StoreName {
    if let Some(name) = own.filter(|name| !name.is_empty()) {
        return StoreName { plain: name.value.clone(), full: name.value.clone() };
    }
    let plain = scoped(stack, key);
    let full = hashed(&plain, &hash());
    StoreName { plain, full }
}

/// `<plain>-<hash>`, cut before the dash so that it stays within 64 characters.
fn hashed(plain: &str, hash: &str) -> String {
    let kept: String = plain.chars().take(STORE_NAME - 1 - DIGITS).collect();
    format!("{kept}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_but_keeps_its_hash() {
        assert_eq!(hashed("shop_nginx", "0123abcd"), "shop_nginx-0123abcd");
        let long = hashed(&"x".repeat(100), "0123abcd");
        assert_eq!(long.len(), STORE_NAME);
        assert!(long.ends_with("x-0123abcd"));
    }
}
