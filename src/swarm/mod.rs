//! The Engine: observing a Swarm and writing to it.
//!
//! [`Connection`] speaks with an engine; an [`Observer`] on it can only read, an [`Actuator`] writes. Everything
//! else is pure: [`normal`] brings declared and live specs into one form, [`floors`] knows what older engines drop,
//! [`snapshot`] turns an observation into a file and back.
//!
//! bollard is the transport's guest: it reads networks, configs and secrets. Services, tasks and nodes are read as
//! JSON of our own, because bollard's models lose fields (the health check, `PreviousSpec`, all unknown ones).

mod actuate;
mod body;
mod connect;
mod decode;
mod endpoint;
mod error;
mod events;
pub mod floors;
mod follow;
mod frame;
mod images;
mod listed;
mod logs;
mod managers;
mod names;
pub mod normal;
mod observe;
mod registry;
pub mod snapshot;
pub mod traffic;
mod transport;
mod wire;

pub use actuate::{Actuator, Created, RegistryAccess};
pub use endpoint::{
    Address, AddressError, Declared, Endpoint, EndpointError, Origin, SshHost, Surroundings,
    TlsFiles,
};
pub use error::{Failure, SwarmError};
pub use events::{Actor, Attributes, Events, Happening};
pub use follow::{LogPiece, LogWish, Logged, ServiceLog};
pub use frame::LogStream;
pub use images::{
    ResolveError, Resolved, UsedLogin, is_on_only_node, is_same_reference, pin, registry_of,
    resolve, reuse_resolution,
};
pub use logs::TaskLog;
pub use managers::{Manager, Managers};
pub use names::Names;
pub use observe::Observer;
pub use registry::{Credentials, CredentialsError, Login, Registry, RegistryIdentity};
pub use traffic::Traffic;
pub use transport::{Connection, FLOOR, NEWEST};

/// Directives that a tracing filter must end with, whatever the user asked for: below these levels, bollard and
/// hyper log whole requests, the data of secrets included.
pub const QUIET: &[&str] = &["bollard=info", "hyper=info", "hyper_util=info", "h2=info"];
