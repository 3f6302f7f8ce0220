//! skep keeps a Docker Swarm in the state that a directory or repository of stack files declares.
//!
//! The layers, from the bottom: [`model`] (the common language), [`spec`] (stack files to desired objects),
//! `sources`, [`swarm`] (the Engine), `diff`, `proxy`, `reconciler`, [`http`], `cli`. Dependencies point down only; see
//! `ARCHITECTURE.md`.

pub mod cli;
pub mod diff;
pub mod history;
pub mod http;
pub mod local;
pub mod model;
pub mod notify;
pub mod proxy;
pub mod reconciler;
pub mod settings;
pub mod sources;
pub mod spec;
pub mod swarm;
