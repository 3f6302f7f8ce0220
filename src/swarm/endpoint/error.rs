//! Why no address of an engine could be made out, and who named it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::address::AddressError;

/// Why no address of an engine could be made out.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// What is named is no address.
    #[error("\"{host}\" from {origin} {problem}")]
    Invalid {
        /// The address.
        host: String,
        /// Who named it.
        origin: Origin,
        /// What is wrong with it.
        problem: AddressError,
    },
    /// A context asks not to look at the engine's certificate.
    #[error(
        "docker context \"{name}\" asks to believe any certificate, which skep does not: whoever \
         is in between would get every secret"
    )]
    Unverified {
        /// The name of the context.
        name: String,
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

impl EndpointError {
    /// What is wrong with `host`, which is not repeated if there is a password in it.
    pub(super) fn invalid(host: &str, origin: Origin, problem: AddressError) -> Self {
        let shown = match problem {
            AddressError::Password => "ssh://…",
            AddressError::Form | AddressError::NamedPipe => host,
        };
        Self::Invalid { host: shown.to_owned(), origin, problem }
    }
}

/// Who named the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--host`
    Flag,
    /// A variable of the environment, such as `DOCKER_HOST`.
    Environment(&'static str),
    /// The key `engine` of the settings.
    Settings,
    /// A docker context, by name.
    Context(String),
    /// Nobody.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--host"),
            Self::Environment(name) => f.write_str(name),
            Self::Settings => f.write_str("the key `engine` of the settings"),
            Self::Context(name) => write!(f, "docker context \"{name}\""),
            Self::Default => f.write_str("docker's default"),
        }
    }
}
