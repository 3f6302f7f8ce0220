//! Compose types to objects of the Engine, as `docker stack deploy` makes them.
//!
//! Facts are docker/cli 28's `cli/compose/convert`; every one is held by a recorded request in
//! `tests/fixtures/compose`. Nothing here can fail: what does not fit was refused by `check`.

mod capabilities;
mod container;
mod credential_spec;
mod deploy;
mod health;
mod mounts;
mod names;
mod networks;
mod origins;
mod ports;
mod references;
mod resources;
mod routes;
mod service;
mod stores;

pub use names::{Names, StoreName, config_name, scoped, secret_name};
pub use networks::{DEFAULT_NETWORK, network_name, used_networks};
pub use stores::{config_identity, secret_identity};

pub(super) use networks::network;
pub(super) use routes::{auto_name, host_of, routes};
pub(super) use service::service;
pub(super) use stores::{config, secret};
