//! What the controller has from the command line and its surroundings: sources, signals, the service manager.

pub(super) mod service;
mod sources;

pub(super) use sources::{RunSources, Wanted};
