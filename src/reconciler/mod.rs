//! Decides what to write and writes it: plan, steps, health, passes.
//!
//! Deciding is pure: [`plan::plan`] takes everything that it depends on and returns values. [`apply`] performs steps and
//! decides nothing.

pub mod apply;
pub mod caddy;
pub mod consent;
pub mod contention;
pub mod controller;
pub mod event;
pub mod health;
pub mod journal;
pub mod known;
pub mod lines;
pub mod listed;
pub mod logs;
pub mod outcome;
pub mod ownership;
pub mod pass;
pub mod placement;
pub mod plan;
pub mod policy;
pub mod record;
pub mod refusals;
pub mod registries;
pub mod retry;
pub mod route_status;
pub mod seal;
pub mod stale;
mod state;
pub mod status;
pub mod step;
pub mod suspension;
mod volumes;
