//! Whether a commit or tag is signed by somebody who may, which is asked before anything else of it is read.

mod allowed_signers;
mod object;
mod openpgp;
mod ssh;

use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository};
use jiff::Timestamp;

use self::object::{Format, SignedObject};
use super::access::read_bytes;
use super::commit::peel;
use super::error::GitError;

/// Who must have signed what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// A file in the form of git's `gpg.ssh.allowedSignersFile`, for signatures with SSH keys.
    pub allowed_signers: Option<PathBuf>,
    /// A file with OpenPGP certificates, binary or armoured, for signatures with those.
    pub keyring: Option<PathBuf>,
    /// Which object must be signed; by default the tag where the source is a tag, and otherwise the commit.
    pub signed: Option<Signed>,
}

/// Which object must be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// The commit.
    Commit,
    /// The annotated tag that leads to it.
    Tag,
    /// Each of them.
    Both,
}

/// Who has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Who it is by the list: principals of an SSH key, a user id of an OpenPGP certificate.
    pub name: String,
    /// The fingerprint of the key.
    pub key: String,
}

/// Why a signature is refused.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("it is not signed")]
    Unsigned,
    /// The source leads to a commit, or to a tag without a message, which cannot be signed.
    #[error("there is no annotated tag that could be signed")]
    NoTag,
    /// The key is on no list.
    #[error("it is signed by {key}, who is not on the list")]
    UnknownSigner {
        /// The fingerprint or id of the key.
        key: String,
    },
    /// The signature does not fit the content.
    #[error("its signature by {key} does not fit its content")]
    Bad {
        /// The fingerprint of the key.
        key: String,
    },
    /// The key's time is over, or has not begun.
    #[error("it is signed by {key}, which is not valid {when}")]
    Expired {
        /// The fingerprint of the key.
        key: String,
        /// Since or until when.
        when: String,
    },
    /// The key's owner has withdrawn it.
    #[error("it is signed by {key}, which its owner has revoked")]
    Revoked {
        /// The fingerprint of the key.
        key: String,
    },
    /// It is signed in a way for which there is no list.
    #[error("it is signed with {format}, for which no list is given")]
    NoList {
        /// Which way.
        format: &'static str,
    },
    /// It is signed in a way that skep cannot check.
    #[error("its signature cannot be checked: {reason}")]
    Unsupported {
        /// Why not.
        reason: String,
    },
    /// The list itself cannot be used.
    #[error("{}: {reason}", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The object cannot be read.
    #[error("read it")]
    Read(#[from] git2::Error),
}

impl SignatureError {
    /// What to do about it, if we know.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unsigned => Some("sign it: git commit -S, or git tag -s"),
            Self::NoTag => Some("make an annotated tag: git tag -s"),
            Self::UnknownSigner { .. } => {
                Some("if that is somebody who may deploy, add the key to the list")
            }
            Self::Expired { .. } => Some("sign with a key that is valid, or correct the list"),
            Self::NoList { .. } => Some(
                "name a list with `allowed_signers_file` for SSH keys, `keyring_file` for OpenPGP",
            ),
            Self::Bad { .. }
            | Self::Revoked { .. }
            | Self::Unsupported { .. }
            | Self::List { .. }
            | Self::Read(_) => None,
        }
    }
}

/// Checks what must be signed, and tells who did; otherwise which object is refused, and why.
pub(super) fn verify(
    repository: &Repository,
    target: Oid,
    signed: Signed,
    verification: &Verification,
) -> Result<Vec<Signer>, (String, SignatureError)> {
    let mut signers = Vec::new();
    if matches!(signed, Signed::Tag | Signed::Both) {
        let what = || format!("tag {target}");
        let is_tag = repository.find_tag(target).is_ok();
        if !is_tag {
            return Err((what(), SignatureError::NoTag));
        }
        let found = check(repository, target, ObjectType::Tag, verification);
        signers.push(found.map_err(|error| (what(), error))?);
    }
    if matches!(signed, Signed::Commit | Signed::Both) {
        let commit = peel(repository, target).map_or(target, |commit| commit.id());
        let found = check(repository, commit, ObjectType::Commit, verification);
        signers.push(found.map_err(|error| (format!("commit {commit}"), error))?);
    }
    Ok(signers)
}

fn check(
    repository: &Repository,
    id: Oid,
    kind: ObjectType,
    verification: &Verification,
) -> Result<Signer, SignatureError> {
    let odb = repository.odb()?;
    let raw = odb.read(id)?;
    let object = match kind {
        ObjectType::Tag => SignedObject::of_tag(raw.data()),
        _ => SignedObject::of_commit(raw.data()),
    };
    let object = object.ok_or(SignatureError::Unsigned)?;
    match (object.format(), &verification.allowed_signers, &verification.keyring) {
        (Format::Ssh, Some(list), _) => ssh::check(&object, time(raw.data()), list),
        (Format::OpenPgp, _, Some(keyring)) => openpgp::check(&object, Timestamp::now(), keyring),
        (Format::Ssh, None, _) => Err(SignatureError::NoList { format: "an SSH key" }),
        (Format::OpenPgp, _, None) => Err(SignatureError::NoList { format: "OpenPGP" }),
        (Format::X509, _, _) => Err(SignatureError::Unsupported {
            reason: "it is one with an X.509 certificate".to_owned(),
        }),
    }
}

/// When the object says that it was made: the seconds before the time zone in its `committer` or `tagger` line.
fn time(raw: &[u8]) -> Option<Timestamp> {
    let line = raw
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.is_empty())
        .find(|line| line.starts_with(b"committer ") || line.starts_with(b"tagger "))?;
    let line = std::str::from_utf8(line.rsplit(|byte| *byte == b'>').next()?).ok()?;
    let seconds = line.split_ascii_whitespace().next()?.parse().ok()?;
    Timestamp::from_second(seconds).ok()
}

/// A list as bytes.
fn list_bytes(path: &Path) -> Result<Vec<u8>, SignatureError> {
    let list = |reason: String| SignatureError::List { path: path.to_owned(), reason };
    read_bytes(path).map_err(|error| match error {
        GitError::ReadFile { source, .. } => list(source.to_string()),
        other => list(other.to_string()),
    })
}

/// A list as text.
fn list_text(path: &Path) -> Result<String, SignatureError> {
    String::from_utf8(list_bytes(path)?)
        .map_err(|_| SignatureError::List { path: path.to_owned(), reason: "not text".to_owned() })
}
