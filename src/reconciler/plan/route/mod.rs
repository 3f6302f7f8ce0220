//! Routes: objects of the proxy, which are planned beside those of the Swarm.
//!
//! A route is made or led elsewhere once its service is healthy, and is never taken away because it is not. Nothing here
//! holds a service back but the removal of one that a live route leads to.

mod attach;
mod declared;
mod gate;
mod known;
mod noted;
mod proxies;
mod rest;
mod surplus;

pub(super) use attach::attached;
pub(super) use declared::plan_routes;
pub(super) use known::Routes;
pub(super) use noted::{follow, mend, notes, stacks};
pub(super) use rest::{findings, fleet_change};
pub(super) use surplus::{Going, leads_to, settle_waits};
