//! Removal: what is no longer declared goes last, if it was asked for, and superseded generations once unused.

mod absent;
mod networks;
mod routes;
mod services;
mod stack;
mod stores;
mod wait;

pub(super) use absent::{goes, is_undeclared, kept_as_most, owner, vanished};
pub(super) use wait::{plan_requested, plan_stack, plan_vanished};
