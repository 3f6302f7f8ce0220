//! What a plan would do and the controller does not do now: because a person wants it so, or because it is too early.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::diff::document::{Cause, Change, Document, Hold, HoldCode};
use crate::model::key::{Kind, ObjectKey};
use crate::model::name::StackName;
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
            section.holds.push(suspended(&section.name, suspension, resume));
            continue;
        }
        if mode == DriftMode::Report {
            for change in section.changes.iter_mut().filter(|change| is_drift(change)) {
                withheld.insert(change.object.clone());
                change.holds.push(reported("changed by hand"));
            }
        }
    }
    withheld.extend(beside_routes(plan, suspensions, drift, resume));
    without(plan, withheld);
}

/// Leaves what the proxy has beside routes to stacks that may be written. Where nothing is left to do for those, the change
/// is held or, if it is not even to be shown, dropped; returns its object then.
fn beside_routes(
    plan: &mut Plan,
    suspensions: &Suspensions,
    drift: &DriftModes,
    resume: &str,
) -> Option<ObjectKey> {
    let step = plan.steps.iter_mut().find(|step| matches!(step.write, Write::Proxy { .. }))?;
    let Write::Proxy { stacks, committed, after: _ } = &mut step.write else { return None };
    let suspension = |stack: &StackName| suspensions.of_stack(stack.as_str());
    let mode = |stack: &StackName| drift.of_stack(stack.as_str());
    let (kept, left): (BTreeSet<StackName>, BTreeSet<StackName>) =
        stacks.iter().cloned().partition(|stack| {
            let is_free = mode(stack) == DriftMode::Correct || committed.contains(stack);
            suspension(stack).is_none() && is_free
        });
    let hold = if let Some((stack, why)) =
        left.iter().find_map(|stack| Some((stack, suspension(stack)?)))
    {
        Some(suspended(stack.as_str(), why, resume))
    } else if left.iter().any(|stack| mode(stack) == DriftMode::Report) {
        Some(reported("changed by hand"))
    } else if left.is_empty() {
        return None;
    } else {
        None
    };
    stacks.clone_from(&kept);
    let part = plan.proxy.as_ref();
    let merged = part.and_then(|part| part.merged(&part.live, &[&*step]).ok());
    let is_written = !kept.is_empty() && merged.is_some_and(|merged| merged.is_changed);
    let object = step.object.clone();
    not_noted(plan, &object, |stack| is_written && kept.contains(stack));
    if is_written {
        return None;
    }
    let changes = &mut plan.document.fleet_changes;
    match hold {
        Some(hold) => {
            let mut changes = changes.iter_mut().filter(|change| change.object == object);
            changes.next()?.holds.push(hold);
        }
        None => changes.retain(|change| change.object != object),
    }
    Some(object)
}

/// Leaves out of what is noted that `object` was written for stacks that it is not written for.
fn not_noted(plan: &mut Plan, object: &ObjectKey, is_written: impl Fn(&StackName) -> bool) {
    plan.steps.retain_mut(|step| {
        let Write::Remember { target: _, labels: _, is_due, notes } = &mut step.write else {
            return true;
        };
        for note in notes.routed.iter_mut().filter(|note| !is_written(&note.stack)) {
            note.by.remove(object);
        }
        notes.routed.retain(|note| !note.by.is_empty());
        *is_due || !notes.is_empty()
    });
}

/// Holds everything but drift from a revision that nobody knows to be the newest: somebody else may have applied a newer
/// one, which must not be undone.
pub fn for_stale(plan: &mut Plan, fetched_at: Timestamp) {
    let mut withheld = BTreeSet::new();
    for change in changes(&mut plan.document).filter(|change| !is_drift(change)) {
        withheld.insert(change.object.clone());
        let reason = format!(
            "the source cannot be read, and what was fetched at {fetched_at:.0} may not be the newest"
        );
        change.holds.push(Hold::new(HoldCode::StaleSource, reason));
    }
    // Nor is noted what this revision says of protection; repairs of drift need no note.
    plan.steps.retain(|step| !matches!(step.write, Write::Remember { .. }));
    without(plan, withheld);
}

/// Holds what is not due yet, and tells when the first of it is: repairs that somebody keeps undoing, writes that failed,
/// and releases that were rolled back through no fault of theirs.
pub fn for_now(plan: &mut Plan, memory: &Memory, now: Instant) -> Option<Instant> {
    let mut withheld = BTreeSet::new();
    let mut first: Option<Instant> = None;
    let ready: BTreeSet<ObjectKey> = plan.steps.iter().map(|step| step.object.clone()).collect();
    for change in changes(&mut plan.document) {
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

/// What can be held: changes of stacks, and that of the proxy. The fleet record only comes with what it is for.
fn changes(document: &mut Document) -> impl Iterator<Item = &mut Change> {
    let fleet = document.fleet_changes.iter_mut();
    let of_stacks = document.stacks.iter_mut().flat_map(|section| &mut section.changes);
    fleet.filter(|change| change.object.kind == Kind::Proxy).chain(of_stacks)
}

/// Whether somebody changed it by hand, and nothing else is to change.
pub fn is_drift(change: &Change) -> bool {
    !change.causes.is_empty() && change.causes.iter().all(|cause| *cause == Cause::Drift)
}

fn suspended(stack: &str, suspension: &Suspension, resume: &str) -> Hold {
    let reason = format!("stack {stack} is suspended {suspension}");
    Hold::new(HoldCode::Suspended, reason).unblock(format!("{resume} {stack}"))
}

fn reported(what: &str) -> Hold {
    Hold::new(HoldCode::DriftReported, format!("{what}, and drift is only reported"))
        .unblock("put it right with skep apply, or set `drift: correct`")
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::diff::document::{Action, Effect, EngineRef, FORMAT_VERSION, Summary};
    use crate::model::labels::Labels;
    use crate::model::live::ApiVersion;
    use crate::model::secret::Redacted;
    use crate::proxy::{Compiled, Features, Live, OwnServers, Servers};
    use crate::reconciler::caddy::ProxyPart;
    use crate::reconciler::record::Routed;
    use crate::reconciler::step::{Notes, RoutedNote, Target};

    /// A plan that takes away a policy of stack `shop`, which declares none; `zoo` has nothing to put right.
    fn plan() -> Plan {
        plan_committing(&[])
    }

    /// The same where something else is declared for these stacks than was last written.
    fn plan_committing(committed: &[&str]) -> Plan {
        let policy =
            json!({ "@id": "skep:default:shop:tls:a.example.com", "subjects": ["a.example.com"] });
        let config = json!({ "apps": { "tls": { "automation": { "policies": [policy] } } } });
        let part = ProxyPart {
            fleet: "default".parse().unwrap(),
            servers: Servers::Own(OwnServers::default()),
            live: Arc::new(Live { config, etag: None, features: Features::MODERN }),
            wanted: Arc::new(Compiled::default()),
        };
        let object = ObjectKey::new(Kind::Proxy, "caddy");
        let effect = Effect::InPlace { starts: 0, stops: 0 };
        let change = Change::new(object.clone(), Action::Update, effect, Vec::new());
        let stacks = ["shop", "zoo"].map(|stack| stack.parse().unwrap()).into();
        let committed = committed.iter().map(|stack| stack.parse().unwrap()).collect();
        let write = Write::Proxy { stacks, committed, after: Redacted::new(Vec::new()) };
        let document = Document {
            format_version: FORMAT_VERSION,
            fleet: "default".to_owned(),
            source: None,
            engine: EngineRef { api: ApiVersion { major: 1, minor: 47 }, version: "28".to_owned() },
            summary: Summary::default(),
            holds: Vec::new(),
            fleet_changes: vec![change],
            record: None,
            stacks: Vec::new(),
            findings: Vec::new(),
        };
        Plan {
            document,
            steps: vec![Step { object, write, needs: Vec::new() }],
            later: Vec::new(),
            images: BTreeMap::new(),
            health: BTreeMap::new(),
            routes: BTreeMap::new(),
            compiled: Arc::clone(&part.wanted),
            proxy: Some(part),
        }
    }

    /// A step that notes `routed`.
    fn noting(routed: Vec<RoutedNote>, is_due: bool) -> Step {
        let write = Write::Remember {
            target: Target { id: "id".to_owned(), version: 1 },
            labels: Labels::new(),
            is_due,
            notes: Notes { routed, ..Notes::default() },
        };
        Step { object: ObjectKey::new(Kind::Config, "record"), write, needs: Vec::new() }
    }

    /// Why the change of the proxy is held, if it is shown, and the stacks that are written.
    fn came_of(plan: &Plan) -> (Option<Vec<HoldCode>>, Vec<Vec<String>>) {
        let change = plan.document.fleet_changes.first();
        let codes = change.map(|change| change.holds.iter().map(|hold| hold.code).collect());
        let stacks = plan.steps.iter().filter_map(|step| match &step.write {
            Write::Proxy { stacks, .. } => Some(stacks.iter().map(ToString::to_string).collect()),
            _ => None,
        });
        (codes, stacks.collect())
    }

    #[test]
    fn what_is_beside_routes_is_not_written_for_stacks_that_people_want_left_alone() {
        let modes = |stack: &str, mode| DriftModes {
            stacks: [(stack.parse().unwrap(), mode)].into(),
            ..DriftModes::default()
        };
        let suspension =
            Suspension { by: "ada".to_owned(), since: Timestamp::UNIX_EPOCH, reason: None };
        let suspensions = |stack: &str| Suspensions {
            stacks: [(stack.parse().unwrap(), suspension.clone())].into(),
            ..Suspensions::default()
        };
        let none = || (Suspensions::default(), DriftModes::default());
        let stacks = |names: &[&str]| vec![names.iter().map(ToString::to_string).collect()];
        for ((suspensions, modes), expected) in [
            (none(), (Some(vec![]), stacks(&["shop", "zoo"]))),
            ((suspensions("zoo"), none().1), (Some(vec![]), stacks(&["shop"]))),
            ((suspensions("shop"), none().1), (Some(vec![HoldCode::Suspended]), vec![])),
            (
                (none().0, modes("shop", DriftMode::Report)),
                (Some(vec![HoldCode::DriftReported]), vec![]),
            ),
            ((none().0, modes("shop", DriftMode::Off)), (None, vec![])),
        ] {
            let mut plan = plan();
            for_people(&mut plan, &suspensions, &modes, "skep resume");
            assert_eq!(came_of(&plan), expected);
        }
    }

    #[test]
    fn what_is_not_written_beside_routes_is_not_noted_either() {
        let by = |suspended: &[&str], is_due, own: Option<ObjectKey>| {
            let mut plan = plan();
            let routed = Routed { source: "cli".into(), beside: "0".into(), is_protected: false };
            let note = |stack: &str| RoutedNote {
                stack: stack.parse().unwrap(),
                routed: routed.clone(),
                by: own.clone().into_iter().chain([plan.steps[0].object.clone()]).collect(),
            };
            let notes = ["shop", "zoo"].map(note).into();
            plan.steps.push(noting(notes, is_due));
            let suspension =
                Suspension { by: "ada".to_owned(), since: Timestamp::UNIX_EPOCH, reason: None };
            let stacks = suspended.iter().map(|stack| (stack.parse().unwrap(), suspension.clone()));
            let suspensions = Suspensions { stacks: stacks.collect(), ..Suspensions::default() };
            for_people(&mut plan, &suspensions, &DriftModes::default(), "skep resume");
            plan.steps.into_iter().find_map(|step| match step.write {
                Write::Remember { notes, .. } => {
                    let notes = notes.routed.into_iter();
                    Some(notes.map(|note| (note.stack.to_string(), note.by.len())).collect())
                }
                _ => None,
            })
        };
        let left = |notes: &[(&str, usize)]| -> Option<Vec<(String, usize)>> {
            Some(notes.iter().map(|(stack, by)| ((*stack).to_owned(), *by)).collect())
        };
        let route = || Some(ObjectKey::new(Kind::Route, "a.example.com/*"));
        assert_eq!(by(&[], false, None), left(&[("shop", 1), ("zoo", 1)]));
        assert_eq!(by(&["zoo"], false, None), left(&[("shop", 1)]));
        assert_eq!(by(&["zoo"], false, route()), left(&[("shop", 2), ("zoo", 1)]));
        // Nothing is left to write for `zoo` alone.
        assert_eq!(by(&["shop"], false, None), None);
        assert_eq!(by(&["shop"], true, None), left(&[]));
    }

    #[test]
    fn what_was_committed_beside_routes_is_no_drift() {
        for mode in [DriftMode::Report, DriftMode::Off] {
            let modes = DriftModes { default: mode, ..DriftModes::default() };
            for (committed, is_written) in [(&["shop"][..], true), (&["zoo"], false)] {
                let mut plan = plan_committing(committed);
                for_people(&mut plan, &Suspensions::default(), &modes, "skep resume");
                assert_eq!(came_of(&plan).1.len(), usize::from(is_written), "{committed:?}");
            }
        }
    }

    #[test]
    fn what_is_beside_routes_waits_for_a_source_that_can_be_read_and_after_a_failure() {
        let mut stale = plan();
        stale.steps.push(noting(Vec::new(), true));
        for_stale(&mut stale, Timestamp::UNIX_EPOCH);
        assert_eq!(came_of(&stale), (Some(vec![HoldCode::StaleSource]), vec![]));
        assert!(stale.steps.is_empty(), "an older revision may protect other stacks");
        let (mut failed, mut memory, now) = (plan(), Memory::default(), Instant::now());
        let object = &failed.steps[0].object.clone();
        memory.troubles.failed(object, "x", std::time::Duration::from_secs(60), now, 0.0);
        assert!(for_now(&mut failed, &memory, now).is_some());
        assert_eq!(came_of(&failed), (Some(vec![HoldCode::RetryLater]), vec![]));
    }
}
