//! A newer revision while a rollout is under way: it waits for Swarm's verdict, else a bad release becomes what a
//! rollback leads to.

use crate::diff::document::{Hold, HoldCode};
use crate::model::live::{LiveService, UpdateState};

use super::super::policy::Supersede;
use super::context::Context;

/// Why a write to `live` waits, if it does. A release of which no task is healthy is worth no waiting, and neither is one
/// that has gone without a new healthy task for too long: where tasks find no node, Swarm never judges.
pub(super) fn hold(context: &Context<'_>, live: &LiveService) -> Option<Hold> {
    let update = live.update.as_ref()?;
    let is_under_way = matches!(update.state, UpdateState::Updating | UpdateState::RollbackStarted);
    let health = context.health.get(live.spec.name.as_str())?;
    let is_worth_waiting = health.ready > 0 && health.verdict.is_progressing();
    if !is_under_way || !is_worth_waiting || context.policy.supersede == Supersede::Now {
        return None;
    }
    let reason = format!(
        "waits for Swarm's verdict on the rollout that is under way, with {} of {} tasks healthy",
        health.ready, health.wanted
    );
    let hold = Hold::new(HoldCode::WaitsForRollout, reason);
    Some(hold.unblock(format!("{} --now", context.view.command)))
}
