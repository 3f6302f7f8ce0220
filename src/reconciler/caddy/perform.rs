//! Performs the steps on routes of one pass, and tells what came of each.

use std::collections::BTreeSet;

use crate::model::key::ObjectKey;
use crate::reconciler::event::Event;
use crate::reconciler::plan::Learned;
use crate::reconciler::step::{Step, Write};

use super::gateway::{Gateway, NotWritten};
use super::part::ProxyPart;

/// How often an answer that is none of the proxy's is met with another try in the same run.
const PATIENCE: u32 = 3;

/// Writes the steps on routes among `steps`. Returns those that were performed, and how many were not.
pub(in crate::reconciler) async fn perform(
    steps: &[Step],
    part: &ProxyPart,
    gateway: &mut Gateway,
    learned: &mut Learned,
    sink: &mut (dyn FnMut(Event<'_>) + Send),
) -> (BTreeSet<ObjectKey>, usize) {
    let (mut done, mut failed) = (BTreeSet::new(), 0);
    let due: Vec<&Step> = steps.iter().filter(|step| is_of_proxy(step)).collect();
    if due.is_empty() {
        return (done, failed);
    }
    for (step, outcome) in gateway.write(part, &due).await {
        match outcome {
            Ok(()) => {
                learned.failures.remove(&step.object);
                let again = learned.contention.wrote(step);
                done.insert(step.object.clone());
                let (done, object) = (verb(step), &step.object);
                sink(Event::Performed { done, object, again, warnings: Vec::new() });
            }
            Err(why) => {
                failed += 1;
                sink(judge(step, why, learned));
            }
        }
    }
    (done, failed)
}

/// Whether a step is written to the proxy.
pub(in crate::reconciler) fn is_of_proxy(step: &Step) -> bool {
    matches!(step.write, Write::Route(_) | Write::Proxy { .. })
}

/// Tells a step that failed for good from one that the next pass may get right.
fn judge<'a>(step: &'a Step, why: NotWritten, learned: &mut Learned) -> Event<'a> {
    let object = &step.object;
    let failures = learned.failures.entry(object.clone()).or_default();
    *failures += 1;
    match why {
        NotWritten::Refused(reason) => {
            learned.failures.remove(object);
            learned.refused_writes.insert(object.clone(), reason.clone());
            Event::Failed { object, reason }
        }
        NotWritten::Unexpected(reason) if *failures >= PATIENCE => {
            learned.refused_writes.insert(object.clone(), reason.clone());
            Event::Failed { object, reason }
        }
        NotWritten::Stale(reason) => {
            learned.contention.lost(object);
            Event::Deferred { object, reason, may_have_happened: false }
        }
        NotWritten::Unknown(reason) | NotWritten::Unexpected(reason) => {
            Event::Deferred { object, reason, may_have_happened: true }
        }
    }
}

fn verb(step: &Step) -> &'static str {
    match &step.write {
        Write::Route(write) if write.after.expose().is_empty() => "removed",
        Write::Route(write) if write.before.expose().is_empty() => "created",
        _ => "updated",
    }
}
