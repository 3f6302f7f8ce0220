//! Where the engine is: from `--host`, the environment, the settings, the current docker context, or the default socket.

mod address;
mod context;
mod error;
mod resolve;
mod surroundings;

pub use address::{Address, AddressError, SshHost, TlsFiles};
pub use error::{EndpointError, Origin};
pub use resolve::{Declared, Endpoint};
pub use surroundings::Surroundings;
