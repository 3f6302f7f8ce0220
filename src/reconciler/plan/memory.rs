//! What the fleet record remembers of services that were applied, so that one that a person removed is told from a new
//! one.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::Cause;
use crate::model::desired::DesiredStack;
use crate::model::fleet::is_under_key;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;

use super::super::ownership::owning_stack;
use super::super::record;
use super::super::step::{Notes, RouteNote, Step, Write};
use super::context::Context;
use super::{index, release, route};

/// How many bytes of labels the record may have; Swarm takes no more than a megabyte and a half in one write.
const MOST_BYTES: usize = 512 * 1024;

/// Why a declared service that is not there must be made: it is new, or somebody removed it, or it changed as well.
pub(super) fn causes_of_absence(
    context: &Context<'_>,
    service: &str,
    fingerprint: Option<&str>,
) -> Vec<Cause> {
    let remembered = context.record.and_then(|record| record.applied.get(service));
    match (remembered, fingerprint) {
        (None, _) => vec![Cause::Git],
        (Some(remembered), Some(now)) if remembered == record::brief(now) => vec![Cause::Drift],
        (Some(_), _) => vec![Cause::Git, Cause::Drift],
    }
}

/// Why a network, config or secret of `stack` that is not there must be made: somebody removed it where a service that is
/// gone as well, and was applied just as it is declared now, refers to it. Otherwise it is new, as far as we can tell.
pub(super) fn causes_of_loss(
    context: &Context<'_>,
    stack: &DesiredStack,
    object: &ObjectKey,
) -> Vec<Cause> {
    let Some(record) = context.record else { return vec![Cause::Git] };
    let was_there = stack.services.iter().any(|service| {
        let name = service.spec.name.as_str();
        let refers = || index::references(&service.spec.task_template).0.contains(object);
        let now = || {
            let spec = release::comparable(&service.spec, context.observed.engine.api).0;
            release::fingerprint(&record.key, &spec)
        };
        record.applied.get(name).is_some_and(|applied| {
            !context.index.services.contains_key(name)
                && refers()
                && applied == record::brief(&now())
        })
    });
    vec![if was_there { Cause::Drift } else { Cause::Git }]
}

/// The step that writes down what `steps` apply and remove. It never comes alone, but for a run that has written before
/// or removes a stack, which also mends what was left out, or where something else is declared of a stack with routes than is
/// known of it.
pub(super) fn step(context: &Context<'_>, steps: &[Step]) -> Option<Step> {
    let record = context.record?;
    let mut applied: BTreeMap<String, String> = BTreeMap::new();
    let mut removed: BTreeSet<String> = BTreeSet::new();
    let mut routes: Vec<RouteNote> = Vec::new();
    for step in steps {
        match &step.write {
            Write::CreateService(spec) | Write::UpdateService { spec, .. } => {
                if let Some(stamp) = spec.labels.get(labels::APPLIED) {
                    applied.insert(spec.name.clone(), record::brief(stamp).to_owned());
                }
            }
            Write::Route(write) => routes.extend(route::notes(record, &step.object.name, write)),
            Write::Remove { .. } if step.object.kind == Kind::Service => {
                removed.insert(step.object.name.clone());
            }
            // The record has one version: what Swarm refused goes first, the rest comes with the next pass.
            Write::LabelRecord { .. } => return None,
            _ => {}
        }
    }
    // A repair of drift applies what was applied before.
    applied.retain(|service, brief| record.applied.get(service) != Some(brief));
    removed.retain(|service| {
        record.applied.contains_key(service) || record.refused.contains_key(service)
    });
    let known = |note: &RouteNote| {
        let routes = record.routes.get(note.stack.as_str());
        routes.and_then(|routes| routes.get(&note.route))
    };
    routes.retain(|note| known(note) != note.memo.as_ref());
    let stacks = route::stacks(context, record, steps);
    let mut labels = record.labels.clone();
    route::follow(context, record, &mut labels);
    let is_behind = labels != record.labels;
    let notes = Notes { applied, removed, routes, routed: stacks };
    let moves = !notes.is_empty();
    // Who removes a stack of which nothing is left wants it forgotten.
    let mends = context.learned.has_written || context.policy.remove.is_some();
    if context.learned.notes_nothing() || !(moves || mends || is_behind) {
        return None;
    }
    for live in &context.observed.services {
        let name = &live.spec.name;
        let key = ObjectKey::new(Kind::Service, name);
        if let Some(stamp) = live.spec.labels.get(labels::APPLIED)
            && is_under_key(stamp, record.key.id())
            && owning_stack(&key, &live.spec.labels, &context.scope.fleet).is_some()
        {
            record::remember(&mut labels, name, record::brief(stamp));
        }
        if record.refused.get(name).is_some_and(|refusal| release::has_come_through(live, refusal))
        {
            record::forgive(&mut labels, name);
        }
    }
    let known = record.applied.keys().chain(record.refused.keys());
    for name in known.filter(|name| is_over(context, name)) {
        record::forget(&mut labels, name);
    }
    if context.learned.has_written {
        route::mend(context, record, &mut labels);
    }
    let size: usize = labels.iter().map(|(label, value)| label.len() + value.len()).sum();
    if (!moves && labels == record.labels) || size > MOST_BYTES {
        return None;
    }
    let object = ObjectKey::new(Kind::Config, &context.record_name);
    let target = record.target.clone();
    let is_due = is_behind || !moves;
    let write = Write::Remember { target, labels, is_due, notes };
    Some(Step { object, write, needs: Vec::new() })
}

/// Whether a service is neither live nor declared any more by the stack that it was of, or that stack is to go.
fn is_over(context: &Context<'_>, service: &str) -> bool {
    let of = |stack: &str| service.strip_prefix(stack).is_some_and(|rest| rest.starts_with('_'));
    let asked = context.policy.remove.iter().map(|asked| &asked.stack);
    !context.index.services.contains_key(service)
        && context.declared(service).is_none()
        && context.desired.stacks.keys().chain(asked).any(|stack| of(stack.as_str()))
}
