//! Views as pages. Everything that is written into one is escaped, and works without scripts.

mod ansi;
mod cluster;
mod events;
mod layout;
mod overview;
mod parts;
mod routes;
mod service;
mod stack;

pub(super) use cluster::cluster;
pub(super) use events::events;
pub(super) use layout::{Place, missing, page};
pub(super) use overview::{Filter, overview};
pub(super) use routes::{RouteFilter, routes};
pub(super) use service::service;
pub(super) use stack::stack;
