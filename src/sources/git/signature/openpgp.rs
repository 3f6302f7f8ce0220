//! Signatures with OpenPGP certificates, against a keyring that is the list of those who may sign.

use std::path::Path;

use jiff::Timestamp;
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, Tag, VerifyingKey};

use super::object::SignedObject;
use super::{SignatureError, Signer, list_bytes};

/// How each certificate, or each group of them, begins in an armoured keyring.
const ARMOUR: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Checks a signature against a keyring. Keys must be valid now, as for `git verify-commit`: whoever wants old
/// commits to count keeps the certificate's expiry up to date in the file.
pub(super) fn check(
    object: &SignedObject,
    now: Timestamp,
    keyring: &Path,
) -> Result<Signer, SignatureError> {
    let certificates = certificates(keyring)?;
    let (signature, _) = DetachedSignature::from_armor_single(object.signature.as_slice())
        .map_err(|error| unsupported(&error))?;
    let signature = signature.signature;
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err(SignatureError::Unsupported { reason: "it is one of another kind".to_owned() });
    }
    if !is_strong(&signature) {
        let reason = "it is made with a hash that can be forged".to_owned();
        return Err(SignatureError::Unsupported { reason });
    }
    // Several may have the same short id; one that fits decides.
    let mut refusal = None;
    for certificate in &certificates {
        let keys = keys(certificate).filter(|key| is_issuer(&signature, key.as_details()));
        for key in keys {
            let fingerprint = key.as_details().fingerprint().to_string().to_uppercase();
            if !key.verifies(&signature, &object.content) {
                refusal.get_or_insert(SignatureError::Bad { key: fingerprint });
                continue;
            }
            valid(certificate, key, &fingerprint, now)?;
            not_expired(&signature, &fingerprint, now)?;
            return Ok(Signer { name: name(certificate), key: fingerprint });
        }
    }
    Err(refusal.unwrap_or_else(|| SignatureError::UnknownSigner { key: issuer(&signature) }))
}

fn unsupported(error: &pgp::errors::Error) -> SignatureError {
    SignatureError::Unsupported { reason: error.to_string() }
}

fn certificates(keyring: &Path) -> Result<Vec<SignedPublicKey>, SignatureError> {
    let failed = |reason: String| SignatureError::List { path: keyring.to_owned(), reason };
    let read = |bytes: &[u8]| -> Result<Vec<SignedPublicKey>, SignatureError> {
        let parsed = SignedPublicKey::from_reader_many(bytes);
        let (parsed, _) = parsed.map_err(|error| failed(error.to_string()))?;
        parsed.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))
    };
    let bytes = list_bytes(keyring)?;
    let mut all = Vec::new();
    match std::str::from_utf8(&bytes) {
        // Files that were simply put one behind the other.
        Ok(text) if text.contains(ARMOUR) => {
            for block in text.split(ARMOUR).skip(1) {
                all.extend(read(format!("{ARMOUR}{block}").as_bytes())?);
            }
        }
        _ => all.extend(read(&bytes)?),
    }
    if all.is_empty() { Err(failed("it has no certificate".to_owned())) } else { Ok(all) }
}

/// A key of a certificate.
#[derive(Clone, Copy)]
enum Key<'a> {
    Primary(&'a pgp::packet::PublicKey),
    Sub(&'a SignedPublicSubKey),
}

impl Key<'_> {
    fn as_details(&self) -> &dyn KeyDetails {
        match self {
            Self::Primary(key) => *key,
            Self::Sub(key) => &key.key,
        }
    }

    fn verifies(&self, signature: &Signature, content: &[u8]) -> bool {
        match self {
            Self::Primary(key) => signature.verify(*key, content).is_ok(),
            Self::Sub(key) => signature.verify(&key.key, content).is_ok(),
        }
    }
}

fn keys(certificate: &SignedPublicKey) -> impl Iterator<Item = Key<'_>> {
    let subkeys = certificate.public_subkeys.iter().map(Key::Sub);
    std::iter::once(Key::Primary(&certificate.primary_key)).chain(subkeys)
}

fn is_issuer(signature: &Signature, key: &dyn KeyDetails) -> bool {
    let (prints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    if prints.is_empty() && ids.is_empty() {
        return true;
    }
    prints.iter().any(|print| **print == key.fingerprint())
        || (prints.is_empty() && ids.iter().any(|id| **id == key.legacy_key_id()))
}

/// Who a signature says that it is by.
fn issuer(signature: &Signature) -> String {
    let print = signature.issuer_fingerprint().first().map(ToString::to_string);
    let id = || signature.issuer_key_id().first().map(ToString::to_string);
    print.or_else(id).map_or_else(|| "nobody".to_owned(), |name| name.to_uppercase())
}

fn name(certificate: &SignedPublicKey) -> String {
    let users = &certificate.details.users;
    let is_primary = |user: &&pgp::types::SignedUser| user.is_primary();
    let user = users.iter().find(is_primary).or_else(|| users.first());
    let name = user.map(|user| String::from_utf8_lossy(user.id.id()).into_owned());
    name.unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
}

/// Hashes that nobody can make fit another content.
fn is_strong(signature: &Signature) -> bool {
    matches!(
        signature.hash_alg(),
        Some(
            HashAlgorithm::Sha256
                | HashAlgorithm::Sha384
                | HashAlgorithm::Sha512
                | HashAlgorithm::Sha224
                | HashAlgorithm::Sha3_256
                | HashAlgorithm::Sha3_512
        )
    )
}

/// Whether a certificate's owner lets a key of it sign now, by signatures of the primary key that are checked here.
fn valid(
    certificate: &SignedPublicKey,
    key: Key<'_>,
    fingerprint: &str,
    now: Timestamp,
) -> Result<(), SignatureError> {
    let primary = &certificate.primary_key;
    let revoked = || SignatureError::Revoked { key: fingerprint.to_owned() };
    let not_for_signing = |reason: &str| SignatureError::Unsupported { reason: reason.to_owned() };
    if certificate.details.revocation_signatures.iter().any(|one| one.verify_key(primary).is_ok()) {
        return Err(revoked());
    }
    let own = newest(own_signatures(certificate))
        .ok_or_else(|| not_for_signing("its certificate is not signed by its own key"))?;
    alive(primary, own, fingerprint, now)?;
    match key {
        Key::Primary(_) if own.key_flags().sign() => Ok(()),
        Key::Primary(_) => Err(not_for_signing("its key is not one for signatures")),
        Key::Sub(subkey) => {
            let is_of = |signature: &&Signature, typ| {
                signature.typ() == Some(typ)
                    && signature.verify_subkey_binding(primary, &subkey.key).is_ok()
            };
            let signatures = || subkey.signatures.iter();
            if signatures().any(|one| is_of(&one, SignatureType::SubkeyRevocation)) {
                return Err(revoked());
            }
            let bindings = signatures().filter(|one| is_of(one, SignatureType::SubkeyBinding));
            let binding = newest(bindings)
                .ok_or_else(|| not_for_signing("its subkey is not bound to its certificate"))?;
            // Otherwise anybody could claim another's key as a subkey of his.
            let consents = binding
                .embedded_signature()
                .is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok());
            if !binding.key_flags().sign() || !consents {
                return Err(not_for_signing("its subkey is not one for signatures"));
            }
            alive(&subkey.key, binding, fingerprint, now)
        }
    }
}

/// What the primary key says about itself.
fn own_signatures(certificate: &SignedPublicKey) -> impl Iterator<Item = &Signature> {
    let primary = &certificate.primary_key;
    let direct = certificate.details.direct_signatures.iter();
    let direct = direct
        .filter(|one| one.typ() == Some(SignatureType::Key) && one.verify_key(primary).is_ok());
    let users = certificate.details.users.iter().flat_map(move |user| {
        user.signatures.iter().filter(move |one| {
            one.is_certification()
                && one.verify_certification(primary, Tag::UserId, &user.id).is_ok()
        })
    });
    direct.chain(users)
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| signature.created().map(pgp::types::Timestamp::as_secs))
}

/// Whether a key's time is not over by the signature that set it.
fn alive(
    key: &impl VerifyingKey,
    says: &Signature,
    fingerprint: &str,
    now: Timestamp,
) -> Result<(), SignatureError> {
    let Some(lifetime) = says.key_expiration_time().filter(|time| time.as_secs() > 0) else {
        return Ok(());
    };
    before(key.created_at().as_secs(), lifetime.as_secs(), fingerprint, now)
}

/// Whether the signature's own time is not over.
fn not_expired(
    signature: &Signature,
    fingerprint: &str,
    now: Timestamp,
) -> Result<(), SignatureError> {
    match (signature.created(), signature.signature_expiration_time()) {
        (Some(created), Some(lifetime)) if lifetime.as_secs() > 0 => {
            before(created.as_secs(), lifetime.as_secs(), fingerprint, now)
        }
        (_, _) => Ok(()),
    }
}

fn before(
    from: u32,
    seconds: u32,
    fingerprint: &str,
    now: Timestamp,
) -> Result<(), SignatureError> {
    let end = i64::from(from) + i64::from(seconds);
    if now.as_second() < end {
        return Ok(());
    }
    let when = Timestamp::from_second(end)
        .map_or_else(|_| "any more".to_owned(), |end| format!("from {end} on"));
    Err(SignatureError::Expired { key: fingerprint.to_owned(), when })
}
