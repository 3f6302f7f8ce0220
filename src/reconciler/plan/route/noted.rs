//! What the fleet record is told of routes, so that what others did is told from what was committed, and whose the routes
//! are from whose they were.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::DesiredStack;
use crate::model::key::ObjectKey;
use crate::model::labels::Labels;
use crate::model::name::StackName;

use super::super::super::record::{self, FleetRecord, Routed};
use super::super::super::step::{RouteNote, RouteWrite, RoutedNote, Step, Write};
use super::super::context::Context;
use super::known::{Routes, brief, object};

/// What is remembered of a route that is written, in each of the stacks that it concerns.
pub(in crate::reconciler::plan) fn notes(
    record: &FleetRecord,
    route: &str,
    write: &RouteWrite,
) -> Vec<RouteNote> {
    let after = write.after.expose();
    let brief = (!after.is_empty()).then(|| brief(record, after.iter()));
    let stacks: BTreeSet<&StackName> = write.ids.iter().map(|id| &id.stack).collect();
    // The ids of what is written come first.
    let home = write.ids.first().map(|id| &id.stack);
    let note = |stack: &StackName| RouteNote {
        route: route.to_owned(),
        stack: stack.clone(),
        brief: brief.clone().filter(|_| home == Some(stack)),
    };
    stacks.into_iter().map(note).collect()
}

/// What is remembered of the stacks whose routes, or what belongs to these, `steps` write, if it is not known yet.
pub(in crate::reconciler::plan) fn stacks(
    context: &Context<'_>,
    record: &FleetRecord,
    steps: &[Step],
) -> Vec<RoutedNote> {
    let mut by: BTreeMap<&StackName, BTreeSet<ObjectKey>> = BTreeMap::new();
    for step in steps {
        let stacks: Vec<&StackName> = match &step.write {
            Write::Route(write) => write.ids.first().map(|id| &id.stack).into_iter().collect(),
            Write::Proxy { stacks, .. } => stacks.iter().collect(),
            _ => continue,
        };
        for stack in stacks {
            by.entry(stack).or_default().insert(step.object.clone());
        }
    }
    let note = |(stack, by): (&StackName, BTreeSet<ObjectKey>)| {
        let declared = context.desired.stacks.get(stack)?;
        let routed = routed(context.routes, record, declared)?;
        let is_known = record.routed.get(stack.as_str()) == Some(&routed);
        (!is_known).then(|| RoutedNote { stack: stack.clone(), routed, by })
    };
    by.into_iter().filter_map(note).collect()
}

/// Notes what is live of routes just as it is declared, where that was left out before.
pub(in crate::reconciler::plan) fn mend(
    context: &Context<'_>,
    record: &FleetRecord,
    labels: &mut Labels,
) {
    let routes = context.routes;
    if !routes.rest.is_empty() {
        return;
    }
    for (name, stack) in &context.desired.stacks {
        let Some(whose) = routed(routes, record, stack) else { continue };
        let mut wanted = routes.wanted(name);
        if !wanted.all(|(key, wanted)| routes.is_live(name, key, wanted)) {
            continue;
        }
        for (key, wanted) in routes.wanted(name) {
            let objects = routes.objects(wanted);
            let brief = brief(record, objects.iter().map(|route| &route.object));
            record::note_route(labels, name, &object(key).name, Some(&brief));
        }
        record::note_routed(labels, name, &whose);
    }
}

/// Whether a stack is protected, or not any more, since its routes were noted: nothing else may ever be written of one that
/// has only routes.
pub(in crate::reconciler::plan) fn is_behind(context: &Context<'_>, record: &FleetRecord) -> bool {
    record.routed.iter().any(|(name, routed)| {
        let mut stacks = context.desired.stacks.values();
        let stack = stacks.find(|stack| stack.name.as_str() == name);
        stack.is_some_and(|stack| stack.policy.protect != routed.is_protected)
    })
}

/// What is remembered of a stack that has routes.
fn routed(routes: &Routes<'_>, record: &FleetRecord, stack: &DesiredStack) -> Option<Routed> {
    routes.wanted(&stack.name).next()?;
    Some(Routed {
        source: stack.source.to_string(),
        beside: routes.beside(record, &stack.name),
        is_protected: stack.policy.protect,
    })
}
