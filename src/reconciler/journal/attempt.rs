//! Releases under way: when they began, and how they end.

use jiff::Timestamp;

use crate::diff::document::Cause;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::report::StackReport;
use crate::reconciler::health::Verdict;
use crate::reconciler::status::{OpenHold, StackStatus};

use crate::diff::document::HoldCode;

use super::entry::{Entry, Outcome};

/// A release of a stack that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) source: String,
    pub(super) revision: Option<String>,
    pub(super) causes: Vec<Cause>,
    pub(super) began: Timestamp,
}

impl Attempt {
    /// The release that `report` tells is being written. To repair what was changed by hand, or to collect what nothing
    /// needs any more, is none.
    pub(super) fn begun(report: &StackReport, now: Timestamp) -> Option<Self> {
        let is_other = |cause: &Cause| !matches!(cause, Cause::Drift | Cause::Superseded);
        let is_release = report.causes.iter().any(is_other);
        let is_tried = match report.condition {
            Condition::Suspended | Condition::Retrying => false,
            Condition::Ready
            | Condition::Progressing
            | Condition::Stalled
            | Condition::Degraded => true,
        };
        (is_release && is_tried).then(|| Self {
            source: report.source.clone(),
            revision: report.last_attempted_revision.clone(),
            causes: report.causes.clone(),
            began: now,
        })
    }

    /// The entry of the history of `stack` that it becomes.
    pub(super) fn ended(
        self,
        stack: &str,
        outcome: Outcome,
        reason: Option<String>,
        now: Timestamp,
    ) -> Entry {
        let Self { source, revision, causes, began } = self;
        let took = now.as_millisecond().saturating_sub(began.as_millisecond());
        Entry {
            stack: stack.to_owned(),
            source,
            revision,
            causes,
            outcome,
            reason,
            began,
            ended: now,
            milliseconds: u64::try_from(took).unwrap_or_default(),
            tried: 1,
        }
    }
}

/// How a release has ended of which `report` and `status` tell, if it has. What is still to be written is not over.
pub(super) fn end(report: &StackReport, status: Option<&StackStatus>) -> Option<Outcome> {
    match report.condition {
        Condition::Progressing => None,
        Condition::Ready => Some(Outcome::Healthy),
        Condition::Retrying => Some(Outcome::Retrying),
        Condition::Suspended => Some(Outcome::Suspended),
        // Other objects of the stack are still to be written, whatever is wrong with some.
        Condition::Stalled | Condition::Degraded if !report.causes.is_empty() => None,
        Condition::Stalled => Some(Outcome::Blocked),
        Condition::Degraded => Some(status.map_or(Outcome::Failed, failure)),
    }
}

/// How a stack failed: the one that says most of its services.
fn failure(status: &StackStatus) -> Outcome {
    let is_refused = |open: &OpenHold| open.hold.code == HoldCode::RefusedRelease;
    let verdicts = || status.services.iter().filter_map(|service| service.judged.as_ref());
    let has = |verdict| verdicts().any(|judged| judged.verdict == verdict);
    if status.holds.iter().any(is_refused) || has(Verdict::RolledBack) {
        Outcome::RolledBack
    } else if has(Verdict::Paused) {
        Outcome::Paused
    } else {
        Outcome::Failed
    }
}
