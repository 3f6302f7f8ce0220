//! Releases under way: when they began, and how they end.

use jiff::Timestamp;

use crate::diff::document::Cause;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::report::{Report, StackReport};
use crate::reconciler::health::Verdict;
use crate::reconciler::status::{OpenHold, StackStatus};

use crate::diff::document::HoldCode;

use super::entry::{Entry, Outcome};

/// A release of a stack that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) source: String,
    /// The revision that changed the stack.
    pub(super) revision: Option<String>,
    /// Who wrote that, and the first line of what they said of it, where it is known.
    pub(super) commit: Option<(String, String)>,
    pub(super) causes: Vec<Cause>,
    pub(super) began: Timestamp,
}

impl Attempt {
    /// Whether a release of `stack` is being written. To repair what was changed by hand, or to collect what nothing needs
    /// any more, is none.
    pub(super) fn begins(stack: &StackReport) -> bool {
        let is_other = |cause: &Cause| !matches!(cause, Cause::Drift | Cause::Superseded);
        let is_release = stack.causes.iter().any(is_other);
        let is_tried = match stack.condition {
            Condition::Suspended | Condition::Retrying => false,
            Condition::Ready
            | Condition::Progressing
            | Condition::Stalled
            | Condition::Degraded => true,
        };
        is_release && is_tried
    }

    /// The release of `revision` that `report` and `status` tell is being written of `stack`, if one is.
    pub(super) fn begun(
        report: &Report,
        stack: &StackReport,
        status: Option<&StackStatus>,
        revision: Option<String>,
        now: Timestamp,
    ) -> Option<Self> {
        let is_known = stack.release.is_some() || status.is_some_and(is_first);
        Self::begins(stack).then(|| Self {
            source: stack.source.clone(),
            commit: revision
                .as_deref()
                .filter(|_| is_known)
                .and_then(|revision| commit(report, stack, revision)),
            revision,
            causes: stack.causes.clone(),
            began: now,
        })
    }

    /// Whether another revision was seen to change `stack` since it began.
    pub(super) fn is_outdated(&self, stack: &StackReport) -> bool {
        stack.release.is_some() && stack.release != self.revision
    }

    /// From now on it is of the revision that was seen to change `stack`.
    pub(super) fn rename(&mut self, report: &Report, stack: &StackReport) {
        self.revision.clone_from(&stack.release);
        let release = stack.release.as_deref();
        self.commit = release.and_then(|release| commit(report, stack, release));
    }

    /// The entry of the history of `stack` that it becomes.
    pub(super) fn ended(
        self,
        stack: &str,
        outcome: Outcome,
        reason: Option<String>,
        now: Timestamp,
    ) -> Entry {
        let Self { source, revision, commit, causes, began } = self;
        let (author, subject) = commit.unzip();
        let took = now.as_millisecond().saturating_sub(began.as_millisecond());
        Entry {
            stack: stack.to_owned(),
            source,
            revision,
            author,
            subject,
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

/// The revision that changed a stack last; where nobody has seen that, the one that passes work with.
pub(super) fn revision(stack: &StackReport) -> Option<&String> {
    stack.release.as_ref().or(stack.last_attempted_revision.as_ref())
}

/// Whether nothing of a stack was there: then it is the revision that brings it, whichever commit has declared it. Of what
/// is there, nobody knows which one changed it before one is seen to: the newest may be about other stacks.
fn is_first(status: &StackStatus) -> bool {
    let services = &status.services;
    !services.is_empty() && services.iter().all(|service| service.mode.is_none())
}

/// Author and subject of `revision`, if the source of `stack` still is at that.
fn commit(report: &Report, stack: &StackReport, revision: &str) -> Option<(String, String)> {
    let source = report.sources.iter().find(|source| source.name == stack.source)?;
    let is_at = source.revision.as_deref() == Some(revision);
    let commit = source.commit.as_ref().filter(|_| is_at)?;
    Some((commit.author.clone(), commit.subject.clone()))
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
