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
use super::known::{brief, object};

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
        context.routes.wanted(stack).next()?;
        let routed = routed(declared, context.routes.beside(record, stack));
        let is_known = record.routed.get(stack.as_str()) == Some(&routed);
        (!is_known).then(|| RoutedNote { stack: stack.clone(), routed, by })
    };
    by.into_iter().filter_map(note).collect()
}

/// Notes whose the routes of a stack are, and whether it is protected, as it is declared now, however the proxy is: nothing
/// else may ever be written of a stack that has only routes. One that neither declares nor has any is forgotten.
pub(in crate::reconciler::plan) fn follow(
    context: &Context<'_>,
    record: &FleetRecord,
    labels: &mut Labels,
) {
    let routes = context.routes;
    let is_seen = routes.sight.live().is_some();
    for (name, stack) in &context.desired.stacks {
        if is_seen && stack.routes.is_empty() && routes.live(name).next().is_none() {
            record::forget_routes(labels, name);
        } else if let Some(known) = record.routed.get(name.as_str()) {
            record::note_routed(labels, name, &routed(stack, known.beside.clone()));
        }
    }
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
        let mut wanted = routes.wanted(name).peekable();
        if wanted.peek().is_none() || !wanted.all(|(key, wanted)| routes.is_live(name, key, wanted))
        {
            continue;
        }
        for (key, wanted) in routes.wanted(name) {
            let objects = routes.objects(wanted);
            let brief = brief(record, objects.iter().map(|route| &route.object));
            record::note_route(labels, name, &object(key).name, Some(&brief));
        }
        record::note_routed(labels, name, &routed(stack, routes.beside(record, name)));
    }
}

/// What is remembered of a stack that has routes.
fn routed(stack: &DesiredStack, beside: String) -> Routed {
    let (source, is_protected) = (stack.source.to_string(), stack.policy.protect);
    Routed { source, beside, is_protected }
}
