//! How a run ended: what the last plan leaves undone, and how the services are.

use crate::diff::document::{Document, Hold, HoldCode};

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
    let is_healthy = plan.health.values().all(|health| health.verdict.is_healthy());
    of_holds(&plan.document).max(if is_healthy { Verdict::Done } else { Verdict::Unhealthy })
}

/// The verdict on what `document` leaves undone, whatever the health of services.
pub fn of_holds(document: &Document) -> Verdict {
    deciding(document).into_iter().map(|hold| of_code(hold.code)).max().unwrap_or(Verdict::Done)
}

/// The holds that decide how a run ended: below one that a person must end first, the others do not matter yet.
fn deciding(document: &Document) -> Vec<&Hold> {
    let standing = |holds: &[Hold]| holds.iter().any(Hold::is_standing);
    let fleet = document.fleet_changes.iter().flat_map(|change| &change.holds);
    let mut deciding: Vec<&Hold> = document.holds.iter().chain(fleet).collect();
    if standing(&document.holds) {
        return deciding;
    }
    for stack in &document.stacks {
        deciding.extend(&stack.holds);
        if standing(&stack.holds) {
            continue;
        }
        for change in &stack.changes {
            let holds = change.holds.iter();
            deciding.extend(holds.filter(|hold| hold.is_standing() || !change.is_standing()));
        }
    }
    deciding
}

/// How a run ends that leaves something undone for this reason.
pub fn of_code(code: HoldCode) -> Verdict {
    match code {
        HoldCode::Paused
        | HoldCode::Suspended
        | HoldCode::PruneNotAsked
        | HoldCode::NoProxy
        | HoldCode::DriftReported => Verdict::Done,
        HoldCode::WaitsForObject
        | HoldCode::WaitsForHealth
        | HoldCode::WaitsForStack
        | HoldCode::WaitsForTasksGone
        | HoldCode::WaitsForRoute
        | HoldCode::ProxyUnreachable
        | HoldCode::WaitsForRollout
        | HoldCode::ImageUnavailable
        | HoldCode::RefusedRelease
        | HoldCode::RepairLater
        | HoldCode::RetryLater
        | HoldCode::StaleSource
        | HoldCode::RolloutDisturbed
        | HoldCode::SourceUnread
        | HoldCode::RolloutPaused => Verdict::Unhealthy,
        HoldCode::NotAdopted
        | HoldCode::ForeignObject
        | HoldCode::Protected
        | HoldCode::GuardNoStacks
        | HoldCode::GuardMostServices
        | HoldCode::GuardWholeStack
        | HoldCode::GuardRenamed
        | HoldCode::GuardStillDeclared
        | HoldCode::GuardInUse
        | HoldCode::SelfProtection
        | HoldCode::ReplaceNotAllowed
        | HoldCode::NetworkInUse
        | HoldCode::ImageNotFound
        | HoldCode::ImageDenied
        | HoldCode::MissingExternal
        | HoldCode::PortTaken
        | HoldCode::ProxyConflict
        | HoldCode::RouteNotAllowed
        | HoldCode::RouteTaken
        | HoldCode::Contended => Verdict::Blocked,
        HoldCode::WriteRefused | HoldCode::InvalidStack => Verdict::Failed,
    }
}
