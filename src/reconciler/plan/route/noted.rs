//! What the fleet record is told of routes, so that what others did is told from what was committed, and whose the routes
//! are from whose they were.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::DesiredStack;
use crate::model::key::ObjectKey;
use crate::model::labels::Labels;
use crate::model::name::StackName;
use crate::model::route::RouteKey;

use super::super::super::record::{self, FleetRecord, Routed};
use super::super::super::step::{RouteNote, RouteWrite, RoutedNote, Step, Write};
use super::super::context::Context;
use super::super::removal;
use super::known::{Wanted, memo, object};

/// What is remembered of a route that is written, in each of the stacks that it concerns.
pub(in crate::reconciler::plan) fn notes(
    record: &FleetRecord,
    route: &str,
    write: &RouteWrite,
) -> Vec<RouteNote> {
    let after = write.after.expose();
    let memo = (!after.is_empty()).then(|| memo(record, after));
    let stacks: BTreeSet<&StackName> = write.ids.iter().map(|id| &id.stack).collect();
    // The ids of what is written come first.
    let home = write.ids.first().map(|id| &id.stack);
    let note = |stack: &StackName| RouteNote {
        route: route.to_owned(),
        stack: stack.clone(),
        memo: memo.clone().filter(|_| home == Some(stack)),
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
/// else may ever be written of a stack that has only routes. What is neither declared nor live any more is forgotten: who
/// declares it again makes something new, and puts no drift right.
pub(in crate::reconciler::plan) fn follow(
    context: &Context<'_>,
    record: &FleetRecord,
    labels: &mut Labels,
) {
    if context.routes.sight.live().is_some() {
        forget_gone(context, record, labels);
    }
    for (name, stack) in &context.desired.stacks {
        match record.routed.get(name.as_str()) {
            Some(known) => {
                let is_settled = context.routes.is_settled(name);
                let now = is_settled.then(|| context.routes.beside(record, name));
                let beside = now.unwrap_or_else(|| known.beside.clone());
                record::note_routed(labels, name, &routed(stack, beside));
            }
            // Else nobody would ever know whose they are once they are not declared any more.
            None => mend_stack(context, record, stack, labels),
        }
    }
}

/// Forgets routes that the proxy has lost, and that nobody wants back.
fn forget_gone(context: &Context<'_>, record: &FleetRecord, labels: &mut Labels) {
    let routes = context.routes;
    for name in context.desired.stacks.keys() {
        let (Some(noted), Some(kept)) = (record.routes.get(name.as_str()), routes.names(name))
        else {
            continue;
        };
        let gone = noted.keys().filter(|route| !kept.contains(*route));
        let gone: Vec<RouteNote> = gone
            .map(|route| RouteNote { route: route.clone(), stack: name.clone(), memo: None })
            .collect();
        record::note_routes(labels, &gone);
    }
    let source = context.scope.source.as_str();
    let noted = record.routed.iter().filter(|(_, routed)| routed.source == source);
    let stacks = noted.filter_map(|(name, _)| name.parse().ok());
    let vanished = stacks.filter(|name: &StackName| removal::is_undeclared(context, name));
    let asked = context.policy.remove.iter().map(|asked| asked.stack.clone());
    for name in vanished.chain(asked).filter(|name| routes.live(name).next().is_none()) {
        record::forget_routes(labels, &name);
    }
}

/// Notes what is live of routes just as it is declared, where that was left out before.
pub(in crate::reconciler::plan) fn mend(
    context: &Context<'_>,
    record: &FleetRecord,
    labels: &mut Labels,
) {
    for stack in context.desired.stacks.values() {
        mend_stack(context, record, stack, labels);
    }
}

fn mend_stack(
    context: &Context<'_>,
    record: &FleetRecord,
    stack: &DesiredStack,
    labels: &mut Labels,
) {
    let (routes, name) = (context.routes, &stack.name);
    let mut wanted = routes.wanted(name).peekable();
    let is_any = routes.is_settled(name) && wanted.peek().is_some();
    if !is_any || !wanted.all(|(key, wanted)| routes.is_live(name, key, wanted)) {
        return;
    }
    let note = |(key, wanted): (&RouteKey, &Wanted)| {
        let objects = routes.objects(wanted);
        let memo = memo(record, objects.iter().map(|route| &route.object));
        RouteNote { route: object(key).name, stack: name.clone(), memo: Some(memo) }
    };
    let notes: Vec<RouteNote> = routes.wanted(name).map(note).collect();
    record::note_routes(labels, &notes);
    record::note_routed(labels, name, &routed(stack, routes.beside(record, name)));
}

/// What is remembered of a stack that has routes.
fn routed(stack: &DesiredStack, beside: String) -> Routed {
    let (source, is_protected) = (stack.source.to_string(), stack.policy.protect);
    Routed { source, beside, is_protected }
}
