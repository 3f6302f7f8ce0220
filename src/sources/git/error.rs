//! Why a commit could not be had, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::signature::SignatureError;

/// Why a commit of a repository could not be had. No message holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The server's name could not be looked up, or nothing answers there.
    #[error("connect to {host}")]
    Connect {
        /// The server with its port.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The connection ended in the middle.
    #[error("talk to {host}")]
    Broken {
        /// The server with its port.
        host: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server said nothing for too long, or took too long in all.
    #[error("{host} did not {what} within {} s", limit.as_secs_f32())]
    TimedOut {
        /// The server with its port.
        host: String,
        /// What it should have done.
        what: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// No TLS connection came about: a certificate that nobody here trusts, for example.
    #[error("make a TLS connection to {host}")]
    Tls {
        /// The server with its port.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// A file with certificates has none that can be used.
    #[error("no certificate in {}", path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// The credentials were refused, or there are none and some are wanted.
    #[error("{host} refuses {}", if *with_credentials { "the credentials" } else { "to answer without credentials" })]
    Unauthorised {
        /// The server with its port.
        host: String,
        /// Whether any were sent.
        with_credentials: bool,
    },
    /// Credentials would go over a connection that everybody on the way can read.
    #[error("credentials are not sent to {host} without encryption")]
    PlainText {
        /// The server with its port.
        host: String,
    },
    /// The server answered with an HTTP status that is no success.
    #[error("{host} answered with HTTP status {status}")]
    Status {
        /// The server with its port.
        host: String,
        /// The status.
        status: u16,
    },
    /// It redirects where skep does not follow.
    #[error("{host} redirects {reason}")]
    Redirected {
        /// The server with its port.
        host: String,
        /// Why that is not followed.
        reason: &'static str,
    },
    /// The host's key is in no list.
    #[error("the key of {host} is not known: {fingerprint}")]
    HostUnknown {
        /// The host as lists name it.
        host: String,
        /// The fingerprint of the key that it has.
        fingerprint: String,
        /// The line that would make it known.
        line: String,
    },
    /// The host has another key than the list says, or one that the list revokes.
    #[error("{host} has the key {fingerprint}, and {} {}", list.display(), if *revoked { "revokes it" } else { "has another" })]
    HostChanged {
        /// The host as lists name it.
        host: String,
        /// The fingerprint of the key that it has.
        fingerprint: String,
        /// The list.
        list: PathBuf,
        /// Whether the list revokes the key.
        revoked: bool,
    },
    /// A private key cannot be used.
    #[error("use the private key {key}: {reason}")]
    PrivateKey {
        /// The key's file, or that it is no file.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no repository, or none that we may see.
    #[error("there is no repository at {url}, or none that may be read")]
    NoRepository {
        /// The repository.
        url: String,
    },
    /// What answers is no git server, or speaks no protocol that skep does.
    #[error("{host} does not speak git's protocol: {reason}")]
    Protocol {
        /// The server with its port.
        host: String,
        /// What it says or lacks.
        reason: String,
    },
    /// The server's own words for why it does not go on.
    #[error("{host} says: {message}")]
    Refused {
        /// The server with its port.
        host: String,
        /// What it says.
        message: String,
    },
    /// The repository has no commit.
    #[error("the repository {url} is empty")]
    Empty {
        /// The repository.
        url: String,
    },
    /// The branch, tag or commit does not exist.
    #[error("{url} has no {what}")]
    Missing {
        /// The repository.
        url: String,
        /// What is not there.
        what: String,
        /// One that is there and looks like it.
        similar: Option<String>,
    },
    /// The path does not exist in the commit, or is not what it should be.
    #[error("there is no {path} in {url} at {commit}")]
    NoPath {
        /// The path in the repository.
        path: String,
        /// The repository.
        url: String,
        /// The commit.
        commit: String,
    },
    /// More than the limits allow.
    #[error("{url} would send more than {limit} {unit}")]
    TooLarge {
        /// The repository.
        url: String,
        /// The limit.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// A file with a secret is empty or has several lines.
    #[error("{} holds no secret of one line", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
    },
    /// A user name or a secret has characters that no header may have.
    #[error("the user name or token has characters that HTTP cannot carry")]
    TokenCharacters,
    /// A file that the settings name cannot be read.
    #[error("read {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cache cannot be made or written.
    #[error("write the cache {}", path.display())]
    Cache {
        /// Its directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cache or a local repository does not do what it should.
    #[error("{operation}")]
    Store {
        /// What was being done.
        operation: &'static str,
        /// Why it failed.
        source: git2::Error,
    },
    /// Another process works on the cache.
    #[error("another process uses the cache {}", path.display())]
    Locked {
        /// Its directory.
        path: PathBuf,
    },
    /// The commit or tag is not signed by somebody who may.
    #[error("{what} of {url} is refused")]
    Signature {
        /// What is not signed as it should be.
        what: String,
        /// The repository.
        url: String,
        /// Why.
        source: SignatureError,
    },
    /// It was asked to stop.
    #[error("stopped")]
    Cancelled,
}

/// What may help against an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Time: the network, the server or the disk may recover.
    Retry,
    /// A person: settings, credentials or the repository have to change.
    Change,
}

impl GitError {
    /// The server does not have any of these.
    pub(super) fn missing_commit(url: &str, wants: &[git2::Oid]) -> Self {
        let wants: Vec<String> = wants.iter().map(git2::Oid::to_string).collect();
        let what = format!("commit {}", wants.join(" or "));
        Self::Missing { url: url.to_owned(), what, similar: None }
    }

    /// Whether trying again may help, or only a change.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Connect { .. }
            | Self::Broken { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::Cache { .. }
            | Self::Store { .. }
            | Self::Locked { .. }
            | Self::Cancelled => Remedy::Retry,
            Self::Status { status, .. } if *status >= 500 || *status == 429 => Remedy::Retry,
            Self::Status { .. }
            | Self::Tls { .. }
            | Self::NoCertificates { .. }
            | Self::Unauthorised { .. }
            | Self::PlainText { .. }
            | Self::Redirected { .. }
            | Self::HostUnknown { .. }
            | Self::HostChanged { .. }
            | Self::PrivateKey { .. }
            | Self::NoRepository { .. }
            | Self::Protocol { .. }
            | Self::Empty { .. }
            | Self::Missing { .. }
            | Self::NoPath { .. }
            | Self::TooLarge { .. }
            | Self::SecretFile { .. }
            | Self::TokenCharacters
            | Self::ReadFile { .. }
            | Self::Signature { .. } => Remedy::Change,
        }
    }

    /// What to do about it, if we know.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Tls { .. } => {
                "if the server's certificate is signed by an authority of your own, name its file with `ca_file`"
            }
            Self::Unauthorised { with_credentials: false, .. } => {
                "name a token with `token_file`, or a key with `ssh.key_file`; docs/sources.md has recipes"
            }
            Self::Unauthorised { with_credentials: true, .. } => {
                "the token or key may have expired, or may not read this repository"
            }
            Self::PlainText { .. } => "use https",
            Self::HostUnknown { line, .. } => {
                return Some(format!(
                    "compare the fingerprint with the one that the host's owner publishes, then add this line to the file of `ssh.known_hosts_file`: {line}"
                ));
            }
            Self::HostChanged { .. } => {
                "somebody may be in between; if the host's owner says that the key was changed, correct the file"
            }
            Self::NoRepository { .. } => {
                "check the URL; forges say the same of a private repository when the credentials may not read it"
            }
            Self::Empty { .. } => "push a commit",
            Self::Missing { similar: Some(similar), .. } => {
                return Some(format!("did you mean `{similar}`?"));
            }
            Self::Missing { similar: None, .. } => "check the name; it may have been removed",
            Self::NoPath { .. } => "`path` is the directory of the stacks in the repository",
            Self::TooLarge { .. } => "keep the stacks in a repository of their own",
            Self::SecretFile { .. } => "the file holds the secret alone, on one line",
            Self::Locked { .. } => "give every skep of a machine a state directory of its own",
            Self::Cache { .. } => "the cache can be removed at any time",
            Self::Store { source, .. } if source.code() == git2::ErrorCode::Owner => {
                "the repository belongs to another user; add its path as safe.directory to git's configuration"
            }
            Self::Signature { source, .. } => return source.hint().map(str::to_owned),
            Self::Connect { .. }
            | Self::Broken { .. }
            | Self::TimedOut { .. }
            | Self::NoCertificates { .. }
            | Self::Status { .. }
            | Self::Redirected { .. }
            | Self::PrivateKey { .. }
            | Self::Protocol { .. }
            | Self::Refused { .. }
            | Self::TokenCharacters
            | Self::ReadFile { .. }
            | Self::Store { .. }
            | Self::Cancelled => return None,
        };
        Some(hint.to_owned())
    }
}
