//! What is made while a guard keeps services from being removed: it names them, so that the next pass, which finds it live,
//! judges the removal as this one did.

use std::collections::BTreeSet;

use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::name::StackName;

use super::super::ownership::{Owner, owner};
use super::context::Context;
use super::{guard, removal};

/// The services that guards keep while `stack` is made: its own, and those of a stack among the `vanished` that looks like it.
pub(super) fn kept(
    context: &Context<'_>,
    stack: &DesiredStack,
    vanished: &BTreeSet<StackName>,
) -> Vec<String> {
    let is_new =
        |service: &DesiredService| its_own(context, &stack.name, &service.spec.name).is_none();
    if !stack.services.iter().any(is_new) {
        return Vec::new();
    }
    let renamed =
        vanished.iter().flat_map(|gone| guard::kept_as_renamed(context, gone, &stack.name));
    let mut kept: Vec<String> = renamed.map(|live| live.spec.name.clone()).collect();
    kept.extend(removal::kept_as_most(context, stack));
    kept
}

/// What the label of the service `name` of `stack` says, as it is written with the service; nothing if it stands beside none.
/// What is made or taken over now is new beside those that are `kept`. Of one that the stack has, it stays as it is, without
/// those that are gone or declared again.
pub(super) fn label(
    context: &Context<'_>,
    stack: &StackName,
    name: &str,
    kept: &[String],
) -> Option<String> {
    let names: Vec<&str> = match its_own(context, stack, name) {
        Some(live) => lines(live)
            .filter(|name| {
                context.index.services.contains_key(name) && context.declared(name).is_none()
            })
            .collect(),
        None => kept.iter().map(String::as_str).collect(),
    };
    (!names.is_empty()).then(|| names.join("\n"))
}

/// The live service `name`, if it is of `stack` already.
fn its_own<'a>(context: &Context<'a>, stack: &StackName, name: &str) -> Option<&'a LiveService> {
    let live = context.index.services.get(name).copied()?;
    let key = ObjectKey::new(Kind::Service, name);
    let owner = owner(&key, &live.spec.labels, stack, &context.scope.fleet);
    (owner == Owner::Ours).then_some(live)
}

/// Whether `live` was made while one of the services with these names was kept. One that was made anew since has only the name
/// of that.
pub(super) fn is_made_beside(
    context: &Context<'_>,
    live: &LiveService,
    names: &BTreeSet<&str>,
) -> bool {
    let is_older = |name: &str| {
        context.index.services.get(name).is_some_and(|other| other.created <= live.created)
    };
    lines(live).any(|name| names.contains(name) && is_older(name))
}

fn lines(live: &LiveService) -> impl Iterator<Item = &str> {
    live.spec.labels.get(labels::BESIDE).into_iter().flat_map(|label| label.lines())
}
