//! Between stacks: what services of one wait for in another before they are created or rolled.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Hold, HoldClass, HoldCode};
use crate::model::desired::{DesiredStack, StackDependency};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::name::StackName;

use super::super::health;
use super::context::Context;
use super::draft::StackDraft;
use super::readiness::{Way, lack};
use crate::reconciler::health::Verdict;

/// Stacks with those first that others need, otherwise by name.
///
/// Loading refuses cycles; if there were one, its stacks would come by name.
pub(super) fn in_order(stacks: &BTreeMap<StackName, DesiredStack>) -> Vec<&DesiredStack> {
    let mut order = Vec::with_capacity(stacks.len());
    let mut placed = BTreeSet::new();
    while order.len() < stacks.len() {
        let before = order.len();
        for (name, stack) in stacks {
            let is_free = stack
                .policy
                .depends_on
                .iter()
                .all(|need| placed.contains(&need.stack) || !stacks.contains_key(&need.stack));
            if is_free && placed.insert(name) {
                order.push(stack);
            }
        }
        if order.len() == before {
            order.extend(stacks.values().filter(|stack| !placed.contains(&stack.name)));
            break;
        }
    }
    order
}

/// What `stack` waits for: one hold for each stack that it needs and that is not ready. `drafts` are those of the
/// stacks that were planned before.
pub(super) fn holds(
    context: &Context<'_>,
    stack: &DesiredStack,
    drafts: &BTreeMap<StackName, StackDraft<'_>>,
) -> Vec<Hold> {
    let needs: BTreeMap<&StackName, &StackDependency> =
        stack.policy.depends_on.iter().map(|need| (&need.stack, need)).collect();
    needs.into_values().filter_map(|need| hold(context, need, drafts)).collect()
}

fn hold(
    context: &Context<'_>,
    need: &StackDependency,
    drafts: &BTreeMap<StackName, StackDraft<'_>>,
) -> Option<Hold> {
    let name = &need.stack;
    if context.scope.invalid.contains(name) {
        let words = format!("waits for stack {name}, which has errors");
        return Some(standing(words).unblock("correct them; skep validate shows them"));
    }
    match (context.desired.stacks.get(name), drafts.get(name)) {
        (Some(stack), Some(draft)) => of_declared(context, stack, draft),
        _ => of_live(context, name),
    }
}

/// What is lacking in a stack of the same source: it must be as declared there, and healthy.
fn of_declared(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &StackDraft<'_>,
) -> Option<Hold> {
    let name = &stack.name;
    let lack = lack(context, stack, draft)?;
    let objects = lack.objects();
    if let Way::Unwritten(_) = lack.way
        && let Some(held) = draft.holds.iter().find(|hold| hold.is_standing())
    {
        let words = format!("waits for stack {name}, which is held: {}", held.reason);
        return Some(standing(words).needs(lack.object));
    }
    let words = match &lack.way {
        Way::Unwritten(_) if lack.class == HoldClass::Standing => {
            format!("waits for stack {name}: {} is held", lack.object)
        }
        Way::Unwritten(_) => format!("waits for stack {name}: {objects} first"),
        Way::Unhealthy(state) => format!("waits for stack {name}: {objects}: {state}"),
    };
    let hold = Hold { class: lack.class, ..Hold::new(HoldCode::WaitsForStack, words) };
    Some(hold.needs(lack.object))
}

/// What is lacking in a stack that is not declared here: it must be there, and healthy as it is.
fn of_live(context: &Context<'_>, name: &StackName) -> Option<Hold> {
    let mut services = context.index.services.values().filter(|live| {
        live.spec.labels.get(labels::NAMESPACE).map(String::as_str) == Some(name.as_str())
    });
    let mut services = services.by_ref().peekable();
    if services.peek().is_none() {
        let words = format!("waits for stack {name}, of which there is no service");
        let unblock = format!("apply stack {name}, or take it out of `x-skep.depends_on`");
        return Some(standing(words).unblock(unblock));
    }
    services.find_map(|live| {
        let object = ObjectKey::new(Kind::Service, &live.spec.name);
        let health = context.health.get(live.spec.name.as_str())?;
        // A rollback that Swarm completed left it as it is, and well.
        if health.verdict.is_healthy() || health.verdict == Verdict::RolledBack {
            return None;
        }
        let is_progressing = health.verdict.is_progressing();
        let class = if is_progressing { HoldClass::Waiting } else { HoldClass::Standing };
        let words = format!("waits for stack {name}: {object}: {}", health::describe(health));
        Some(Hold { class, ..Hold::new(HoldCode::WaitsForStack, words) }.needs(object))
    })
}

fn standing(words: String) -> Hold {
    Hold { class: HoldClass::Standing, ..Hold::new(HoldCode::WaitsForStack, words) }
}
