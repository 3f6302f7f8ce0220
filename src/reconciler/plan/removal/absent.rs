//! What is live and no longer declared.

use std::collections::BTreeSet;

use crate::model::desired::DesiredStack;
use crate::model::key::Kind;
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::name::StackName;

use super::super::super::ownership::owning_stack;
use super::super::super::policy::Scope;
use super::super::context::Context;
use super::super::index::Object;
use super::stack::Removal;

/// Stacks of this fleet and source that have live objects and are not declared any more, by no source that is known.
pub(in crate::reconciler::plan) fn vanished(context: &Context<'_>) -> BTreeSet<StackName> {
    let kinds = [Kind::Service, Kind::Network, Kind::Config, Kind::Secret];
    let objects = kinds.into_iter().flat_map(|kind| context.index.objects(kind));
    let stacks = objects.filter_map(|object| stack_of(context, &object)).chain(routed(context));
    stacks.filter(|stack| is_undeclared(context, stack)).collect()
}

/// Whether no source that is known declares a stack. Of a part of a source nobody can tell.
pub(in crate::reconciler::plan) fn is_undeclared(context: &Context<'_>, stack: &StackName) -> bool {
    let Scope { invalid, elsewhere, whole, .. } = context.scope;
    *whole
        && !context.desired.stacks.contains_key(stack)
        && !invalid.contains(stack)
        && !elsewhere.stacks.contains(stack)
}

/// The stacks of this fleet and source that have live routes. The proxy does not say of which source they are; the fleet
/// record does, and of what it does not know nothing is removed.
fn routed(context: &Context<'_>) -> impl Iterator<Item = StackName> {
    let source = context.scope.source.as_str();
    let known = context.record.map(|record| &record.routed);
    let is_of_source = move |stack: &&StackName| {
        let routed = known.and_then(|known| known.get(stack.as_str()));
        routed.is_some_and(|routed| routed.source == source)
    };
    context.routes.stacks().filter(is_of_source).cloned()
}

/// The stack of this fleet and source that `object` belongs to.
pub(super) fn stack_of(context: &Context<'_>, object: &Object<'_>) -> Option<StackName> {
    let is_of_source = object.label(labels::SOURCE) == Some(context.scope.source.as_str());
    is_of_source.then(|| owner(context, object)).flatten()
}

/// The stack of this fleet that `object` belongs to.
pub(in crate::reconciler::plan) fn owner(
    context: &Context<'_>,
    object: &Object<'_>,
) -> Option<StackName> {
    owning_stack(&object.key(), object.labels, &context.scope.fleet)
}

/// The services that `stack` no longer declares and keeps, because they are most of what it has.
pub(in crate::reconciler::plan) fn kept_as_most(
    context: &Context<'_>,
    stack: &DesiredStack,
) -> Vec<String> {
    let (name, declared, is_requested) = (&stack.name, Some(stack), false);
    let removal = Removal { context, stack: name, declared, is_requested, others: &[], wait: None };
    let owned = removal.owned();
    let dropped = removal.guard(&owned).map(|_| removal.dropped(&owned)).unwrap_or_default();
    dropped.iter().map(|live| live.spec.name.clone()).collect()
}

/// Whether the plan removes the service `live` once nothing waits any more: nothing declares it, and its removal is asked
/// for.
pub(in crate::reconciler::plan) fn goes(context: &Context<'_>, live: &LiveService) -> bool {
    let Some(stack) = stack_of(context, &Object::from(live)) else { return false };
    let declared = context.desired.stacks.get(&stack);
    if declared.is_none() && !vanished(context).contains(&stack) {
        return false;
    }
    let (stack, is_requested) = (&stack, false);
    Removal { context, stack, declared, is_requested, others: &[], wait: None }.lets_go(live)
}
