//! Guards: removals that are refused because they are more likely a mistake than a wish.

use std::collections::BTreeSet;

use crate::diff::document::{Hold, HoldCode};
use crate::model::desired::DesiredStack;
use crate::model::key::ObjectKey;
use crate::model::labels::{self, Labels};
use crate::model::live::LiveService;
use crate::model::name::{SourceName, StackName};

use super::context::Context;
use super::{beside, rename};

/// How many services must go before "most of the stack" means something.
const MOST_AT_LEAST: usize = 3;

/// Refuses to remove most services of a stack that is still declared: those of its `owned` ones that are `dropped`.
///
/// What was made beside them is none of those that stay, so that a pass that makes the stack anew under other names does not
/// lift the guard for the next one.
pub(super) fn most_services(
    context: &Context<'_>,
    stack: &StackName,
    owned: &[&LiveService],
    dropped: &[&LiveService],
) -> Option<Hold> {
    let names = names(dropped);
    let remain = owned.iter().filter(|live| !names.contains(live.spec.name.as_str()));
    let (new, old): (Vec<&LiveService>, Vec<&LiveService>) =
        remain.copied().partition(|live| beside::is_made_beside(context, live, &names));
    let most = dropped.len() >= MOST_AT_LEAST && dropped.len() > old.len();
    if !most || is_lifted(context, HoldCode::GuardMostServices, stack) {
        return None;
    }
    let (gone, all) = (dropped.len(), dropped.len() + old.len());
    let since = match new.len() {
        0 => String::new(),
        new => format!(", not counting {new} made since"),
    };
    let reason = format!("{gone} of the {all} services of stack {stack} would go{since}");
    Some(guard(context, HoldCode::GuardMostServices, reason, stack))
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
    if rename::successor(context, stack).is_some() {
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
    if may_go(context, stack) {
        return None;
    }
    Some(guard(
        context,
        HoldCode::GuardWholeStack,
        format!("the whole stack {stack} would go"),
        stack,
    ))
}

/// Refuses to remove a service of a stack that goes on under another name, where that has no such service.
pub(super) fn left_behind(context: &Context<'_>, stack: &StackName) -> Option<Hold> {
    let successor = rename::successor(context, stack)?;
    let reason =
        || format!("stack {}, which {stack} goes on as, has no such service", successor.name);
    (!may_go(context, stack)).then(|| guard(context, HoldCode::GuardWholeStack, reason(), stack))
}

/// Whether the user consents to the removal of a whole stack.
fn may_go(context: &Context<'_>, stack: &StackName) -> bool {
    context.policy.prune_stacks || is_lifted(context, HoldCode::GuardWholeStack, stack)
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

/// The services of `stack`, which has vanished, if they are kept because it looks renamed to `declared`.
pub(super) fn kept_as_renamed<'a>(
    context: &Context<'a>,
    stack: &StackName,
    declared: &StackName,
) -> Vec<&'a LiveService> {
    let is_kept = rename::successor(context, stack).is_none()
        && looks_renamed(context, stack) == Some(declared)
        && !is_lifted(context, HoldCode::GuardRenamed, stack);
    if is_kept { rename::services_of(context, stack) } else { Vec::new() }
}

/// A declared stack that has the services of `stack` and does not say that it was renamed. It is new: what is live of it was
/// made beside them.
fn looks_renamed<'a>(context: &Context<'a>, stack: &StackName) -> Option<&'a StackName> {
    let gone = rename::services_of(context, stack);
    let prefix = format!("{stack}_");
    let keys: BTreeSet<&str> =
        gone.iter().filter_map(|live| live.spec.name.strip_prefix(&prefix)).collect();
    let names = names(&gone);
    let is_new = |declared: &DesiredStack| {
        let live = rename::services_of(context, &declared.name);
        live.iter().all(|live| beside::is_made_beside(context, live, &names))
    };
    let declared = context.desired.stacks.values().find(|declared| {
        let services: BTreeSet<&str> =
            declared.services.iter().map(|service| service.key.as_str()).collect();
        !keys.is_empty() && services == keys && is_new(declared)
    });
    declared.map(|declared| &declared.name)
}

fn names<'a>(services: &[&'a LiveService]) -> BTreeSet<&'a str> {
    services.iter().map(|live| live.spec.name.as_str()).collect()
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
