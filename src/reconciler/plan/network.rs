//! Networks: made where they are missing, used where they fit, replaced only on request.
//!
//! The Engine has no update for networks, and their labels cannot be changed either.

use crate::diff;
use crate::diff::document::{Action, After, Cause, Change, Effect, Hold, HoldCode, Need};
use crate::model::desired::{DesiredObject, DesiredStack};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::Live;
use crate::model::network::NetworkSpec;
use crate::swarm::{floors, normal};

use super::super::ownership::owner;
use super::super::step::Write;
use super::context::Context;
use super::draft::StackDraft;
use super::{adoption, memory, recreation};

/// Plans the networks of `stack`.
pub(super) fn plan_networks(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &mut StackDraft<'_>,
) {
    for network in &stack.networks {
        let key = ObjectKey::new(Kind::Network, &network.spec.name);
        match context.index.networks.get(key.name.as_str()) {
            None => {
                let causes = memory::causes_of_loss(context, stack, &key);
                let mut change = Change::new(key.clone(), Action::Create, Effect::None, causes);
                change.place = Some(network.place.clone());
                draft.pending.insert(key);
                draft.push(change, Some(Write::CreateNetwork(network.spec.clone())));
            }
            Some(live) => plan_existing(context, stack, network, live, key, draft),
        }
    }
}

fn plan_existing(
    context: &Context<'_>,
    stack: &DesiredStack,
    desired: &DesiredObject<NetworkSpec>,
    live: &Live<NetworkSpec>,
    key: ObjectKey,
    draft: &mut StackDraft<'_>,
) {
    let owner = owner(&key, &live.spec.labels, &stack.name, &context.scope.fleet);
    if let Some(hold) = adoption::hold(context, &key, &owner) {
        let mut change =
            Change::new(key.clone(), Action::Adopt, Effect::None, vec![Cause::Ownership]);
        change.place = Some(desired.place.clone());
        change.holds.push(hold.clone());
        draft.blocked.insert(key, hold);
        draft.push(change, None);
        return;
    }
    let mut wanted = normal::network_asked(&desired.spec);
    floors::strip_network(&mut wanted, context.observed.engine.api);
    let live_spec = normal::network_as_asked(&live.spec, &desired.spec);
    let differences = diff::network(&wanted, &live_spec);
    if differences.is_empty() {
        draft.unchanged += 1;
        return;
    }
    let users = context.index.users(&key);
    let tasks = users
        .current
        .iter()
        .filter_map(|name| context.index.services.get(name))
        .map(|service| service.counts.running)
        .sum();
    let mut change =
        Change::new(key.clone(), Action::Replace, Effect::Downtime { tasks }, vec![Cause::Git]);
    change.place = Some(desired.place.clone());
    change.fields = context.show_fields(&differences.fields, &desired.origins, None);
    let not_now = if stack.policy.protect {
        Some(protected(&key))
    } else if !context.policy.allow_replace {
        let reason = format!("{key} cannot be changed, only made again");
        Some(replace_not_allowed(context, &reason))
    } else if let Some(hold) = context.kept.networks.get(&key.name) {
        Some(hold.clone())
    } else {
        let by_hand = users.by_hand.then_some("a container that was attached by hand uses it");
        let words = context.learned.networks_in_use.get(&key.name).map(String::as_str);
        words.or(by_hand).map(|words| recreation::in_use(context, &key, words))
    };
    let write = not_now.is_none().then(|| Write::Remove { id: live.id.clone() });
    if let Some(hold) = not_now {
        change.holds.push(hold);
    } else {
        change.holds.extend(recreation::wait_for_users(context, &key));
        if !change.holds.is_empty() {
            change.after.push(After { object: key.clone(), need: Need::Unused });
            change.notes.push("its services stop, and start again once it is back".to_owned());
        }
    }
    draft.push(change, write);
    let is_standing = draft.entries.last().is_none_or(|entry| entry.change.is_standing());
    if !is_standing && !draft.is_held() {
        draft.replaced_networks.insert(key.name);
    }
}

/// The hold on what `x-skep.protect` keeps.
pub(super) fn protected(key: &ObjectKey) -> Hold {
    Hold::new(HoldCode::Protected, format!("{key} is protected"))
        .unblock("remove `x-skep.protect` from the stack, apply, then do it")
}

/// The hold on a change that costs downtime.
pub(super) fn replace_not_allowed(context: &Context<'_>, reason: &str) -> Hold {
    Hold::new(HoldCode::ReplaceNotAllowed, reason)
        .unblock(format!("{} --allow-replace", context.view.command))
}
