//! The plan: what a pass would write, what it would not write and why. Pure.
//!
//! A plan is made anew in every pass, from what is declared and what is observed. Nothing is waited for inside a
//! pass: what is not ready yet is a hold, and a later pass sees that it is gone.

mod adoption;
mod beside;
mod between;
mod blame;
mod cause;
mod context;
mod draft;
mod effect;
mod exchange;
mod fleet_record;
mod gate;
mod guard;
mod image;
mod index;
mod inputs;
mod kept;
mod login;
mod memory;
mod network;
mod preflight;
mod publish;
mod readiness;
mod recreation;
mod release;
mod removal;
mod rename;
mod requested;
mod reverse;
mod route;
mod service;
mod shortfall;
mod store;
mod supersede;
#[cfg(test)]
mod tests;
mod update;
mod users;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Hold, HoldCode};
use crate::model::finding::Finding;
use crate::model::key::ObjectKey;
use crate::model::name::StackName;

use super::placement::constraint;
use super::record;
use context::Context;
use draft::StackDraft;
use kept::Kept;
use reverse::Reverse;
use route::Routes;

pub use image::{Answer, Images, Logins, refusal, unresolved};
pub use inputs::{Inputs, Learned, View};
pub use publish::Plan;
pub(super) use release::{comparable, essence, is_as_applied, target};
pub use shortfall::Shortfall;
pub use volume::{LeftVolume, left_volumes};

/// Makes the plan.
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let record = record::find(&inputs.observed.configs, &inputs.scope.fleet);
    let desired = route::attached(inputs.desired, inputs.rules, inputs.observed);
    let inputs = &Inputs { desired: &desired, ..*inputs };
    let routes = Routes::new(inputs, record.as_ref());
    let mut kept = Kept::default();
    loop {
        let context = Context::new(inputs, record.as_ref(), &kept, &routes);
        let (drafts, hold) = draft(&context);
        let stuck = Kept::of(&context, &drafts);
        if stuck.is_empty() {
            return publish::publish(context, drafts, hold);
        }
        // What was drafted relies on networks and ports that stay after all.
        drop((context, drafts));
        kept.extend(stuck);
    }
}

/// What is to be done in each stack, and what holds all of it.
fn draft<'a>(context: &Context<'a>) -> (Vec<StackDraft<'a>>, Option<Hold>) {
    for (registry, reason) in &context.images.logins.broken {
        let message = format!("the credentials for {registry} cannot be had: {reason}");
        let hint = "services go on with those that Swarm has; images that need none can be used";
        context.find(Finding::warning("registry-login", None, message).hint(hint));
    }
    let mut drafts: BTreeMap<StackName, StackDraft<'_>> = BTreeMap::new();
    for stack in context.desired.stacks.values() {
        let file = Some(stack.file.to_string());
        let mut draft =
            StackDraft::new(stack.name.clone(), file, stack.services.len(), context.learned);
        if stack.policy.paused {
            draft.holds.push(
                Hold::new(HoldCode::Paused, format!("stack {} is paused", stack.name))
                    .unblock("remove `x-skep.paused` from the stack"),
            );
        }
        network::plan_networks(context, stack, &mut draft);
        for config in &stack.configs {
            store::plan_config(context, stack, config, &mut draft);
        }
        for secret in &stack.secrets {
            store::plan_secret(context, stack, secret, &mut draft);
        }
        drafts.insert(stack.name.clone(), draft);
    }
    // A service may refer to an object of another stack: a config or secret, wherever that lives, or a network.
    let renamed: BTreeMap<ObjectKey, String> =
        drafts.values().flat_map(|draft| draft.renamed.clone()).collect();
    let vanished = removal::vanished(context);
    let away: BTreeSet<String> =
        drafts.values().flat_map(|draft| draft.replaced_networks.clone()).collect();
    for stack in between::in_order(&context.desired.stacks) {
        let waits = between::holds(context, stack, &drafts);
        let Some(draft) = drafts.get_mut(&stack.name) else { continue };
        draft.waits = waits;
        draft.renamed.clone_from(&renamed);
        draft.away.clone_from(&away);
        service::plan_services(context, stack, &beside::kept(context, stack, &vanished), draft);
        route::plan_routes(context, stack, draft);
        removal::plan_stack(context, stack, draft);
    }
    let mut drafts: Vec<StackDraft<'_>> = drafts.into_values().collect();
    let invalid = context.scope.invalid.iter();
    drafts.extend(invalid.map(|name| invalid_stack(name, context.learned)));
    if let Some(asked) = &context.policy.remove {
        drafts.push(requested::plan(context, asked));
    }
    let reverse = Reverse::of_stacks(context, &vanished);
    for name in reverse.in_order() {
        let Some(name) = vanished.iter().find(|stack| stack.as_str() == name) else { continue };
        let mut draft = StackDraft::new(name.clone(), None, 0, context.learned);
        draft.away.clone_from(&away);
        draft.holds.extend(guard::source_unread(context, name));
        draft.holds.extend(guard::whole_stack(context, name));
        removal::plan_vanished(context, name, &reverse, &drafts, &mut draft);
        if !draft.entries.is_empty() {
            drafts.push(draft);
        }
    }
    route::settle_waits(context, &mut drafts);
    drafts.sort_by(|a, b| a.name.cmp(&b.name));
    let hold = guard::no_stacks(context, &vanished);
    (drafts, hold)
}

fn invalid_stack<'a>(name: &StackName, learned: &'a Learned) -> StackDraft<'a> {
    let mut draft = StackDraft::new(name.clone(), None, 0, learned);
    draft.holds.push(
        Hold::new(
            HoldCode::InvalidStack,
            format!("stack {name} has errors; its last good state stays"),
        )
        .unblock("correct them; skep validate shows them"),
    );
    draft
}
