//! Guards: removals that are refused because they are more likely a mistake than a wish.

use std::collections::BTreeSet;

use crate::diff::document::{Hold, HoldCode};
use crate::model::desired::DesiredStack;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::{self, Labels};
use crate::model::name::{SourceName, StackName};

use super::super::ownership::owning_stack;
use super::context::Context;

/// How many services must go before "most of the stack" means something.
const MOST_AT_LEAST: usize = 3;

/// Refuses to remove most services of a stack that is still declared.
pub(super) fn most_services(
    context: &Context<'_>,
    stack: &StackName,
    owned: usize,
    surplus: usize,
) -> Option<Hold> {
    let most = surplus >= MOST_AT_LEAST && surplus * 2 > owned;
    let hold = || {
        guard(
            context,
            HoldCode::GuardMostServices,
            format!("{surplus} of the {owned} services of stack {stack} would go"),
            stack,
        )
    };
    (most && !is_lifted(context, HoldCode::GuardMostServices, stack)).then(hold)
}

/// Refuses to empty the fleet because a source is empty.
pub(super) fn no_stacks(context: &Context<'_>, vanished: &BTreeSet<StackName>) -> Option<Hold> {
    let empty = context.desired.stacks.is_empty() && context.scope.invalid.is_empty();
    if !empty || vanished.is_empty() || lifted_for_all(context, HoldCode::GuardNoStacks) {
        return None;
    }
    let count = vanished.len();
    let stacks = if count == 1 { "stack" } else { "stacks" };
    let hold = Hold::new(
        HoldCode::GuardNoStacks,
        format!("the source declares no stacks at all, and {count} {stacks} would go"),
    );
    let command = &context.view.command;
    // Each of the stacks has a guard of its own, which is lifted along with this one.
    Some(
        hold.unblock(format!(
            "{command} --prune --prune-stacks --unblock {}",
            HoldCode::GuardNoStacks
        )),
    )
}

/// Refuses to remove a whole stack without its own consent, the more so when it looks renamed.
pub(super) fn whole_stack(context: &Context<'_>, stack: &StackName) -> Option<Hold> {
    if successor(context, stack).is_some() {
        return None;
    }
    if let Some(renamed) = looks_renamed(context, stack) {
        if is_lifted(context, HoldCode::GuardRenamed, stack) {
            return None;
        }
        return Some(
            Hold::new(
                HoldCode::GuardRenamed,
                format!(
                    "stack {stack} would go while the new stack {renamed} has the same services"
                ),
            )
            .unblock(format!(
                "if it was renamed, set `x-skep: {{previous_name: {stack}}}` in {renamed}; if not: \
                 {} --prune --unblock {}:{stack}",
                context.view.command,
                HoldCode::GuardRenamed
            )),
        );
    }
    if context.policy.prune_stacks || is_lifted(context, HoldCode::GuardWholeStack, stack) {
        return None;
    }
    Some(guard(
        context,
        HoldCode::GuardWholeStack,
        format!("the whole stack {stack} would go"),
        stack,
    ))
}

/// Refuses to remove a stack that may have moved to a source that was not read yet.
pub(super) fn source_unread(context: &Context<'_>, stack: &StackName) -> Option<Hold> {
    let unread: Vec<&str> = context.scope.elsewhere.unread.iter().map(SourceName::as_str).collect();
    let sources = if unread.len() == 1 { "source" } else { "sources" };
    let hold = || {
        let reason = format!(
            "stack {stack} may have moved to {sources} {}, not read since it left this one",
            unread.join(", ")
        );
        Hold::new(HoldCode::SourceUnread, reason)
            .unblock("it ends once that is read; what never can be is to leave the settings")
    };
    (!unread.is_empty()).then(hold)
}

/// The declared stack that says it was called `stack` before.
pub(super) fn successor<'a>(
    context: &'a Context<'_>,
    stack: &StackName,
) -> Option<&'a DesiredStack> {
    let mut declared = context.desired.stacks.values();
    declared.find(|declared| declared.policy.previous_name.as_ref() == Some(stack))
}

/// A declared stack without live services that has the services of `stack` and does not say that it was renamed.
fn looks_renamed<'a>(context: &'a Context<'_>, stack: &StackName) -> Option<&'a StackName> {
    let keys = |name: &StackName| -> BTreeSet<String> {
        let prefix = format!("{name}_");
        let owned = context.index.services.values().filter(|live| {
            let key = ObjectKey::new(Kind::Service, &live.spec.name);
            owning_stack(&key, &live.spec.labels, &context.scope.fleet).as_ref() == Some(name)
        });
        owned.filter_map(|live| live.spec.name.strip_prefix(&prefix).map(str::to_owned)).collect()
    };
    let gone = keys(stack);
    let declared = context.desired.stacks.values().find(|declared| {
        let services: BTreeSet<String> =
            declared.services.iter().map(|service| service.key.clone()).collect();
        !gone.is_empty() && services == gone && keys(&declared.name).is_empty()
    });
    declared.map(|declared| &declared.name)
}

/// Refuses to remove skep itself or its proxy.
pub(super) fn own_infrastructure(context: &Context<'_>, key: &ObjectKey, role: &str) -> Hold {
    Hold::new(HoldCode::SelfProtection, format!("{key} is skep's own {role}"))
        .unblock(format!("{} service rm {}", context.view.docker, key.name))
}

/// The hold on a service that was protected when it was declared for the last time: no file can take that back.
pub(super) fn labelled(context: &Context<'_>, service: &ObjectKey) -> Hold {
    let (docker, name) = (&context.view.docker, &service.name);
    Hold::new(HoldCode::Protected, format!("{service} has been protected until now"))
        .unblock(format!("{docker} service update --label-rm {} {name}", labels::PROTECT))
}

/// Whether an object carries the mark of `x-skep.protect`.
pub(super) fn is_protected(labels: &Labels) -> bool {
    labels.get(labels::PROTECT).is_some_and(|value| value == "true")
}

fn guard(context: &Context<'_>, code: HoldCode, reason: String, stack: &StackName) -> Hold {
    let command = &context.view.command;
    Hold::new(code, reason).unblock(format!("{command} --prune --unblock {code}:{stack}"))
}

/// Whether the user has lifted a guard for `stack`.
pub(super) fn is_lifted(context: &Context<'_>, code: HoldCode, stack: &StackName) -> bool {
    context.policy.unblocked.iter().any(|unblock| {
        unblock.guard == code.as_str() && unblock.stack.as_ref().is_none_or(|name| name == stack)
    })
}

fn lifted_for_all(context: &Context<'_>, code: HoldCode) -> bool {
    context.policy.unblocked.iter().any(|unblock| unblock.guard == code.as_str())
}
