//! Services that go on under another name: what they were called, what goes first, and what that costs.

use crate::diff::document::{Change, Effect, Hold, HoldCode};
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::mount::Mount;
use crate::model::name::StackName;
use crate::model::service::ServiceSpec;

use super::context::Context;
use super::index::Object;
use super::network::replace_not_allowed;
use super::{guard, removal};

/// The live services of a stack of this fleet.
pub(super) fn services_of<'a>(context: &Context<'a>, stack: &StackName) -> Vec<&'a LiveService> {
    let all = context.index.services.values().copied();
    let is_owned =
        |live: &&LiveService| removal::owner(context, &Object::from(*live)).as_ref() == Some(stack);
    all.filter(is_owned).collect()
}

/// The declared stack that `stack`, which is no longer declared, goes on as, because it says that it was called so. One that
/// was there before is none: it only has kept saying so, and another stack of that name has come and gone.
pub(super) fn successor<'a>(context: &Context<'a>, stack: &StackName) -> Option<&'a DesiredStack> {
    let mut declared = context.desired.stacks.values();
    let successor =
        declared.find(|declared| declared.policy.previous_name.as_ref() == Some(stack))?;
    let is_older = |live: &&LiveService| {
        let namesake = namesake(successor, stack, live);
        namesake.is_some_and(|namesake| !is_later(context, live, namesake))
    };
    (!services_of(context, stack).iter().any(is_older)).then_some(successor)
}

/// The service of `successor` that `live`, of `stack`, goes on as.
pub(super) fn namesake<'a>(
    successor: &'a DesiredStack,
    stack: &StackName,
    live: &LiveService,
) -> Option<&'a DesiredService> {
    let key = live.spec.name.strip_prefix(stack.as_str())?.strip_prefix('_')?;
    successor.services.iter().find(|service| service.key == key)
}

/// Whether a declared service is not there yet, or was made after `live`. One that was there before is not what that goes on
/// as.
pub(super) fn is_later(context: &Context<'_>, live: &LiveService, heir: &DesiredService) -> bool {
    let there = context.index.services.get(heir.spec.name.as_str());
    there.is_none_or(|there| there.created >= live.created)
}

/// The live service that goes on as `service`, because that or its stack says so. One that is still declared goes on as
/// itself, and so do those of a stack that is there.
pub(super) fn predecessor<'a>(
    context: &Context<'a>,
    stack: &DesiredStack,
    service: &DesiredService,
) -> Option<&'a LiveService> {
    let of_stack = || {
        let previous = stack.policy.previous_name.as_ref()?;
        Some(format!("{previous}_{}", service.key))
    };
    let name = service.previous_name.clone().or_else(of_stack)?;
    if context.declared(&name).is_some() {
        return None;
    }
    let live = context.index.services.get(name.as_str()).copied()?;
    let owner = removal::owner(context, &Object::from(live))?;
    (owner == stack.name || goes_on_as(context, &owner, stack, live)).then_some(live)
}

/// Whether the stack `previous`, of which `live` is, goes on as `stack`, which says that it was called so.
fn goes_on_as(
    context: &Context<'_>,
    previous: &StackName,
    stack: &DesiredStack,
    live: &LiveService,
) -> bool {
    if context.scope.whole {
        return removal::is_undeclared(context, previous)
            && successor(context, previous).is_some_and(|heir| heir.name == stack.name);
    }
    // A part of a source does not tell whether it is declared elsewhere. It is another one of that name if it came later.
    !context.scope.elsewhere.stacks.contains(previous)
        && services_of(context, &stack.name).iter().all(|own| own.created >= live.created)
}

/// The hold on a service whose port its predecessor has, which then must go before there is another one.
pub(super) fn port_of_predecessor(
    stack: &DesiredStack,
    live: &LiveService,
    port: &str,
) -> Option<Hold> {
    let stays = stack.policy.protect
        || guard::is_protected(&live.spec.labels)
        || live.spec.labels.contains_key(labels::ROLE);
    let before = ObjectKey::new(Kind::Service, &live.spec.name);
    (!stays).then(|| {
        let reason = format!("waits until {before} is gone, which publishes {port}");
        Hold::new(HoldCode::WaitsForObject, reason).needs(before)
    })
}

/// Says in `change` that it is the successor of `live`, and what that costs.
pub(super) fn describe(
    context: &Context<'_>,
    live: &LiveService,
    spec: &ServiceSpec,
    change: &mut Change,
) {
    let name = &live.spec.name;
    let before = ObjectKey::new(Kind::Service, name);
    let goes_first = change
        .holds
        .iter()
        .any(|hold| hold.code == HoldCode::WaitsForObject && hold.needs.as_ref() == Some(&before));
    if goes_first {
        change.effect = Effect::Downtime { tasks: live.counts.running };
        change.notes.push(format!("was {name}, which goes first"));
    } else {
        change.notes.push(format!("was {name}, which goes when this one is healthy"));
    }
    let old = volumes(&live.spec);
    for volume in volumes(spec) {
        let at_its_place = old.iter().find(|mount| mount.target == volume.target);
        if let Some(before) = at_its_place.filter(|before| before.source != volume.source) {
            change.notes.push(format!(
                "volume {} is another one than {}, in which the data stays",
                volume.source, before.source
            ));
        } else if !goes_first && !volume.read_only && at_its_place.is_some() {
            change.notes.push(format!("until then both write to volume {}", volume.source));
        }
    }
    if !context.policy.allow_replace {
        let reason = format!(
            "a service cannot be renamed, only made again: {name} becomes {}",
            change.object
        );
        change.holds.push(replace_not_allowed(context, &reason));
    }
}

fn volumes(spec: &ServiceSpec) -> Vec<&Mount> {
    let mounts = spec.task_template.container_spec.iter().flat_map(|container| &container.mounts);
    mounts.filter(|mount| mount.r#type == "volume" && !mount.source.is_empty()).collect()
}
