//! What is told of stacks and sources after each look and each pass, in the report and in the log.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::diff::document::{Cause, Hold, StackSection};
use crate::model::finding::Finding;
use crate::model::name::{SourceName, StackName};
use crate::reconciler::status::{StackStatus, Status};
use crate::reconciler::suspension::Suspensions;

use super::condition::{Condition, condition};
use super::declared::Current;
use super::pass::{Memory, Seen};
use super::report::{SourceReport, StackReport};
use super::source::SourceState;

/// Brings the reports on stacks up to date with what a pass saw. Stacks that no source names any more are forgotten.
pub(super) fn update<'a>(
    reports: &mut BTreeMap<String, StackReport>,
    sources: impl Iterator<Item = (&'a SourceState, &'a Seen)>,
    status: &Status,
    suspensions: &Suspensions,
    memory: &Memory,
) {
    let mut named = BTreeSet::new();
    let by_name: BTreeMap<&str, &StackStatus> =
        status.stacks.iter().map(|stack| (stack.name.as_str(), stack)).collect();
    for (state, seen) in sources {
        let plan_hold = seen.document.holds.iter().find(|hold| hold.is_standing());
        for section in &seen.document.stacks {
            let Some(status) = by_name.get(section.name.as_str()) else { continue };
            named.insert(section.name.clone());
            let report = reports.remove(&section.name);
            let report = renewed(report, state, section, status, plan_hold);
            let suspended = suspensions.of_stack(&section.name).cloned();
            let counts = memory.repairs.counts();
            let own = counts.filter(|(object, _)| {
                object.name.strip_prefix(&section.name).is_some_and(|rest| rest.starts_with('_'))
            });
            let repaired: BTreeMap<String, u64> =
                own.map(|(object, count)| (object.to_string(), count)).collect();
            let repairs = repaired.values().sum();
            let report = StackReport { suspended, repairs, repaired, ..report };
            reports.insert(section.name.clone(), report);
        }
    }
    reports.retain(|name, _| named.contains(name));
}

fn renewed(
    before: Option<StackReport>,
    state: &SourceState,
    section: &StackSection,
    status: &StackStatus,
    plan_hold: Option<&Hold>,
) -> StackReport {
    let current = state.current.as_ref();
    let keeps = current
        .is_some_and(|current| current.kept.iter().any(|name| name.as_str() == section.name));
    let (condition, reason) = match plan_hold {
        Some(hold) if !section.changes.is_empty() => {
            (Condition::Stalled, Some(hold.reason.clone()))
        }
        _ => condition(section, status, keeps),
    };
    let holds = plan_hold.into_iter().chain(&section.holds);
    let of_changes = section.changes.iter().flat_map(|change| &change.holds);
    let code = holds.chain(of_changes).find(|hold| Some(&hold.reason) == reason.as_ref());
    let code = code.map(|hold| hold.code);
    let known = before.as_ref().filter(|before| before.condition == condition);
    let since = known.map_or_else(Timestamp::now, |before| before.since);
    if known.is_none() {
        log_condition(&section.name, condition, reason.as_deref(), before.is_none());
    }
    let attempted = current.and_then(|current| current.revision_of(&section.name));
    let attempted = attempted.map(str::to_owned);
    let release = current.and_then(|current| current.release_of(&section.name));
    let is_applied = section.changes.is_empty() && section.holds.is_empty();
    let (applied, healthy) = before.map_or((None, None), |before| {
        (before.last_applied_revision, before.last_healthy_revision)
    });
    let applied = if is_applied { attempted.clone() } else { applied };
    let healthy =
        if is_applied && condition == Condition::Ready { attempted.clone() } else { healthy };
    StackReport {
        source: state.name.to_string(),
        condition,
        reason,
        code,
        causes: if plan_hold.is_some() { Vec::new() } else { causes(section) },
        since,
        release: release.map(str::to_owned),
        last_attempted_revision: attempted,
        last_applied_revision: applied,
        last_healthy_revision: healthy,
        suspended: None,
        repairs: 0,
        repaired: BTreeMap::new(),
    }
}

/// Why something of a stack is written, or will be as soon as what it waits for is there.
fn causes(section: &StackSection) -> Vec<Cause> {
    let is_left = |hold: &Hold| hold.is_standing();
    if section.holds.iter().any(is_left) {
        return Vec::new();
    }
    let wanted = section.changes.iter().filter(|change| !change.holds.iter().any(is_left));
    let causes: BTreeSet<Cause> = wanted.flat_map(|change| change.causes.iter().copied()).collect();
    causes.into_iter().collect()
}

/// What is told of a source.
pub(super) fn source(state: &SourceState) -> SourceReport {
    let (failure, since) = state.failure.clone().map_or((None, None), |(f, s)| (Some(f), Some(s)));
    SourceReport {
        name: state.name.to_string(),
        revision: state.current.as_ref().map(|current| current.revision.clone()),
        commit: state.current.as_ref().and_then(|current| current.commit.as_ref()).map(Into::into),
        seen_at: state.seen,
        stale_since: state.current.as_ref().and_then(|current| current.stale),
        failure,
        failing_since: since,
        findings: state.findings().to_vec(),
    }
}

fn log_condition(stack: &str, condition: Condition, reason: Option<&str>, is_first: bool) {
    let word = condition.as_str();
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    match condition {
        Condition::Ready if is_first => tracing::debug!(stack, "stack {stack} is {word}"),
        Condition::Ready | Condition::Progressing | Condition::Suspended => {
            tracing::info!(stack, "stack {stack} is {word}{reason}");
        }
        Condition::Retrying | Condition::Stalled | Condition::Degraded => {
            tracing::warn!(stack, "stack {stack} is {word}{reason}");
        }
    }
}

/// Logs a new revision of a source, with what is wrong with it.
pub(super) fn log_new(state: &SourceState) {
    let Some(current) = &state.current else { return };
    let (source, revision) = (&state.name, &current.revision);
    let stacks = current.request.stacks.len();
    let noun = if stacks == 1 { "stack" } else { "stacks" };
    tracing::info!(%source, revision, stacks, "source {source} is at {revision}, with {stacks} {noun}");
    for finding in &current.findings {
        let text = told(finding);
        if finding.is_error() {
            tracing::error!(%source, revision, code = finding.code, "{text}");
        } else {
            tracing::warn!(%source, revision, code = finding.code, "{text}");
        }
    }
    let named = |names: &mut dyn Iterator<Item = &StackName>| {
        names.map(StackName::as_str).collect::<Vec<_>>().join(", ")
    };
    let kept = named(&mut current.kept.iter());
    if !kept.is_empty() {
        tracing::warn!(%source, revision, "with errors in {revision}, these stay at their last good revision: {kept}");
    }
    let held = named(&mut current.request.scope.invalid.iter());
    if !held.is_empty() {
        tracing::warn!(%source, revision, "with errors in {revision}, these are left as they are: {held}");
    }
}

/// Logs that a source cannot be looked at.
pub(super) fn log_failure(state: &SourceState) {
    let Some((failure, _)) = &state.failure else { return };
    let (source, reason) = (&state.name, &failure.reason);
    let hint = failure.hint.as_deref().unwrap_or_default();
    let stays = match &state.current {
        Some(Current { revision, stale: Some(fetched_at), .. }) => {
            format!("; drift from {revision}, fetched at {fetched_at:.0}, is put right meanwhile")
        }
        Some(current) => format!("; its stacks stay at {}", current.revision),
        None => String::new(),
    };
    tracing::error!(%source, hint, "source {source} cannot be read: {reason}{stays}");
}

/// Logs that nobody knows which of several sources is right about a stack.
pub(super) fn log_doubled(stack: &StackName, sources: &[SourceName]) {
    let sources: Vec<&str> = sources.iter().map(SourceName::as_str).collect();
    let sources = sources.join(", ");
    tracing::error!(%stack, "stack {stack} is declared by several sources ({sources}); it is left as it is");
}

/// `stacks/shop/stack.yaml:3:5: unknown key (did you mean …?)`
fn told(finding: &Finding) -> String {
    let place = finding.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
    let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{place}{}{hint}", finding.message)
}
