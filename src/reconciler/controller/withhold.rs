//! What a plan would do and the controller does not do now: because a person wants it so, or because it is too early.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::diff::document::{Cause, Change, Hold, HoldCode, StackSection};
use crate::model::key::ObjectKey;
use crate::reconciler::plan::Plan;
use crate::reconciler::step::{Step, Write};
use crate::reconciler::suspension::{Suspension, Suspensions};

use super::drift::{DriftMode, DriftModes};
use super::pass::Memory;

/// Holds what people do not want written: suspended stacks, and drift that is to stay.
pub fn for_people(plan: &mut Plan, suspensions: &Suspensions, drift: &DriftModes, resume: &str) {
    let mut withheld = BTreeSet::new();
    for section in &mut plan.document.stacks {
        let mode = drift.of_stack(&section.name);
        if mode == DriftMode::Off {
            let before = section.changes.len();
            let dropped = section.changes.extract_if(.., |change| is_drift(change));
            withheld.extend(dropped.map(|change| change.object));
            section.unchanged += before - section.changes.len();
        }
        if let Some(suspension) = suspensions.of_stack(&section.name) {
            withheld.extend(section.changes.iter().map(|change| change.object.clone()));
            section.holds.push(suspended(section, suspension, resume));
            continue;
        }
        if mode == DriftMode::Report {
            for change in section.changes.iter_mut().filter(|change| is_drift(change)) {
                withheld.insert(change.object.clone());
                change.holds.push(
                    Hold::new(
                        HoldCode::DriftReported,
                        "changed by hand, and drift is only reported",
                    )
                    .unblock("put it right with skep apply, or set `drift: correct`"),
                );
            }
        }
    }
    without(plan, withheld);
}

/// Holds everything but drift from a revision that nobody knows to be the newest: somebody else may have applied a newer
/// one, which must not be undone.
pub fn for_stale(plan: &mut Plan, fetched_at: Timestamp) {
    let mut withheld = BTreeSet::new();
    let changes = plan.document.stacks.iter_mut().flat_map(|section| &mut section.changes);
    for change in changes.filter(|change| !is_drift(change)) {
        withheld.insert(change.object.clone());
        let reason = format!(
            "the source cannot be read, and what was fetched at {fetched_at:.0} may not be the newest"
        );
        change.holds.push(Hold::new(HoldCode::StaleSource, reason));
    }
    without(plan, withheld);
}

/// Holds what is not due yet, and tells when the first of it is: repairs that somebody keeps undoing, writes that failed,
/// and releases that were rolled back through no fault of theirs.
pub fn for_now(plan: &mut Plan, memory: &Memory, now: Instant) -> Option<Instant> {
    let mut withheld = BTreeSet::new();
    let mut first: Option<Instant> = None;
    let ready: BTreeSet<ObjectKey> = plan.steps.iter().map(|step| step.object.clone()).collect();
    let changes = plan.document.stacks.iter_mut().flat_map(|section| &mut section.changes);
    for change in changes {
        let is_disturbed = |hold: &Hold| hold.code == HoldCode::RolloutDisturbed;
        if !ready.contains(&change.object) && !change.holds.iter().any(is_disturbed) {
            continue;
        }
        let troubles = [&memory.troubles, &memory.disturbed];
        let mut troubles = troubles.into_iter().filter_map(|all| all.waits(&change.object, now));
        let repair = memory.repairs.waits(&change.object, now).filter(|_| is_drift(change));
        let (due, hold) = if let Some(trouble) = troubles.next() {
            (trouble.due, Hold::new(HoldCode::RetryLater, trouble.to_string()))
        } else if let Some(due) = repair {
            let reason = format!("was put right just now; not again before {due}");
            (due, Hold::new(HoldCode::RepairLater, reason))
        } else {
            continue;
        };
        withheld.insert(change.object.clone());
        // The controller does not leave it at that.
        change.holds.retain(|hold| !is_disturbed(hold));
        change.holds.push(hold);
        first = Some(first.map_or(due.at, |first| first.min(due.at)));
    }
    without(plan, withheld);
    first
}

/// Whether somebody changed it by hand, and nothing else is to change.
pub fn is_drift(change: &Change) -> bool {
    !change.causes.is_empty() && change.causes.iter().all(|cause| *cause == Cause::Drift)
}

fn suspended(section: &StackSection, suspension: &Suspension, resume: &str) -> Hold {
    let reason = format!("stack {} is suspended {suspension}", section.name);
    Hold::new(HoldCode::Suspended, reason).unblock(format!("{resume} {}", section.name))
}

/// Takes out the steps on `withheld` objects, and those that need them.
fn without(plan: &mut Plan, mut withheld: BTreeSet<ObjectKey>) {
    if withheld.is_empty() {
        return;
    }
    loop {
        let before = plan.steps.len();
        let dropped = plan.steps.extract_if(.., |step| {
            withheld.contains(&step.object) || step.needs.iter().any(|need| withheld.contains(need))
        });
        let dropped: Vec<Step> = dropped.collect();
        withheld.extend(dropped.into_iter().map(|step| step.object));
        if plan.steps.len() == before {
            break;
        }
    }
    // A record that nothing is applied with is not made.
    if plan.steps.iter().all(|step| matches!(step.write, Write::CreateRecord { .. })) {
        plan.steps.clear();
    }
    plan.document = plan.document.clone().counted();
}
