//! Who skep is for a git server, and which servers it believes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::GitError;
use crate::model::secret::Redacted;

/// No list of keys or certificates is longer.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Where a secret comes from. It prints as its file's path or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// A file, read anew for every fetch so that it can be rotated. A final line break is not part of it.
    File(PathBuf),
    /// The secret itself, from the environment for example.
    Value(Redacted<String>),
}

impl SecretSource {
    pub(super) fn read(&self) -> Result<Redacted<String>, GitError> {
        let path = match self {
            Self::Value(secret) => return Ok(secret.clone()),
            Self::File(path) => path,
        };
        let secret = read_text(path)?;
        let secret = secret.strip_suffix('\n').unwrap_or(&secret);
        let secret = secret.strip_suffix('\r').unwrap_or(secret);
        // A line break would end the header that it is sent in.
        if secret.is_empty() || secret.contains(['\n', '\r', '\0']) {
            return Err(GitError::SecretFile { path: path.clone() });
        }
        Ok(Redacted::new(secret.to_owned()))
    }
}

/// A file with a secret, keys or certificates.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, GitError> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 4 MiB"));
        }
        Ok(bytes)
    };
    read().map_err(|source| GitError::ReadFile { path: path.to_owned(), source })
}

/// The same as text.
pub(super) fn read_text(path: &Path) -> Result<String, GitError> {
    String::from_utf8(read_bytes(path)?).map_err(|_| GitError::ReadFile {
        path: path.to_owned(),
        // The error itself would show the bytes.
        source: io::Error::new(io::ErrorKind::InvalidData, "not text"),
    })
}

/// How to log in over HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum HttpLogin {
    /// Not at all.
    #[default]
    None,
    /// With a user and a password; forges take a token as the password.
    Basic {
        /// The user. Forges that ask for a token only take any name, but not none.
        username: String,
        /// The password or token.
        password: SecretSource,
    },
    /// With a token that is sent as it is: `Authorization: Bearer`.
    Bearer(SecretSource),
}

/// A private key to log in with over SSH.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshKey {
    /// The key, in OpenSSH's form or in PEM.
    pub key: SecretSource,
    /// Its passphrase, if it has one.
    pub passphrase: Option<SecretSource>,
}

/// How to log in over SSH, and which hosts are believed to be who they say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SshAccess {
    /// The keys that are tried, in this order.
    pub keys: Vec<SshKey>,
    /// The socket of an agent whose keys are tried after them.
    pub agent: Option<PathBuf>,
    /// The file with the keys of hosts; by default `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// Whether a host that is not known is believed the first time. Its key is kept beside the caches; a host whose
    /// key has changed is never believed.
    pub accept_new: bool,
}

/// Who skep is for a git server, and which servers it believes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Access {
    /// How to log in over HTTPS.
    pub http: HttpLogin,
    /// Certificates, as PEM, that a server's may be signed by; instead of those of the system.
    pub ca_file: Option<PathBuf>,
    /// Everything about SSH.
    pub ssh: SshAccess,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_without_its_final_line_break_and_never_printed() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |text: &str| {
            let path = directory.path().join("secret");
            std::fs::write(&path, text).expect("written");
            SecretSource::File(path)
        };
        for text in ["hunter2", "hunter2\n", "hunter2\r\n"] {
            let secret = file(text).read().expect("a secret");
            assert_eq!(secret.expose(), "hunter2");
            assert!(!format!("{secret:?}").contains("hunter2"));
        }
        for text in ["", "\n", "two\nlines\n"] {
            assert!(matches!(file(text).read(), Err(GitError::SecretFile { .. })), "{text:?}");
        }
        let huge = "x".repeat(5_000_000);
        assert!(matches!(file(&huge).read(), Err(GitError::ReadFile { .. })));
        let value = SecretSource::Value(Redacted::new("hunter2".to_owned()));
        assert!(!format!("{value:?}").contains("hunter2"));
    }
}
