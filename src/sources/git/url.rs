//! Where a repository is, in the notations that git knows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

/// Why a text names no repository that can be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Nothing is written.
    #[error("the URL is empty")]
    Empty,
    /// A user or password stands in it. The text is left out, as it may be a token.
    #[error("credentials stand in the URL, where messages and logs would show them")]
    Credentials,
    /// A part that a repository's URL does not have.
    #[error("the URL has a query or a fragment")]
    Extra,
    /// Something else than http, https, ssh, git, file or a path.
    #[error("the scheme is none of https, http, ssh, git and file")]
    Scheme,
    /// No host, or none that is valid.
    #[error("the URL has no valid host or port")]
    Host,
    /// No path, or one with control characters.
    #[error("the URL has no valid path")]
    Path,
}

impl UrlError {
    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Credentials => {
                "put the password or token into a file of its own and name that, and leave the URL without it"
            }
            Self::Empty | Self::Extra | Self::Scheme | Self::Host | Self::Path => {
                "write https://host/team/repository.git, git@host:team/repository.git or the path of a local repository"
            }
        }
    }
}

/// Where a repository is. It never holds a password, and prints without the user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryUrl(Location);

/// What to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Location {
    /// The smart protocol over HTTP or HTTPS. The URL has neither user, query nor fragment.
    Http(Url),
    /// `git-upload-pack` behind an SSH server.
    Ssh(SshLocation),
    /// `git daemon`.
    Daemon {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
        /// The path in the daemon's terms.
        path: String,
    },
    /// A repository on this machine.
    Local(PathBuf),
}

/// A repository behind an SSH server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SshLocation {
    /// Who logs in.
    pub(super) user: String,
    /// The server's name or address.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// The path on the server.
    pub(super) path: String,
}

impl RepositoryUrl {
    /// The repository at a path of this machine.
    pub fn local(path: impl Into<PathBuf>) -> Self {
        Self(Location::Local(path.into()))
    }

    /// The same, a relative path taken from `directory`.
    #[must_use]
    pub fn relative_to(self, directory: &Path) -> Self {
        match self.0 {
            Location::Local(path) => Self(Location::Local(directory.join(path))),
            other => Self(other),
        }
    }

    /// Whether the repository is on this machine, so that no credentials are needed.
    pub fn is_local(&self) -> bool {
        matches!(self.0, Location::Local(_))
    }

    /// Whether it is fetched through SSH.
    pub fn is_ssh(&self) -> bool {
        matches!(self.0, Location::Ssh(_))
    }

    /// Whether it is fetched through HTTP or HTTPS.
    pub fn is_http(&self) -> bool {
        matches!(self.0, Location::Http(_))
    }

    /// The repository's own name: the last part of its path without `.git`.
    pub fn name(&self) -> &str {
        let path = match &self.0 {
            Location::Http(url) => url.path(),
            Location::Ssh(SshLocation { path, .. }) | Location::Daemon { path, .. } => path,
            Location::Local(path) => path.to_str().unwrap_or_default(),
        };
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/.git").unwrap_or(path);
        let name = path.rsplit('/').next().unwrap_or(path);
        name.strip_suffix(".git").unwrap_or(name)
    }

    pub(super) fn location(&self) -> &Location {
        &self.0
    }
}

impl FromStr for RepositoryUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.trim().is_empty() {
            return Err(UrlError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(UrlError::Path);
        }
        if text.contains("://") {
            return with_scheme(text).map(Self);
        }
        // As git has it: a colon before the first slash makes it the short notation of ssh.
        match text.split_once(':') {
            Some((host, path)) if !host.contains('/') => short(host, path).map(Self),
            _ => Ok(Self(Location::Local(text.into()))),
        }
    }
}

fn with_scheme(text: &str) -> Result<Location, UrlError> {
    let url = Url::parse(text).map_err(|_| UrlError::Host)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlError::Extra);
    }
    let has_user = !url.username().is_empty();
    if url.password().is_some() || (has_user && url.scheme() != "ssh") {
        return Err(UrlError::Credentials);
    }
    let host = || match url.host_str() {
        Some(host) if !host.is_empty() => Ok(host.trim_matches(['[', ']']).to_owned()),
        _ => Err(UrlError::Host),
    };
    let path = decoded(url.path())?;
    match url.scheme() {
        "http" | "https" => {
            host()?;
            if path.trim_matches('/').is_empty() {
                return Err(UrlError::Path);
            }
            Ok(Location::Http(url))
        }
        "ssh" | "git+ssh" | "ssh+git" => {
            // `/~user/x` is relative to a home directory, not to the root.
            let path = if path.starts_with("/~") { path.get(1..) } else { Some(path.as_str()) };
            let path = path.filter(|path| !path.trim_matches('/').is_empty());
            Ok(Location::Ssh(SshLocation {
                user: user(url.username()),
                host: host()?,
                port: url.port().unwrap_or(22),
                path: path.ok_or(UrlError::Path)?.to_owned(),
            }))
        }
        "git" => {
            let port = url.port().unwrap_or(9418);
            Ok(Location::Daemon { host: host()?, port, path })
        }
        "file" => url.to_file_path().map(Location::Local).map_err(|()| UrlError::Path),
        _ => Err(UrlError::Scheme),
    }
}

/// `git@host:team/repository.git`
fn short(host: &str, path: &str) -> Result<Location, UrlError> {
    let (name, host) = host.rsplit_once('@').unwrap_or(("", host));
    // `user:password@host:path` is not what git takes it for, and would show the password as a path.
    if path.contains('@') && name.is_empty() {
        return Err(UrlError::Credentials);
    }
    if host.is_empty() {
        return Err(UrlError::Host);
    }
    if path.trim_matches('/').is_empty() {
        return Err(UrlError::Path);
    }
    Ok(Location::Ssh(SshLocation {
        user: user(name),
        host: host.trim_matches(['[', ']']).to_owned(),
        port: 22,
        path: path.to_owned(),
    }))
}

/// Every forge's SSH server expects this user, and nobody means the one that skep happens to run as.
fn user(written: &str) -> String {
    if written.is_empty() { "git".to_owned() } else { written.to_owned() }
}

/// A path without percent signs, as servers other than those of HTTP take it.
fn decoded(path: &str) -> Result<String, UrlError> {
    let bytes = percent_encoding::percent_decode_str(path);
    let path = bytes.decode_utf8().map_err(|_| UrlError::Path)?.into_owned();
    if path.chars().any(char::is_control) { Err(UrlError::Path) } else { Ok(path) }
}

/// The URL without its user.
impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = |host: &str, port: u16, default: u16| {
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            if port == default { host } else { format!("{host}:{port}") }
        };
        match &self.0 {
            Location::Http(url) => write!(f, "{url}"),
            Location::Ssh(SshLocation { user: _, host, port, path }) => {
                let slash = if path.starts_with('/') { "" } else { "/" };
                write!(f, "ssh://{}{slash}{path}", authority(host, *port, 22))
            }
            Location::Daemon { host, port, path } => {
                write!(f, "git://{}{path}", authority(host, *port, 9418))
            }
            Location::Local(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, UrlError> {
        text.parse().map(|url: RepositoryUrl| format!("{url} named {}", url.name()))
    }

    #[test]
    fn every_notation_of_git_is_read_and_shown_without_its_user() {
        for (text, expected) in [
            (
                "https://github.com/acme/stacks.git",
                "https://github.com/acme/stacks.git named stacks",
            ),
            ("http://[::1]:8080/a", "http://[::1]:8080/a named a"),
            ("git@github.com:acme/stacks.git", "ssh://github.com/acme/stacks.git named stacks"),
            ("ssh://git@host:2222/~me/x.git/", "ssh://host:2222/~me/x.git/ named x"),
            ("ssh://[fe80::1]/x", "ssh://[fe80::1]/x named x"),
            ("git://localhost/x%20y", "git://localhost/x y named x y"),
            ("file:///srv/git/x.git", "/srv/git/x.git named x"),
            ("../checkout/.git", "../checkout/.git named checkout"),
            ("./a:b", "./a:b named a:b"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_url_with_credentials_is_refused_without_repeating_them() {
        for text in [
            "https://ghp_hunter2@github.com/a/b",
            "https://me:hunter2@github.com/a/b",
            "ssh://git:hunter2@github.com/a/b",
            "git:hunter2@github.com:a/b",
        ] {
            let error = parse(text).expect_err(text);
            assert!(!format!("{error} {error:?} {}", error.hint()).contains("hunter2"));
        }
        assert_eq!(parse("https://me:hunter2@github.com/a/b"), Err(UrlError::Credentials));
        assert_eq!(parse("https://h/a/b?private_token=x"), Err(UrlError::Extra));
        assert_eq!(parse("ftp://h/a"), Err(UrlError::Scheme));
        assert_eq!(parse("https://h/"), Err(UrlError::Path));
        assert_eq!(parse("git@host:"), Err(UrlError::Path));
        assert_eq!(parse("git@host:a\nb"), Err(UrlError::Path));
        assert_eq!(parse("  "), Err(UrlError::Empty));
    }
}
