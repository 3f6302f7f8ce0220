//! The Compose format as a Swarm understands it: types, how they are read, and the source of their schema.
//!
//! One small file per area. Types hold what was written with its place; what it means for a Swarm is decided in
//! `convert`, and whether it makes sense in `check`.

pub mod attachments;
pub mod command;
pub mod cpus;
pub mod credential_spec;
pub mod definitions;
pub mod depends_on;
pub mod deploy;
pub mod duration;
pub mod environment;
pub mod extends;
pub mod external;
pub mod file;
pub mod file_mode;
pub mod healthcheck;
pub mod hosts;
pub mod include;
mod inline_schema;
pub mod logging;
mod misplaced;
pub mod mount_text;
pub mod mounts;
pub mod networks;
pub mod pairs;
pub mod placement;
pub mod port_text;
pub mod ports;
pub mod resources;
pub mod restart;
pub mod routes;
pub mod service;
pub mod size;
pub mod store_refs;
pub mod stores;
pub mod text_list;
pub mod ulimits;
pub mod unsupported;
pub mod volumes;
pub mod words;
pub mod x_skep;

pub use file::{ComposeFile, decode};
pub use service::Service;
