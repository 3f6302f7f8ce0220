//! How a stack is getting on: which of the three classes of failure it is in, if any. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diff::document::{Hold, HoldCode, StackSection};
use crate::reconciler::outcome::{self, Verdict};
use crate::reconciler::status::{Health, StackStatus};

/// How a stack is getting on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Condition {
    /// It is as declared and healthy.
    Ready,
    /// It is on its way.
    Progressing,
    /// Something failed that may pass by itself; it is tried again later and later.
    Retrying,
    /// A person wants it left alone.
    Suspended,
    /// Only a new revision or a person can help.
    Stalled,
    /// A release failed, or services do not work.
    Degraded,
}

impl Condition {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing => "Progressing",
            Self::Retrying => "Retrying",
            Self::Suspended => "Suspended",
            Self::Stalled => "Stalled",
            Self::Degraded => "Degraded",
        }
    }

    /// Whether it stays so until somebody does something.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Progressing | Self::Retrying => false,
            Self::Ready | Self::Suspended | Self::Stalled | Self::Degraded => true,
        }
    }
}

/// How a stack is getting on and why, from what was planned for it and how it is. `keeps` tells that its newest revision
/// has errors, and that it goes on with an older one.
pub fn condition(
    section: &StackSection,
    status: &StackStatus,
    keeps: bool,
) -> (Condition, Option<String>) {
    let holds = || section.holds.iter().chain(section.changes.iter().flat_map(|c| &c.holds));
    let first = |wanted: fn(&Hold) -> bool| holds().find(|hold| wanted(hold));
    let reason = |hold: &Hold| Some(hold.reason.clone());
    let is_off = |hold: &Hold| matches!(hold.code, HoldCode::Suspended | HoldCode::Paused);
    if let Some(hold) = section.holds.iter().find(|hold| is_off(hold)) {
        return (Condition::Suspended, reason(hold));
    }
    if let Some(hold) = first(|hold| hold.code == HoldCode::RefusedRelease) {
        return (Condition::Degraded, reason(hold));
    }
    if matches!(status.health, Health::Degraded | Health::Paused) {
        let mut services = status.services.iter();
        let bad = services.find(|service| service.health == status.health);
        return (Condition::Degraded, bad.map(|bad| format!("{}: {}", bad.name, bad.state)));
    }
    if keeps {
        let reason = "its newest revision has errors, and it goes on with the last good one";
        return (Condition::Stalled, Some(reason.to_owned()));
    }
    let stalls = |hold: &Hold| {
        hold.is_standing()
            && matches!(outcome::of_code(hold.code), Verdict::Blocked | Verdict::Failed)
    };
    if let Some(hold) = first(stalls) {
        return (Condition::Stalled, reason(hold));
    }
    let retries = |hold: &Hold| {
        matches!(
            hold.code,
            HoldCode::RetryLater
                | HoldCode::RepairLater
                | HoldCode::StaleSource
                | HoldCode::ImageUnavailable
                | HoldCode::SourceUnread
        )
    };
    if let Some(hold) = first(retries) {
        return (Condition::Retrying, reason(hold));
    }
    let is_left = |hold: &Hold| hold.is_standing();
    let is_done = section.changes.iter().all(|change| change.holds.iter().any(is_left));
    match status.health {
        Health::Healthy if is_done => (Condition::Ready, None),
        _ => (Condition::Progressing, first(|hold| !hold.is_standing()).and_then(reason)),
    }
}
