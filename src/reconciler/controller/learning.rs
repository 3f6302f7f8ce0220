//! How long the controller believes what a run believes until its end: until the plan shows how it ended, or something
//! else is wanted.

use std::time::Duration;

use tokio::time::Instant;

use crate::diff::document::HoldCode;
use crate::model::key::{Kind, ObjectKey};
use crate::reconciler::contention::Contention;
use crate::reconciler::plan::{Learned, Plan};

use super::delays::Troubles;

/// What is known of a source at first.
pub fn nothing() -> Learned {
    Learned { contention: Contention::of_controller(), ..Learned::default() }
}

/// Takes from a new plan how what was applied has ended: services that came to rest as declared, and those of which Swarm
/// took a release back that was not to blame. Those are tried again, later and later.
pub fn follow(
    learned: &mut Learned,
    disturbed: &mut Troubles,
    plan: &Plan,
    longest: Duration,
    chance: f64,
    now: Instant,
) {
    for service in plan.settled() {
        learned.applied.remove(service);
        disturbed.ended(&ObjectKey::new(Kind::Service, service));
    }
    for change in plan.document.changes() {
        let mut holds = change.holds.iter();
        let Some(hold) = holds.find(|hold| hold.code == HoldCode::RolloutDisturbed) else {
            continue;
        };
        // From now on only failed tasks tell whether the release is to blame. Once Swarm has forgotten them, nobody can.
        learned.applied.remove(&change.object.name);
        disturbed.failed(&change.object, &hold.reason, longest, now, chance);
    }
}

/// Something else is to be written now, or a person asks: what the Engine refused is tried again. What was applied and has
/// not come to rest stays known, for Swarm can still take it back.
pub fn forget(learned: &mut Learned) {
    let Learned {
        different_secrets: _,
        applied: _,
        has_written: _,
        failures,
        record_is_refused,
        unnoted,
        networks_kept,
        networks_in_use,
        refused_writes,
        refused_beside,
        contention,
    } = learned;
    failures.clear();
    networks_kept.clear();
    networks_in_use.clear();
    refused_writes.clear();
    refused_beside.clear();
    *record_is_refused = false;
    *unnoted = 0;
    *contention = Contention::of_controller();
}
