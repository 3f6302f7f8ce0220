//! Where the engine is: from `--host`, `DOCKER_HOST`, the current docker context, or the default socket.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Docker's default socket.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Docker's port without TLS.
const DEFAULT_PORT: u16 = 2375;

/// Why no address of an engine could be made out.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address has a form that nobody knows.
    #[error(
        "\"{host}\" from {origin} is no address of an engine; use unix:///path or tcp://host:port"
    )]
    Invalid {
        /// The address.
        host: String,
        /// Who named it.
        origin: Origin,
    },
    /// The address asks for a transport that this version does not have.
    #[error(
        "\"{host}\" from {origin} needs {transport}, which this version does not have; \
         use a unix socket, or forward one: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST"
    )]
    Unsupported {
        /// The address.
        host: String,
        /// Who named it.
        origin: Origin,
        /// What it needs: `TLS`, `ssh` or `named pipes`.
        transport: &'static str,
    },
    /// A context is named that docker's configuration does not have.
    #[error("docker has no context \"{name}\" (no {})", path.display())]
    NoContext {
        /// The name of the context.
        name: String,
        /// Where it would be.
        path: PathBuf,
    },
    /// A file of docker's configuration cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of docker's configuration is not what docker writes.
    #[error("cannot make sense of {}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Who named the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--host`
    Flag,
    /// `DOCKER_HOST`
    Environment,
    /// A docker context, by name.
    Context(String),
    /// Nobody.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--host"),
            Self::Environment => f.write_str("DOCKER_HOST"),
            Self::Context(name) => write!(f, "docker context \"{name}\""),
            Self::Default => f.write_str("docker's default"),
        }
    }
}

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
}

/// `unix:///var/run/docker.sock` or `tcp://host:2375`
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

/// The address of an engine and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// How the engine is reached.
    pub address: Address,
    /// Who named it.
    pub origin: Origin,
}

/// The part of a process's surroundings that the docker client looks at to find its engine.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `DOCKER_HOST`
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub docker_context: Option<String>,
    /// Whether `DOCKER_TLS_VERIFY` asks for TLS.
    pub docker_tls: bool,
    /// Docker's configuration folder: `DOCKER_CONFIG`, else `~/.docker`.
    pub docker_config: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        Self {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_tls: text("DOCKER_TLS_VERIFY").is_some(),
            docker_config: path("DOCKER_CONFIG").or_else(|| Some(path("HOME")?.join(".docker"))),
        }
    }
}

impl Endpoint {
    /// Finds the engine as the docker client does: `host` (`--host`), else `DOCKER_HOST`, else `DOCKER_CONTEXT` or
    /// the current context, else the default socket.
    pub fn resolve(host: Option<&str>, surroundings: &Surroundings) -> Result<Self, EndpointError> {
        let Surroundings { docker_host, docker_context, docker_tls, docker_config } = surroundings;
        if let Some(host) = host {
            return Self::parse(host, Origin::Flag, *docker_tls);
        }
        if let Some(host) = docker_host {
            return Self::parse(host, Origin::Environment, *docker_tls);
        }
        let context = match (docker_context, docker_config) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(folder)) => current_context(folder)?,
            (None, None) => None,
        };
        match (context.filter(|name| name != "default"), docker_config) {
            (Some(name), Some(folder)) => Self::of_context(name, folder),
            (Some(name), None) => {
                Err(EndpointError::NoContext { name, path: PathBuf::from("~/.docker") })
            }
            (None, _) => Ok(Self {
                address: Address::Unix(PathBuf::from(DEFAULT_SOCKET)),
                origin: Origin::Default,
            }),
        }
    }

    fn of_context(name: String, folder: &Path) -> Result<Self, EndpointError> {
        let id = hex::encode(Sha256::digest(&name));
        let path = folder.join("contexts/meta").join(&id).join("meta.json");
        let Some(bytes) = read_if_there(&path)? else {
            return Err(EndpointError::NoContext { name, path });
        };
        let meta: ContextMeta = serde_json::from_slice(&bytes)
            .map_err(|source| EndpointError::Parse { path, source })?;
        let tls = folder.join("contexts/tls").join(&id).join("docker").exists();
        Self::parse(&meta.endpoints.docker.host, Origin::Context(name), tls)
    }

    fn parse(host: &str, origin: Origin, tls: bool) -> Result<Self, EndpointError> {
        let host = host.trim();
        let unsupported = |origin, transport| {
            Err(EndpointError::Unsupported { host: host.to_owned(), origin, transport })
        };
        let address = match host.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => {
                Some(Address::Unix(PathBuf::from(path)))
            }
            Some(("https", _)) => return unsupported(origin, "TLS"),
            Some(("tcp" | "http", _)) if tls => return unsupported(origin, "TLS"),
            Some(("tcp" | "http", authority)) => tcp(authority),
            Some(("ssh", _)) => return unsupported(origin, "ssh"),
            Some(("npipe", _)) => return unsupported(origin, "named pipes"),
            Some(_) => None,
            None if host.starts_with('/') => Some(Address::Unix(PathBuf::from(host))),
            None => tcp(host),
        };
        match address {
            Some(address) => Ok(Self { address, origin }),
            None => Err(EndpointError::Invalid { host: host.to_owned(), origin }),
        }
    }
}

fn tcp(authority: &str) -> Option<Address> {
    let authority: http::uri::Authority = authority.trim_end_matches('/').parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let port = if authority.host().len() == authority.as_str().len() {
        DEFAULT_PORT
    } else {
        authority.port_u16()?
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| Address::Tcp { host: host.to_owned(), port })
}

/// The context that `docker context use` chose.
fn current_context(folder: &Path) -> Result<Option<String>, EndpointError> {
    let path = folder.join("config.json");
    let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
    let config: DockerConfig =
        serde_json::from_slice(&bytes).map_err(|source| EndpointError::Parse { path, source })?;
    Ok(config.current_context.filter(|name| !name.is_empty()))
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, EndpointError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EndpointError::Read { path: path.to_owned(), source }),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DockerConfig {
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextMeta {
    endpoints: ContextEndpoints,
}

#[derive(Deserialize)]
struct ContextEndpoints {
    docker: ContextEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    host: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_host(host: &str) -> Result<String, String> {
        Endpoint::resolve(Some(host), &Surroundings::default())
            .map(|endpoint| endpoint.address.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_are_read_as_docker_reads_them() {
        for (host, address) in [
            ("unix:///run/d.sock", "unix:///run/d.sock"),
            ("/run/d.sock", "unix:///run/d.sock"),
            ("tcp://10.0.0.1", "tcp://10.0.0.1:2375"),
            ("tcp://10.0.0.1:99/", "tcp://10.0.0.1:99"),
            ("tcp://[::1]:99", "tcp://[::1]:99"),
            ("manager:2375", "tcp://manager:2375"),
        ] {
            assert_eq!(of_host(host).as_deref(), Ok(address));
        }
        for bad in ["", "unix://run/d.sock", "fd://", "tcp://", "tcp://a b", "tcp://a:99999"] {
            assert!(of_host(bad).is_err_and(|e| e.contains("is no address")), "{bad}");
        }
        for (later, transport) in [
            ("ssh://me@host", "ssh"),
            ("https://a:1", "TLS"),
            ("npipe:////./pipe/x", "named pipes"),
        ] {
            assert!(of_host(later).is_err_and(|e| e.contains(transport)), "{later}");
        }
    }

    #[test]
    fn flag_then_environment_then_context_then_default() {
        let folder = tempfile::tempdir().unwrap();
        let mut around = Surroundings {
            docker_config: Some(folder.path().to_owned()),
            ..Surroundings::default()
        };
        let address = |host, around: &Surroundings| {
            Endpoint::resolve(host, around).map(|endpoint| endpoint.address.to_string())
        };
        assert_eq!(address(None, &around).unwrap(), "unix:///var/run/docker.sock");

        std::fs::write(folder.path().join("config.json"), r#"{"currentContext":"prod"}"#).unwrap();
        assert!(matches!(address(None, &around), Err(EndpointError::NoContext { .. })));

        let id = hex::encode(Sha256::digest("prod"));
        let meta = folder.path().join("contexts/meta").join(&id);
        std::fs::create_dir_all(&meta).unwrap();
        let text = r#"{"Name":"prod","Endpoints":{"docker":{"Host":"tcp://10.1.1.1:2375"}}}"#;
        std::fs::write(meta.join("meta.json"), text).unwrap();
        assert_eq!(address(None, &around).unwrap(), "tcp://10.1.1.1:2375");

        std::fs::create_dir_all(folder.path().join("contexts/tls").join(&id).join("docker"))
            .unwrap();
        assert!(matches!(address(None, &around), Err(EndpointError::Unsupported { .. })));

        around.docker_context = Some("default".into());
        assert_eq!(address(None, &around).unwrap(), "unix:///var/run/docker.sock");
        around.docker_host = Some("unix:///env.sock".into());
        assert_eq!(address(None, &around).unwrap(), "unix:///env.sock");
        assert_eq!(address(Some("unix:///flag.sock"), &around).unwrap(), "unix:///flag.sock");
    }
}
