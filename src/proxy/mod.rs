//! Routes as Caddy knows them, and Caddy's admin API.
//!
//! `compile` turns routes into Caddy's objects and `merge` puts these into a configuration; both are pure. `Admin` reads
//! a configuration and writes it. Caddy's JSON is known nowhere else.

mod access;
mod admin;
mod answers;
mod arrange;
mod automation;
mod certificates;
mod change;
mod claims;
mod compile;
mod edits;
mod endpoint;
mod entry_address;
mod error;
mod fields;
mod floors;
mod handshake;
mod ident;
mod kept;
mod live;
mod masked;
mod merge;
mod of_stack;
mod partial;
mod placing;
mod policy;
mod ports;
mod raw;
mod reader;
mod reply;
mod route;
mod server;
mod text;
mod tls;
mod tree;
mod upstream;
mod x509;

#[cfg(test)]
mod tests;

pub use admin::Admin;
pub use change::{RouteChange, Verb};
pub use claims::Claims;
pub use compile::{Compiled, CompiledRoute, Refusal, Refused, compile, compile_with};
pub use endpoint::{Endpoint, EndpointError};
pub use entry_address::{EntryAddress, EntryAddressError, entry_address};
pub use error::AdminError;
pub use fields::{dialled, fields, target};
pub use floors::Features;
pub use handshake::{HandshakeError, ShownCertificate, reach, shown_certificate};
pub use ident::{Entry, RouteId};
pub use live::Live;
pub use masked::{masked, secrets};
pub use merge::{MergeError, Merged, merge};
pub use of_stack::StackObjects;
pub use partial::Settled;
pub use policy::{Acme, ErrorPage, OwnServers, ProxyPolicy, Servers};
pub use reader::AdminReader;
