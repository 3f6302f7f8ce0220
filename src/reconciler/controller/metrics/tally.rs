//! Keeps count of what the loop does, and of what only shows over several passes.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::model::key::ObjectKey;
use crate::model::name::SourceName;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::pass::Seen;
use crate::reconciler::controller::reason::Reasons;
use crate::reconciler::controller::report::StackReport;
use crate::reconciler::controller::source::{Looked, SourceState};
use crate::reconciler::controller::withhold::is_drift;

use super::counts::{Metrics, PassOutcome};
use super::deliveries::Deliveries;

/// What a loop counts.
#[derive(Debug)]
pub struct Tally {
    metrics: Metrics,
    /// What was found to be changed by hand and is not put right yet.
    drifting: BTreeSet<ObjectKey>,
    deliveries: Deliveries,
}

impl Tally {
    /// A tally that counts in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, drifting: BTreeSet::new(), deliveries: Deliveries::default() }
    }

    /// A look is over. `begun` tells when it began, unless it was the first one: what it found may have been pushed at
    /// any time before.
    pub(in crate::reconciler::controller) fn looked(
        &mut self,
        source: &SourceName,
        looked: Looked,
        begun: Option<Instant>,
    ) {
        self.metrics.looked(source.as_str(), looked);
        if let (Looked::New, Some(begun)) = (looked, begun)
            && self.deliveries.found(source, begun)
        {
            self.metrics.superseded(source.as_str());
        }
    }

    /// The engine's events can be heard.
    pub(in crate::reconciler::controller) fn heard(&self) {
        self.metrics.heard();
    }

    /// A pass could not be made.
    pub(in crate::reconciler::controller) fn failed(&self, reasons: &Reasons, begun: Instant) {
        self.metrics.pass(reasons.first(), PassOutcome::Unobservable, begun.elapsed());
    }

    /// A pass is over.
    pub(in crate::reconciler::controller) fn passed<'a>(
        &mut self,
        reasons: &Reasons,
        begun: Instant,
        (performed, failed): (usize, usize),
        sources: impl Iterator<Item = (&'a SourceState, &'a Seen)> + Clone,
        stacks: &BTreeMap<String, StackReport>,
    ) {
        let outcome = match (performed, failed) {
            (0, 0) => PassOutcome::Unchanged,
            (_, 0) => PassOutcome::Changed,
            _ => PassOutcome::Failed,
        };
        self.metrics.pass(reasons.first(), outcome, begun.elapsed());
        for (name, stack) in stacks {
            self.metrics.begin_stack(&stack.source, name);
        }
        self.metrics.hold(sources.clone().flat_map(|(state, seen)| {
            let sections = seen.document.stacks.iter();
            let of_stacks = sections.flat_map(|section| {
                section.holds.iter().chain(section.changes.iter().flat_map(|change| &change.holds))
            });
            let holds = seen.document.holds.iter().chain(of_stacks);
            holds.map(|hold| (state.name.as_str(), hold.code))
        }));
        let before = std::mem::take(&mut self.drifting);
        for (state, seen) in sources {
            for section in &seen.document.stacks {
                for change in section.changes.iter().filter(|change| is_drift(change)) {
                    if !before.contains(&change.object) {
                        self.metrics.found_drift(state.name.as_str(), &section.name);
                    }
                    self.drifting.insert(change.object.clone());
                }
            }
            if is_ready(state, stacks)
                && let Some(took) = self.deliveries.ready(&state.name, Instant::now())
            {
                self.metrics.ready(state.name.as_str(), took);
            }
        }
    }
}

/// Whether everything that a source declares in its newest revision is as declared and healthy. What a person has
/// suspended does not count.
fn is_ready(state: &SourceState, stacks: &BTreeMap<String, StackReport>) -> bool {
    let Some(current) = &state.current else { return false };
    let request = &current.request;
    let mut declared = request.stacks.iter().map(|stack| stacks.get(stack.name.as_str()));
    let is_whole = request.scope.invalid.is_empty() && current.kept.is_empty();
    let is_at_rest = |stack: Option<&StackReport>| {
        let condition = stack.map(|stack| stack.condition);
        matches!(condition, Some(Condition::Ready | Condition::Suspended))
    };
    is_whole && !request.stacks.is_empty() && declared.all(is_at_rest)
}
