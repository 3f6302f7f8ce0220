//! The way to a git server over SSH: `git-upload-pack` at the other end of an encrypted connection.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::client::{self, Config, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Preferred};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::connect::{connect, shown};
use super::known_hosts::KnownHosts;
use super::{GitError, Limits};
use crate::sources::git::access::{SecretSource, SshAccess, SshKey, read_text};
use crate::sources::git::url::SshLocation;

/// How much of what the server says beside the protocol is kept.
const MAX_WORDS: usize = 2_000;
/// How many keys of an agent are tried; servers close the connection after some.
const MAX_AGENT_KEYS: usize = 20;

/// A running `git-upload-pack` on a server.
pub(crate) struct Ssh {
    // The connection closes when this is dropped.
    _session: Handle<Host>,
    channel: Channel<client::Msg>,
    host: String,
    words: String,
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssh").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The server that shows its key.
struct Host {
    known: KnownHosts,
    host: String,
}

/// Why the connection failed: our own reason, or that of SSH.
#[derive(Debug)]
enum Failure {
    Ours(GitError),
    Theirs(russh::Error),
}

impl From<russh::Error> for Failure {
    fn from(error: russh::Error) -> Self {
        Self::Theirs(error)
    }
}

impl client::Handler for Host {
    type Error = Failure;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Failure> {
        match key {
            PublicKeyOrCertificate::PublicKey { key, .. } => {
                self.known.check(key).map_err(Failure::Ours)?;
                Ok(true)
            }
            PublicKeyOrCertificate::Certificate(_) => Err(Failure::Ours(GitError::Protocol {
                host: self.host.clone(),
                reason: "it shows a certificate that nobody asked for".to_owned(),
            })),
        }
    }
}

impl Ssh {
    /// Connects, logs in and starts the program.
    pub(super) async fn open(
        at: &SshLocation,
        access: &SshAccess,
        new_hosts: &Path,
        limits: &Limits,
    ) -> Result<Self, GitError> {
        let SshLocation { user, host, port, path } = at;
        let known = KnownHosts::read(host, *port, access, new_hosts)?;
        let shown = shown(host, *port);
        // While keys are exchanged, russh does not see that nobody waits for it any more. No fetch takes longer than this.
        let config = Config {
            preferred: preferred(&known),
            inactivity_timeout: Some(limits.total),
            ..Config::default()
        };
        let stream = connect(host, *port, limits.connect).await?;
        let server = Server { host: &shown, limit: limits.connect };
        let handler = Host { known, host: shown.clone() };
        let begun = client::connect_stream(Arc::new(config), stream, handler);
        let mut session = match server.in_time("begin SSH", begun).await? {
            Ok(session) => session,
            Err(Failure::Ours(error)) => return Err(error),
            Err(Failure::Theirs(error)) => return Err(server.broken(error)),
        };
        let login = server.log_in(&mut session, user, access);
        server.in_time("finish the login", login).await??;
        let started = async {
            let channel = session.channel_open_session().await?;
            // Servers that do not take it speak the older version.
            channel.set_env(false, "GIT_PROTOCOL", "version=2").await?;
            channel.exec(true, format!("git-upload-pack {}", quoted(path))).await?;
            Ok(channel)
        };
        let started: Result<_, russh::Error> = server.in_time("start git", started).await?;
        let channel = started.map_err(|error| server.broken(error))?;
        Ok(Self { _session: session, channel, host: shown, words: String::new() })
    }

    pub(super) async fn send(&mut self, message: Bytes) -> Result<(), GitError> {
        let sent = self.channel.data_bytes(message).await;
        sent.map_err(|error| GitError::Broken { host: self.host.clone(), source: error.into() })
    }

    pub(super) async fn receive(&mut self) -> Result<Option<Bytes>, GitError> {
        loop {
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => return Ok(Some(data)),
                Some(ChannelMsg::ExtendedData { data, .. }) => {
                    let left = MAX_WORDS.saturating_sub(self.words.len());
                    self.words.extend(String::from_utf8_lossy(&data).chars().take(left));
                }
                Some(ChannelMsg::Failure) => {
                    return Err(GitError::Protocol {
                        host: self.host.clone(),
                        reason: "it does not start git-upload-pack".to_owned(),
                    });
                }
                Some(ChannelMsg::Close) | None => return Ok(None),
                // What it says about itself follows the end of its output.
                Some(_) => {}
            }
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn last_words(&self) -> Option<String> {
        let words = self.words.trim();
        if words.is_empty() { None } else { Some(words.to_owned()) }
    }
}

/// The kinds of host keys that are known first, so that the server shows one of those.
fn preferred(known: &KnownHosts) -> Preferred {
    let known = known.algorithms();
    // RSA keys sign in several ways.
    let is_known = |algorithm: &Algorithm| match algorithm {
        Algorithm::Rsa { .. } => known.iter().any(|known| matches!(known, Algorithm::Rsa { .. })),
        algorithm => known.contains(algorithm),
    };
    let (mut first, rest): (Vec<_>, Vec<_>) =
        Preferred::DEFAULT.key.iter().cloned().partition(is_known);
    first.extend(rest);
    Preferred { key: first.into(), ..Preferred::DEFAULT }
}

/// A path as one word of a shell.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

struct Server<'a> {
    host: &'a str,
    limit: Duration,
}

impl Server<'_> {
    async fn in_time<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = T>,
    ) -> Result<T, GitError> {
        let (host, limit) = (self.host, self.limit);
        let done = timeout(limit, work).await;
        done.map_err(|_| GitError::TimedOut { host: host.to_owned(), what, limit })
    }

    fn broken(&self, error: russh::Error) -> GitError {
        GitError::Broken { host: self.host.to_owned(), source: error.into() }
    }

    async fn log_in(
        &self,
        session: &mut Handle<Host>,
        user: &str,
        access: &SshAccess,
    ) -> Result<(), GitError> {
        for key in &access.keys {
            let key = private_key(key)?;
            let hash = self.hash(session, &key.algorithm()).await?;
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            let tried = session.authenticate_publickey(user, key).await;
            if tried.map_err(|error| self.broken(error))?.success() {
                return Ok(());
            }
        }
        if let Some(socket) = &access.agent
            && self.log_in_with_agent(session, user, socket).await?
        {
            return Ok(());
        }
        let with_credentials = !access.keys.is_empty() || access.agent.is_some();
        Err(GitError::Unauthorised { host: self.host.to_owned(), with_credentials })
    }

    /// With what an RSA key signs. SHA-1 is not used where the server does not say what it takes.
    async fn hash(
        &self,
        session: &Handle<Host>,
        algorithm: &Algorithm,
    ) -> Result<Option<HashAlg>, GitError> {
        if !matches!(algorithm, Algorithm::Rsa { .. }) {
            return Ok(None);
        }
        let hash = session.best_supported_rsa_hash().await;
        let hash = hash.map_err(|error| self.broken(error))?;
        Ok(hash.flatten().or(Some(HashAlg::Sha512)))
    }

    async fn log_in_with_agent(
        &self,
        session: &mut Handle<Host>,
        user: &str,
        socket: &Path,
    ) -> Result<bool, GitError> {
        let failed = |reason: String| GitError::PrivateKey {
            key: format!("of the agent at {}", socket.display()),
            reason,
        };
        let stream = UnixStream::connect(socket).await;
        let stream = stream.map_err(|error| failed(error.to_string()))?;
        let mut agent = AgentClient::connect(stream);
        let keys = agent.request_identities().await.map_err(|error| failed(error.to_string()))?;
        for key in keys.into_iter().take(MAX_AGENT_KEYS) {
            let AgentIdentity::PublicKey { key, .. } = key else { continue };
            let hash = self.hash(session, &key.algorithm()).await?;
            let tried = session.authenticate_publickey_with(user, key, hash, &mut agent).await;
            if tried.map_err(|error| failed(error.to_string()))?.success() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn private_key(key: &SshKey) -> Result<russh::keys::PrivateKey, GitError> {
    let (shown, text) = match &key.key {
        SecretSource::File(path) => (path.display().to_string(), read_text(path)?),
        SecretSource::Value(text) => ("from the environment".to_owned(), text.expose().clone()),
    };
    let passphrase = key.passphrase.as_ref().map(SecretSource::read).transpose()?;
    let passphrase = passphrase.as_ref().map(|passphrase| passphrase.expose().as_str());
    russh::keys::decode_secret_key(&text, passphrase).map_err(|error| {
        let reason = match error {
            russh::keys::Error::KeyIsEncrypted => {
                "it has a passphrase, and none is given".to_owned()
            }
            // What goes wrong with a wrong passphrase depends on the key's form.
            _ if passphrase.is_some() => {
                "it is no private key, or the passphrase is another one".to_owned()
            }
            error => error.to_string(),
        };
        GitError::PrivateKey { key: shown, reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_is_in_it() {
        assert_eq!(quoted("team/stacks.git"), "'team/stacks.git'");
        assert_eq!(quoted("a'; rm -rf /; '"), r"'a'\''; rm -rf /; '\'''");
    }
}
