//! Which object: its kind and its name in the Swarm.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kinds of object that skep manages, in the order in which they are created: those of the Swarm, then those of the
/// proxy.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A network of swarm scope.
    Network,
    /// A config.
    Config,
    /// A secret.
    Secret,
    /// A service of any mode.
    Service,
    /// A route of the proxy.
    Route,
    /// What the proxy has beside its routes: servers, certificates, the order of routes.
    Proxy,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Network => "network",
            Self::Config => "config",
            Self::Secret => "secret",
            Self::Service => "service",
            Self::Route => "route",
            Self::Proxy => "proxy",
        })
    }
}

/// One object by kind and full name, such as `service shop_web` or `route shop.example.com/*`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: Kind,
    /// Its name in the Swarm, with the stack's prefix; of a route its host and path.
    pub name: String,
}

impl ObjectKey {
    /// The object of `kind` named `name`.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// `service shop_web`
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name } = self;
        write!(f, "{kind} {name}")
    }
}
