//! What the controller has from the command line and its surroundings: sources, signals, the service manager.

mod asking;
mod changes;
mod fixed;
mod present;
pub(super) mod service;
mod sources;
mod web;

pub(super) use asking::{Answered, ask, quietly, socket};
pub(super) use changes::SettingsWatch;
pub(super) use present::{present, shown};

pub(super) use sources::{RunSources, Wanted};
pub(super) use web::Web;
