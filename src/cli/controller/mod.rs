//! What the controller has from the command line and its surroundings: sources, signals, the service manager.

mod asking;
mod changes;
mod chronicle;
mod fixed;
mod memory;
mod present;
pub(super) mod service;
mod sources;
mod telling;
mod traced;
mod web;

pub(super) use asking::{Answered, Sockets, ask, history_file, quietly};
pub(super) use changes::SettingsWatch;
pub(super) use chronicle::Chronicle;
pub(super) use memory::in_small_pages;
pub(super) use present::{present, shown};
pub(super) use sources::{RunSources, Wanted};
pub(super) use telling::Telling;
pub(super) use web::{Web, access, open_hooks, page};
