//! Which SSH host has which key, in the form of OpenSSH's `known_hosts`.
//!
//! See sshd(8) about the file.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac as _};
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use sha1::Sha1;

use super::GitError;
use crate::sources::git::access::{SshAccess, read_text};
use crate::sources::git::glob;

/// The lists that count for a connection.
#[derive(Debug)]
pub(super) struct KnownHosts {
    /// The host as lists name it.
    name: String,
    /// The lines about the host, and the file that each is from.
    lines: Vec<(PathBuf, Entry)>,
    /// Where keys go that are believed the first time, if any are.
    accepted: Option<PathBuf>,
}

impl KnownHosts {
    /// Reads what is known of a host.
    pub(super) fn read(
        host: &str,
        port: u16,
        access: &SshAccess,
        new_hosts: &Path,
    ) -> Result<Self, GitError> {
        let host = host.to_ascii_lowercase();
        let name = if port == 22 { host } else { format!("[{host}]:{port}") };
        let accepted = access.accept_new.then(|| new_hosts.to_owned());
        let mut known = Self { name, lines: Vec::new(), accepted };
        if let Some(path) = &access.known_hosts {
            known.add(path, &read_text(path)?);
        } else {
            let home = std::env::var_os("HOME").map(PathBuf::from);
            let own = home.map(|home| home.join(".ssh/known_hosts"));
            for path in own.into_iter().chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]) {
                if path.exists() {
                    known.add(&path, &read_text(&path)?);
                }
            }
        }
        if let Some(path) = known.accepted.clone().filter(|path| path.exists()) {
            known.add(&path, &read_text(&path)?);
        }
        Ok(known)
    }

    /// Lines of kinds that are not known are passed over, as OpenSSH does.
    fn add(&mut self, path: &Path, text: &str) {
        let entries = text.lines().filter_map(|line| line.trim().parse::<Entry>().ok());
        let ours = entries.filter(|entry| is_about(entry.host_patterns(), &self.name));
        self.lines.extend(ours.map(|entry| (path.to_owned(), entry)));
    }

    /// The kinds of keys that are known of the host. A server that has several shows the one that is asked for.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let keys = self.lines.iter().filter(|(_, entry)| entry.marker().is_none());
        keys.map(|(_, entry)| entry.public_key().algorithm()).collect()
    }

    /// Whether the host is believed to be who it says.
    pub(super) fn check(&self, key: &PublicKey) -> Result<(), GitError> {
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let is_same = |entry: &Entry| entry.public_key().key_data() == key.key_data();
        let changed = |list: &Path, revoked| GitError::HostChanged {
            host: self.name.clone(),
            fingerprint: fingerprint.clone(),
            list: list.to_owned(),
            revoked,
        };
        let mut other = None;
        let mut is_known = false;
        for (path, entry) in &self.lines {
            match entry.marker() {
                Some(Marker::Revoked) if is_same(entry) => return Err(changed(path, true)),
                // Certificates of hosts are not asked for.
                Some(Marker::Revoked | Marker::CertAuthority) => {}
                None if is_same(entry) => is_known = true,
                None => other = other.or(Some(path)),
            }
        }
        match (is_known, other, &self.accepted) {
            (true, _, _) => Ok(()),
            (false, Some(path), _) => Err(changed(path, false)),
            (false, None, Some(path)) => self.accept(path, key),
            (false, None, None) => {
                let (host, line) = (self.name.clone(), self.line(key));
                Err(GitError::HostUnknown { host, fingerprint, line })
            }
        }
    }

    fn line(&self, key: &PublicKey) -> String {
        let mut key = key.clone();
        key.set_comment("");
        format!("{} {}", self.name, key.to_openssh().unwrap_or_default())
    }

    fn accept(&self, path: &Path, key: &PublicKey) -> Result<(), GitError> {
        let write = || {
            if let Some(directory) = path.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            }
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            writeln!(file, "{}", self.line(key))
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256);
        tracing::warn!(host = %self.name, %fingerprint, "the host's key was not known and is believed from now on");
        write().map_err(|source| GitError::Cache { path: path.to_owned(), source })
    }
}

fn is_about(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt) else { return false };
            mac.update(name.as_bytes());
            mac.verify_slice(hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let fits = |pattern: &str| glob::matches(&pattern.to_ascii_lowercase(), name);
            let excludes = |pattern: &String| pattern.strip_prefix('!').is_some_and(fits);
            !patterns.iter().any(excludes) && patterns.iter().any(|pattern| fits(pattern))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
    const OTHER: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";

    /// What a list says of `git.example.com` with `KEY`.
    fn says(list: &str, port: u16, accept_new: bool) -> Result<(), GitError> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("known_hosts");
        std::fs::write(&path, list).expect("written");
        let access = SshAccess { known_hosts: Some(path), accept_new, ..SshAccess::default() };
        let new_hosts = directory.path().join("state/known_hosts");
        let key = PublicKey::from_openssh(KEY).expect("a key");
        let known = || KnownHosts::read("git.example.com", port, &access, &new_hosts);
        known()?.check(&key)?;
        // What was believed once is known now, and another key is not believed.
        let other = PublicKey::from_openssh(OTHER).expect("a key");
        let is_known = list.contains(&format!("git.example.com {OTHER}"));
        let changed = matches!(known()?.check(&other), Err(GitError::HostChanged { .. }));
        assert_eq!(changed, !is_known);
        known()?.check(&key)
    }

    #[test]
    fn a_host_is_known_by_name_pattern_and_hash() {
        // ssh-keygen -H
        let hashed = "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|";
        let mut mac = Hmac::<Sha1>::new_from_slice(&[0; 20]).expect("a key");
        mac.update(b"git.example.com");
        let hash = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            mac.finalize().into_bytes(),
        );
        for list in [
            format!("# hosts\n\ngit.example.com,10.0.0.1 {KEY} comment\n"),
            format!("other {OTHER}\nnonsense\n*.example.com {KEY}"),
            format!("git.example.com {OTHER}\ngit.example.com {KEY}"),
            format!("{hashed}{hash} {KEY}"),
        ] {
            says(&list, 22, false).unwrap_or_else(|error| panic!("{list}: {error}"));
        }
        says(&format!("[git.example.com]:2222 {KEY}"), 2222, false).expect("known");
    }

    #[test]
    fn a_host_that_is_unknown_changed_or_revoked_is_not_believed() {
        let unknown = says(&format!("git.example.com {KEY}"), 2222, false);
        let Err(GitError::HostUnknown { line, .. }) = &unknown else { panic!("{unknown:?}") };
        assert_eq!(*line, format!("[git.example.com]:2222 {KEY}"));
        let list = format!("*.example.com,!git.example.com {KEY}");
        assert!(matches!(says(&list, 22, false), Err(GitError::HostUnknown { .. })));
        let list = format!("git.example.com {OTHER}");
        for accept_new in [false, true] {
            let changed = says(&list, 22, accept_new);
            assert!(matches!(changed, Err(GitError::HostChanged { revoked: false, .. })));
        }
        let list = format!("git.example.com {KEY}\n@revoked * {KEY}");
        assert!(matches!(says(&list, 22, true), Err(GitError::HostChanged { revoked: true, .. })));
        says("", 22, true).expect("believed the first time");
    }
}
