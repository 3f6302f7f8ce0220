//! How a run ended: what the last plan leaves undone, and how the services are.

use crate::diff::document::{Hold, HoldCode};

use super::plan::Plan;

/// How a run ended, from best to worst as exit codes rank it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Everything is as declared and healthy, or is left alone on purpose.
    Done,
    /// Applied, and something is not healthy or still waits.
    Unhealthy,
    /// A guard, or something that is not ours, is in the way.
    Blocked,
    /// A stack has errors, or the Engine refused a write.
    Failed,
}

/// The verdict on a run that ended with `plan`.
pub fn verdict(plan: &Plan) -> Verdict {
    let holds = plan.document.holds().map(of_hold);
    let health = plan
        .health
        .values()
        .map(|health| if health.verdict.is_healthy() { Verdict::Done } else { Verdict::Unhealthy });
    holds.chain(health).max().unwrap_or(Verdict::Done)
}

fn of_hold(hold: &Hold) -> Verdict {
    match hold.code {
        HoldCode::Paused | HoldCode::PruneNotAsked => Verdict::Done,
        HoldCode::WaitsForObject
        | HoldCode::WaitsForHealth
        | HoldCode::WaitsForTasksGone
        | HoldCode::WaitsForRollout
        | HoldCode::ImageUnavailable
        | HoldCode::RefusedRelease => Verdict::Unhealthy,
        HoldCode::NotAdopted
        | HoldCode::ForeignObject
        | HoldCode::Protected
        | HoldCode::GuardNoStacks
        | HoldCode::GuardMostServices
        | HoldCode::GuardWholeStack
        | HoldCode::GuardRenamed
        | HoldCode::SelfProtection
        | HoldCode::ReplaceNotAllowed
        | HoldCode::ImageNotFound
        | HoldCode::ImageDenied
        | HoldCode::MissingExternal
        | HoldCode::PortTaken
        | HoldCode::Contended => Verdict::Blocked,
        HoldCode::WriteRefused | HoldCode::InvalidStack => Verdict::Failed,
    }
}
