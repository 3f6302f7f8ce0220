//! Signatures with SSH keys, as git makes them with `gpg.format=ssh`.

use std::path::Path;

use jiff::Timestamp;
use russh::keys::ssh_key::{self, SshSig};
use russh::keys::{HashAlg, PublicKey};

use super::allowed_signers::{AllowedSigners, NAMESPACE};
use super::object::SignedObject;
use super::{SignatureError, Signer, list_text};

/// Checks a signature against the list of those who may. Keys count at the time that the object names, as they do for
/// git: what was signed in time stays signed.
pub(super) fn check(
    object: &SignedObject,
    at: Option<Timestamp>,
    list: &Path,
) -> Result<Signer, SignatureError> {
    let unsupported =
        |error: ssh_key::Error| SignatureError::Unsupported { reason: error.to_string() };
    let signers = AllowedSigners::parse(&list_text(list)?, list)?;
    let signature = SshSig::from_pem(&object.signature).map_err(unsupported)?;
    let key = PublicKey::from(signature.public_key().clone());
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    // Whether the signature is right comes first: only then is it known whose it is.
    key.verify(NAMESPACE, &object.content, &signature)
        .map_err(|_| SignatureError::Bad { key: fingerprint.clone() })?;
    let name = signers.find(key.key_data(), at)?.to_owned();
    Ok(Signer { name, key: fingerprint })
}
