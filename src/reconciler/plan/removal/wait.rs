//! When what is no longer declared goes: once nothing that comes first is left.

use crate::diff::document::{Action, Hold, HoldClass, HoldCode};
use crate::model::desired::DesiredStack;
use crate::model::key::Kind;
use crate::model::name::StackName;

use super::super::context::Context;
use super::super::draft::StackDraft;
use super::super::readiness::{Way, lack};
use super::super::rename;
use super::super::reverse::{Reverse, until_gone};
use super::stack::Removal;

/// Plans what goes in a stack that is still declared.
pub(in crate::reconciler::plan) fn plan_stack(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &mut StackDraft<'_>,
) {
    let removal = Removal {
        context,
        stack: &stack.name,
        declared: Some(stack),
        is_requested: false,
        others: &[],
        wait: waits_for_green(context, stack, draft),
    };
    removal.plan(draft);
}

/// Plans the removal of a stack that is no longer declared. `reverse` tells which of those need it.
pub(in crate::reconciler::plan) fn plan_vanished(
    context: &Context<'_>,
    stack: &StackName,
    reverse: &Reverse<'_>,
    others: &[StackDraft<'_>],
    draft: &mut StackDraft<'_>,
) {
    // A renamed stack stays until the one that it goes on as is healthy.
    let successor = rename::successor(context, stack);
    let wait = successor.and_then(|successor| {
        let draft = others.iter().find(|draft| draft.name == successor.name)?;
        waits_for_green(context, successor, draft)
    });
    let mut needing = reverse.dependents(stack.as_str()).filter_map(|dependent| {
        let draft = others.iter().find(|draft| draft.name.as_str() == dependent)?;
        let is_held =
            draft.is_held() || draft.entries.iter().any(|entry| entry.change.is_standing());
        Some(until_gone(&format!("stack {dependent}"), is_held))
    });
    let wait = wait.or_else(|| needing.next()).or_else(|| reverse.last_task(context));
    Removal { context, stack, declared: None, is_requested: false, others, wait }.plan(draft);
}

/// Plans the removal of a stack that a person has named.
pub(in crate::reconciler::plan) fn plan_requested(
    context: &Context<'_>,
    stack: &StackName,
    draft: &mut StackDraft<'_>,
) {
    Removal { context, stack, declared: None, is_requested: true, others: &[], wait: None }
        .plan(draft);
}

/// Why removals of a stack wait: something of it is still to be written, or not healthy.
fn waits_for_green(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &StackDraft<'_>,
) -> Option<Hold> {
    let Some(lack) = lack(context, stack, draft) else { return waits_for_route(draft) };
    let (object, objects) = (&lack.object, lack.objects());
    let words = match (&lack.way, lack.class) {
        (Way::Unwritten(_), HoldClass::Standing) => format!("stays as long as {object} is held"),
        (Way::Unwritten(_), HoldClass::Waiting) => format!("waits for {objects} to be done"),
        (Way::Unhealthy(state), HoldClass::Standing) => {
            format!("stays while {object} is not healthy: {state}")
        }
        (Way::Unhealthy(state), HoldClass::Waiting) => {
            format!("waits until {object} is healthy: {state}")
        }
    };
    let hold = Hold { class: lack.class, ..Hold::new(HoldCode::WaitsForHealth, words) };
    Some(hold.needs(lack.object))
}

/// The hold on removals while a route is about to be written: what it leads to now may be what goes. One that a person must
/// allow first holds nothing but its own service.
fn waits_for_route(draft: &StackDraft<'_>) -> Option<Hold> {
    let mut changes = draft.entries.iter().map(|entry| &entry.change);
    let route = changes.find(|change| {
        change.object.kind == Kind::Route
            && change.action != Action::Remove
            && !change.is_standing()
    })?;
    let words = format!("waits for {} to be done", route.object);
    Some(Hold::new(HoldCode::WaitsForHealth, words).needs(route.object.clone()))
}
