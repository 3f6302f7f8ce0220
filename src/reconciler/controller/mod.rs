//! The controller: passes for as long as it runs, whenever there may be something to do.
//!
//! Triggers carry no data and are only reasons to look. Deciding is pure: [`agenda`] knows when a pass is due,
//! [`declared`] what of a source is in force, [`withhold`] what is left for later, [`condition`] how a stack is getting
//! on, [`learning`] for how long Swarm's answers count. [`pass`] observes, plans and performs. [`run`] waits and calls:
//! `looks` for what comes from [`sources`], [`passes`] for what goes to the engine. [`metrics`] and [`pulse`] are for
//! those who watch it.

pub mod agenda;
pub mod ask;
pub mod backoff;
pub mod bell;
pub mod certificates;
pub mod condition;
pub mod declared;
pub mod delays;
pub mod drift;
mod elsewhere;
pub mod engine;
#[cfg(test)]
pub(crate) mod example;
pub mod excerpts;
pub mod learning;
pub mod listen;
mod looks;
pub mod metrics;
pub mod pass;
pub mod passes;
pub mod pulse;
pub mod reason;
pub mod report;
pub mod routes;
pub mod run;
pub mod scene;
pub mod sight;
pub mod source;
pub mod sources;
mod stacks;
#[cfg(test)]
mod tests;
pub mod watch_proxy;
pub mod withhold;
