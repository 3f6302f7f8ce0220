//! Performs the steps of a plan. Whatever there is to decide has been decided there.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::stream;
use tracing::Instrument as _;

use crate::diff::mask::{Scrub, Sensitivity};
use crate::model::error::chain;
use crate::model::fleet::KEY_LENGTH;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::{self, Labels};
use crate::model::secret::Redacted;
use crate::model::store::ConfigSpec;
use crate::swarm::{Actuator, Failure, SwarmError};

use super::caddy::{self, Gateway, ProxyPart};
use super::event::Event;
use super::plan::Learned;
use super::record;
use super::step::{Notes, RouteNote, RoutedNote, Step, Target, Write};

/// How many writes are under way at once.
const PARALLEL_WRITES: usize = 4;
/// How often an unexplained failure of one write is met with another try in the same run.
const PATIENCE_WITH_FAILURES: u32 = 3;

/// Random bytes for a fleet that has no key yet.
pub type FreshKey = Redacted<[u8; KEY_LENGTH]>;

/// What came of the steps of one pass.
#[derive(Debug, Default)]
pub struct Report {
    /// Steps that were performed.
    pub performed: usize,
    /// Steps that were not, or not successfully.
    pub failed: usize,
    /// The last of those that found a Swarm without a leader.
    pub leaderless: Option<SwarmError>,
}

/// The order of writes within a pass: what is referred to comes before what refers to it, and removals come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Prerequisites,
    Services,
    RemovedServices,
    RemovedRest,
}

fn phase(step: &Step) -> Option<Phase> {
    Some(match (&step.write, step.object.kind) {
        (Write::CreateService(_) | Write::UpdateService { .. }, _) => Phase::Services,
        (Write::Remove { .. }, Kind::Service) => Phase::RemovedServices,
        (Write::Remove { .. }, _) => Phase::RemovedRest,
        // The first is made from what the others came to, the rest is written to another place and all at once.
        (Write::Remember { .. } | Write::Route(_) | Write::Proxy { .. }, _) => return None,
        _ => Phase::Prerequisites,
    })
}

/// Performs `steps`, in order of phases and in parallel within each. A step whose needs failed is left out.
///
/// `is_stopped` is asked before each step; once it says so, no further step is begun. What is `sensitivity` to is masked
/// in what the Engine says, which may repeat what it was sent.
///
/// Steps on routes come behind those on services, and before services go. Without a `proxy` there are none.
#[expect(clippy::too_many_arguments, reason = "each is another part of the world")]
pub async fn perform(
    steps: &[Step],
    actuator: &Actuator,
    proxy: Option<(&ProxyPart, &mut Gateway)>,
    fresh_key: &FreshKey,
    sensitivity: &Sensitivity,
    learned: &mut Learned,
    is_stopped: &(dyn Fn() -> bool + Sync),
    sink: &mut (dyn FnMut(Event<'_>) + Send),
) -> Report {
    let mut report = Report::default();
    let mut proxy = proxy;
    let mut failed: Vec<ObjectKey> = Vec::new();
    let mut done: BTreeSet<ObjectKey> = BTreeSet::new();
    for now in [Phase::Prerequisites, Phase::Services, Phase::RemovedServices, Phase::RemovedRest] {
        if now == Phase::RemovedServices
            && let Some((part, gateway)) = proxy.take().filter(|_| !is_stopped())
        {
            let (written, not) = caddy::perform(steps, part, gateway, learned, sink).await;
            report.performed += written.len();
            report.failed += not;
            done.extend(written);
        }
        let due = steps.iter().filter(|step| phase(step) == Some(now));
        let due: Vec<&Step> =
            due.filter(|step| !step.needs.iter().any(|need| failed.contains(need))).collect();
        let mut writes = stream::iter(due)
            .map(|step| async move {
                if is_stopped() {
                    return None;
                }
                let span = tracing::info_span!("step", object = %step.object);
                Some((step, write(step, actuator, fresh_key).instrument(span).await))
            })
            .buffer_unordered(PARALLEL_WRITES);
        while let Some(answer) = writes.next().await {
            let Some((step, written)) = answer else { continue };
            match written {
                Ok(warnings) => {
                    report.performed += 1;
                    let again = learn(step, learned);
                    done.insert(step.object.clone());
                    let (done, object) = (verb(step), &step.object);
                    let scrubbed = |warning: String| scrubbed(step, &warning, sensitivity);
                    let warnings = warnings.into_iter().map(scrubbed).collect();
                    sink(Event::Performed { done, object, again, warnings });
                }
                Err(error) => {
                    report.failed += 1;
                    failed.push(step.object.clone());
                    let words = scrubbed(step, &chain(&error), sensitivity);
                    sink(judge(step, &error, words, learned));
                    if error.is_leaderless() {
                        report.leaderless = Some(error);
                    }
                }
            }
        }
    }
    for step in steps {
        remember(step, &done, actuator, learned).await;
    }
    report
}

/// Notes in the fleet record what was done. Nobody needs to hear when that fails: a run that goes on tries again, a few
/// times, and so does each later one that writes something.
async fn remember(
    step: &Step,
    done: &BTreeSet<ObjectKey>,
    actuator: &Actuator,
    learned: &mut Learned,
) {
    let Some((target, labels)) = noted(&step.write, done) else { return };
    let spec = ConfigSpec { name: step.object.name.clone(), labels, ..ConfigSpec::default() };
    let told = actuator.label_config(&target.id, target.version, &spec).await;
    if let Err(error) = &told {
        let reason = chain(error);
        tracing::debug!(object = %step.object, reason, "what was applied is not remembered");
    }
    learn_of_note(told.err().as_ref(), learned);
}

/// Remembers whether it is of any use to write the fleet record again.
fn learn_of_note(error: Option<&SwarmError>, learned: &mut Learned) {
    match error.map(|error| &error.failure) {
        None => learned.unnoted = 0,
        Some(Failure::Refused { .. } | Failure::TooOld { .. }) => learned.record_is_refused = true,
        // The next pass sees what the other one wrote.
        Some(Failure::OutOfSequence) => {}
        Some(_) => learned.unnoted += 1,
    }
}

/// The labels of the fleet record once these objects were written; `None` if they tell nothing new.
fn noted<'w>(write: &'w Write, done: &BTreeSet<ObjectKey>) -> Option<(&'w Target, Labels)> {
    let Write::Remember { target, labels, is_due, notes } = write else { return None };
    let Notes { applied, removed, routes, routed } = notes;
    let is_done = |name: &str| done.contains(&ObjectKey::new(Kind::Service, name));
    let is_written =
        |note: &&RouteNote| done.contains(&ObjectKey::new(Kind::Route, note.route.as_str()));
    let is_routed = |note: &&RoutedNote| !note.by.is_disjoint(done);
    let mut named = applied.keys().chain(removed);
    let is_any = named.any(|name| is_done(name))
        || routes.iter().any(|note| is_written(&note))
        || routed.iter().any(|note| is_routed(&note));
    if !is_due && !is_any {
        return None;
    }
    let mut labels = labels.clone();
    for (service, brief) in applied.iter().filter(|(service, _)| is_done(service)) {
        record::remember(&mut labels, service, brief);
    }
    for service in removed.iter().filter(|service| is_done(service)) {
        record::forget(&mut labels, service);
    }
    record::note_routes(&mut labels, routes.iter().filter(is_written));
    for RoutedNote { stack, routed, by: _ } in routed.iter().filter(is_routed) {
        record::note_routed(&mut labels, stack, routed);
    }
    Some((target, labels))
}

/// Makes one write and returns the Engine's warnings.
async fn write(
    step: &Step,
    actuator: &Actuator,
    fresh_key: &FreshKey,
) -> Result<Vec<String>, SwarmError> {
    let none = Vec::new();
    match &step.write {
        Write::CreateRecord { name, labels } => {
            let spec = record::create(name.clone(), labels.clone(), fresh_key.expose());
            actuator.create_config(&spec).await.map(|created| created.warnings)
        }
        Write::LabelRecord { target, labels } => {
            let spec = ConfigSpec {
                name: step.object.name.clone(),
                labels: labels.clone(),
                ..ConfigSpec::default()
            };
            actuator.label_config(&target.id, target.version, &spec).await.map(|()| none)
        }
        // See `remember` and `caddy::perform`.
        Write::Remember { .. } | Write::Route(_) | Write::Proxy { .. } => Ok(none),
        Write::CreateNetwork(spec) => {
            actuator.create_network(spec).await.map(|created| created.warnings)
        }
        Write::CreateConfig(spec) => {
            actuator.create_config(spec).await.map(|created| created.warnings)
        }
        Write::CreateSecret(spec) => {
            actuator.create_secret(spec).await.map(|created| created.warnings)
        }
        Write::CreateService(spec) => {
            actuator.create_service(spec).await.map(|created| created.warnings)
        }
        Write::UpdateService { target, spec, access, raw } => {
            actuator.update_service(&target.id, target.version, raw, spec, *access).await
        }
        Write::LabelConfig { target, spec } => {
            actuator.label_config(&target.id, target.version, spec).await.map(|()| none)
        }
        Write::LabelSecret { target, spec, proof } => {
            let proof = proof.as_ref();
            actuator.label_secret(&target.id, target.version, spec, proof).await.map(|()| none)
        }
        Write::Remove { id } => match actuator.remove(&step.object, id).await {
            // Gone is what was wanted.
            Err(error) if error.not_found() => Ok(none),
            result => result.map(|()| none),
        },
    }
}

/// Remembers what this run wrote, so that a rollback of it and another writer are recognised. Returns whether it had
/// written the same before.
fn learn(step: &Step, learned: &mut Learned) -> bool {
    learned.failures.remove(&step.object);
    if step.object.kind == Kind::Network {
        learned.networks_kept.remove(&step.object.name);
    }
    if let Write::UpdateService { spec, .. } | Write::CreateService(spec) = &step.write
        && let Some(applied) = spec.labels.get(labels::APPLIED)
    {
        learned.applied.insert(spec.name.clone(), applied.clone());
    }
    learned.contention.wrote(step)
}

/// Tells a step that failed for good from one that the next pass may get right.
fn judge<'a>(
    step: &'a Step,
    error: &SwarmError,
    mut reason: String,
    learned: &mut Learned,
) -> Event<'a> {
    let object = &step.object;
    match (&error.failure, &step.write) {
        (Failure::DataDiffers, Write::LabelSecret { target, .. }) => {
            learned.different_secrets.insert(target.id.clone());
            Event::Deferred {
                object,
                reason: "it holds other data; a new one is made".to_owned(),
                may_have_happened: false,
            }
        }
        (Failure::Refused { .. } | Failure::TooOld { .. }, _) => {
            learned.refused_writes.insert(object.clone(), reason.clone());
            Event::Failed { object, reason }
        }
        (Failure::OutOfSequence, _) => {
            learned.contention.lost(object);
            Event::Deferred { object, reason, may_have_happened: false }
        }
        (Failure::InUse { message }, _) => {
            *learned.failures.entry(object.clone()).or_default() += 1;
            if object.kind == Kind::Network {
                let kept = learned.networks_kept.entry(object.name.clone()).or_default();
                *kept += 1;
                // No service is on it any more, so it is something that no list shows, and that will not go by itself.
                if *kept >= PATIENCE_WITH_FAILURES {
                    learned.networks_in_use.insert(object.name.clone(), message.clone());
                }
            }
            Event::Deferred { object, reason, may_have_happened: false }
        }
        // Elections take as long as they take; how long a run waits for one, its deadline says. An engine that manages
        // no Swarm any more cannot observe it either, so that the next look decides.
        (Failure::NoLeader { .. } | Failure::Undecided { .. } | Failure::NotManager { .. }, _) => {
            Event::Deferred { object, reason, may_have_happened: error.may_have_happened() }
        }
        // A name that stays taken although no list shows who has it is a failure like others.
        _ => {
            let failures = learned.failures.entry(object.clone()).or_default();
            *failures += 1;
            if *failures >= PATIENCE_WITH_FAILURES {
                if matches!(error.failure, Failure::NameTaken { .. }) {
                    reason.push_str(", and the engine lists nothing of that name");
                }
                learned.refused_writes.insert(object.clone(), reason.clone());
                Event::Failed { object, reason }
            } else {
                let may_have_happened = error.may_have_happened();
                Event::Deferred { object, reason, may_have_happened }
            }
        }
    }
}

/// The Engine's words on `step` without the secrets that were sent with it.
fn scrubbed(step: &Step, words: &str, sensitivity: &Sensitivity) -> String {
    let scrub = Scrub::new(sensitivity.clone());
    let scrub = match &step.write {
        Write::CreateService(spec) | Write::UpdateService { spec, .. } => scrub.with_service(spec),
        _ => scrub,
    };
    scrub.scrub(words)
}

fn verb(step: &Step) -> &'static str {
    match &step.write {
        Write::CreateRecord { .. }
        | Write::CreateNetwork(_)
        | Write::CreateConfig(_)
        | Write::CreateSecret(_)
        | Write::CreateService(_) => "created",
        Write::UpdateService { .. }
        | Write::LabelRecord { .. }
        | Write::Remember { .. }
        | Write::Route(_)
        | Write::Proxy { .. } => "updated",
        Write::LabelConfig { .. } | Write::LabelSecret { .. } => "labelled",
        Write::Remove { .. } => "removed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconciler::record::Routed;

    #[test]
    fn the_record_is_written_for_what_succeeded_and_for_what_is_due_anyway() {
        let routed = Routed { source: "main".into(), beside: "0".into(), is_protected: true };
        let (object, stack) = (ObjectKey::new(Kind::Proxy, "caddy"), "shop".parse().unwrap());
        let note = RoutedNote { stack, routed, by: [object.clone()].into() };
        let write = |is_due| Write::Remember {
            target: Target { id: "id".to_owned(), version: 1 },
            labels: Labels::from([("skep.routes.shop".to_owned(), "1 a.example.com/*".to_owned())]),
            is_due,
            notes: Notes { routed: vec![note.clone()], ..Notes::default() },
        };
        let written = |is_due, done: &[ObjectKey]| {
            let done = done.iter().cloned().collect();
            noted(&write(is_due), &done).map(|(_, labels)| labels.len())
        };
        assert_eq!(written(false, &[]), None);
        assert_eq!(written(true, &[]), Some(1));
        assert_eq!(written(false, &[object]), Some(2));
    }

    #[test]
    fn the_record_is_given_up_when_it_is_refused_or_a_run_has_tried_often_enough() {
        let error = |failure| SwarmError { operation: "label a config".into(), failure };
        let engine = || error(Failure::Engine { status: 500, message: "no".to_owned() });
        let refused = error(Failure::Refused { status: 400, message: "too large".to_owned() });
        let mut learned = Learned::default();
        learn_of_note(Some(&engine()), &mut learned);
        learn_of_note(Some(&error(Failure::OutOfSequence)), &mut learned);
        learn_of_note(Some(&engine()), &mut learned);
        assert!(!learned.notes_nothing());
        learn_of_note(Some(&engine()), &mut learned);
        assert!(learned.notes_nothing());
        learn_of_note(None, &mut learned);
        assert!(!learned.notes_nothing());
        learn_of_note(Some(&refused), &mut learned);
        assert!(learned.notes_nothing());
    }

    #[test]
    fn a_network_that_the_engine_keeps_is_given_up_also_when_each_try_is_a_pass_of_its_own() {
        let object = ObjectKey::new(Kind::Network, "shop_default");
        let write = Write::Remove { id: "id".to_owned() };
        let step = Step { object: object.clone(), write, needs: Vec::new() };
        let failure = Failure::InUse { message: "network shop_default is in use".to_owned() };
        let error = SwarmError { operation: "remove network shop_default".into(), failure };
        let mut learned = Learned::default();
        for _ in 1..PATIENCE_WITH_FAILURES {
            judge(&step, &error, "in use".to_owned(), &mut learned);
            assert!(learned.networks_in_use.is_empty());
            // As the controller does, which waits longer after each.
            assert_eq!(std::mem::take(&mut learned.failures)[&object], 1);
        }
        judge(&step, &error, "in use".to_owned(), &mut learned);
        assert_eq!(learned.networks_in_use["shop_default"], "network shop_default is in use");
        learn(&step, &mut learned);
        assert!(learned.networks_kept.is_empty());
    }
}
