//! The common language of skep: names, keys, objects of the Swarm, places and findings.
//!
//! Pure values without third-party API types. Object specs are shaped like the bodies of the Engine's
//! create requests (`docs.docker.com/reference/api/engine`), so that both sides of a comparison, the
//! rendered output and the request are one type.

pub mod container;
pub mod desired;
mod elided;
pub mod error;
pub mod finding;
pub mod fleet;
pub mod key;
pub mod labels;
pub mod live;
pub mod mount;
pub mod name;
pub mod nanos;
pub mod network;
pub mod place;
pub mod route;
pub mod secret;
pub mod service;
pub mod store;
pub mod task;
pub mod volume;
