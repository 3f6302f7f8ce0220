//! The address of an engine: a unix socket, TCP with or without TLS, or a host that is reached through ssh.

use std::fmt;
use std::path::{Path, PathBuf};

use url::{Host, Url};

/// Docker's port without TLS.
const PLAIN_PORT: u16 = 2375;
/// Docker's port with TLS.
const TLS_PORT: u16 = 2376;

/// How the engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// Plain TCP; IPv6 hosts stand without brackets.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// TCP with TLS. The engine must have a certificate for `host`.
    Tls {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// Whom to believe, and who we are.
        files: TlsFiles,
    },
    /// The engine of another machine, through `docker system dial-stdio` there.
    Ssh(SshHost),
}

/// The files of a TLS connection, as docker names them. They are read anew for every connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificates of authorities that are believed; without them those of the system.
    pub authorities: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// Those of docker's files that are in `folder`: `ca.pem`, `cert.pem` and `key.pem`.
    pub fn of_docker(folder: &Path) -> Self {
        let [authorities, certificate, key] =
            ["ca.pem", "cert.pem", "key.pem"].map(|name| folder.join(name));
        Self {
            authorities: authorities.exists().then_some(authorities),
            identity: (certificate.exists() || key.exists()).then_some((certificate, key)),
        }
    }
}

/// A machine that ssh can reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshHost {
    /// The user, if not ssh's own choice.
    pub user: Option<String>,
    /// Name or address, or a host of the user's ssh configuration; IPv6 addresses stand without brackets.
    pub host: String,
    /// The port, if not ssh's own choice.
    pub port: Option<u16>,
    /// The engine's socket there, if not docker's own choice.
    pub socket: Option<PathBuf>,
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It has a form that nobody knows.
    #[error("is no address of an engine; use unix:///path, tcp://host:port or ssh://user@host")]
    Form,
    /// It names a pipe of Windows.
    #[error("is a named pipe, and skep speaks with engines on Linux; use tcp:// or ssh://")]
    NamedPipe,
    /// There is a password in it.
    #[error("has a password in it; use a key that ssh knows")]
    Password,
}

impl Address {
    /// Reads an address as docker does. TCP is with TLS if there are files for it, or if the scheme is `https`.
    pub fn parse(text: &str, tls: Option<&TlsFiles>) -> Result<Self, AddressError> {
        let text = text.trim();
        let tcp = |authority, tls| tcp(authority, tls).ok_or(AddressError::Form);
        match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("https", authority)) => tcp(authority, Some(tls.cloned().unwrap_or_default())),
            Some(("tcp" | "http", authority)) => tcp(authority, tls.cloned()),
            Some(("ssh", _)) => ssh(text).map(Self::Ssh),
            Some(("npipe", _)) => Err(AddressError::NamedPipe),
            Some(_) => Err(AddressError::Form),
            None if text.starts_with('/') => Ok(Self::Unix(PathBuf::from(text))),
            None => tcp(text, tls.cloned()),
        }
    }

    /// Whether whoever is on the way can read everything, and do with the machine what they like.
    pub fn is_exposed(&self) -> bool {
        let Self::Tcp { host, port: _ } = self else { return false };
        let is_loopback = host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        !is_loopback && host != "localhost"
    }
}

/// `unix:///var/run/docker.sock`, `tcp://host:2375` or `ssh://user@host`
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } | Self::Tls { host, port, files: _ } => {
                write!(f, "tcp://{}:{port}", bracketed(host))
            }
            Self::Ssh(SshHost { user, host, port, socket }) => {
                f.write_str("ssh://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                f.write_str(&bracketed(host))?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                socket.as_ref().map_or(Ok(()), |socket| write!(f, "{}", socket.display()))
            }
        }
    }
}

/// A host as it stands before a port.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn tcp(authority: &str, tls: Option<TlsFiles>) -> Option<Address> {
    let authority: http::uri::Authority = authority.trim_end_matches('/').parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let default = if tls.is_some() { TLS_PORT } else { PLAIN_PORT };
    let is_bare = authority.host().len() == authority.as_str().len();
    let port = if is_bare { default } else { authority.port_u16()? };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() {
        return None;
    }
    Some(match tls {
        Some(files) => Address::Tls { host, port, files },
        None => Address::Tcp { host, port },
    })
}

fn ssh(text: &str) -> Result<SshHost, AddressError> {
    let url = Url::parse(text).map_err(|_| AddressError::Form)?;
    if url.password().is_some() {
        return Err(AddressError::Password);
    }
    let host = match url.host().ok_or(AddressError::Form)? {
        Host::Ipv6(address) => address.to_string(),
        host @ (Host::Domain(_) | Host::Ipv4(_)) => host.to_string(),
    };
    // Whatever begins with a dash ssh would take for an option, and options can name programs.
    let is_name = |text: &str| {
        !text.starts_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c))
    };
    let user = Some(url.username()).filter(|user| !user.is_empty());
    let is_plain = url.query().is_none() && url.fragment().is_none();
    if !is_plain || !is_name(&host) || !user.is_none_or(is_name) {
        return Err(AddressError::Form);
    }
    let socket = Some(url.path()).filter(|path| !matches!(*path, "" | "/"));
    Ok(SshHost {
        user: user.map(str::to_owned),
        host,
        port: url.port(),
        socket: socket.map(PathBuf::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, AddressError> {
        Address::parse(text, None).map(|address| address.to_string())
    }

    #[test]
    fn addresses_are_read_as_docker_reads_them() {
        for (host, address) in [
            ("unix:///run/d.sock", "unix:///run/d.sock"),
            ("/run/d.sock", "unix:///run/d.sock"),
            ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
            ("https://10.0.0.1", "tcp://10.0.0.1:2376"),
            ("tcp://10.0.0.1:99/", "tcp://10.0.0.1:99"),
            ("tcp://[::1]:99", "tcp://[::1]:99"),
            ("manager:2375", "tcp://manager:2375"),
            ("ssh://manager", "ssh://manager"),
            ("ssh://me@[::1]:2222", "ssh://me@[::1]:2222"),
            ("ssh://me@10.0.0.1/run/d.sock", "ssh://me@10.0.0.1/run/d.sock"),
        ] {
            assert_eq!(shown(host).as_deref(), Ok(address));
        }
        for bad in
            ["", "unix://run/d.sock", "fd://", "tcp://", "tcp://a b", "tcp://a:99999", "ssh://"]
        {
            assert_eq!(shown(bad), Err(AddressError::Form), "{bad}");
        }
        assert_eq!(shown("npipe:////./pipe/x"), Err(AddressError::NamedPipe));
        assert_eq!(shown("ssh://me:word@host"), Err(AddressError::Password));
        let files = TlsFiles::default();
        let with_tls = Address::parse("tcp://a", Some(&files));
        assert_eq!(with_tls, Ok(Address::Tls { host: "a".to_owned(), port: 2376, files }));
    }

    #[test]
    fn nothing_in_an_address_becomes_an_option_of_ssh() {
        for bad in [
            "ssh://-oProxyCommand=x",
            "ssh://-l@host",
            "ssh://a%20b@host",
            "ssh://a;b@host",
            "ssh://h?a=b",
        ] {
            assert_eq!(shown(bad), Err(AddressError::Form), "{bad}");
        }
    }

    #[test]
    fn plain_tcp_is_exposed_but_on_this_machine() {
        let is_exposed = |text| Address::parse(text, None).unwrap().is_exposed();
        assert!(is_exposed("tcp://10.0.0.1") && is_exposed("manager:2375"));
        assert!(
            !is_exposed("tcp://127.0.0.1")
                && !is_exposed("tcp://[::1]")
                && !is_exposed("localhost:1")
        );
        assert!(
            !is_exposed("/run/d.sock")
                && !is_exposed("ssh://manager")
                && !is_exposed("https://manager")
        );
    }
}
