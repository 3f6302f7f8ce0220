//! Who still needs an object that is to be removed, and waiting until nobody does.

use std::collections::BTreeSet;

use crate::diff::document::{After, Change, Hold, HoldCode, Need};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::LiveService;
use crate::model::name::StackName;

use super::context::Context;
use super::draft::StackDraft;
use super::index;

/// Who needs an object once everything else of the plan is done, and the services in `going` are gone. Tasks of services
/// that end are waited for only if the services are ours.
pub(super) fn user(
    context: &Context<'_>,
    object: &ObjectKey,
    going: &BTreeSet<String>,
    draft: &StackDraft<'_>,
    is_ours: impl Fn(&LiveService) -> bool,
) -> Option<String> {
    let users = context.index.users(object);
    if let Some(name) = users.current.iter().find(|name| !going.contains(**name)) {
        // After its update the service could still roll back to it.
        let verb = if leaves(context, name, object) { "can roll back to it" } else { "uses it" };
        return Some(format!("service {name} {verb}"));
    }
    if users.by_hand {
        return Some("a container that was attached by hand uses it".to_owned());
    }
    let written: BTreeSet<&str> =
        draft.entries.iter().map(|entry| entry.change.object.name.as_str()).collect();
    let previous =
        users.previous.iter().find(|name| !going.contains(**name) && !written.contains(**name));
    if let Some(name) = previous {
        return Some(format!("service {name} can roll back to it"));
    }
    let is_other =
        |name: &&&str| context.index.services.get(**name).is_some_and(|live| !is_ours(live));
    let task = users.tasks.iter().find(is_other);
    task.map(|name| format!("a task of service {name} uses it"))
}

/// Whether a service that stays for now is declared without `object`, so that it will leave it.
fn leaves(context: &Context<'_>, service: &str, object: &ObjectKey) -> bool {
    context
        .declared(service)
        .is_some_and(|declared| !index::references(&declared.spec.task_template).0.contains(object))
}

/// Holds the removal of a service of `stack` while tasks of services that went before it are still stopping.
pub(super) fn wait_for_stopping(context: &Context<'_>, stack: &StackName, change: &mut Change) {
    if let (true, Some(task)) =
        (change.holds.is_empty(), context.index.stopping.get(stack.as_str()))
    {
        let words = format!("waits until task {task} of a service that went before it is gone");
        change.holds.push(Hold::new(HoldCode::WaitsForTasksGone, words));
    }
}

/// Holds the removal of an object until nothing uses it any more.
pub(super) fn wait_for_users(context: &Context<'_>, object: &ObjectKey, change: &mut Change) {
    let users = context.index.users(object);
    let unused = After { object: object.clone(), need: Need::Unused };
    let hold = |words: String| Hold::new(HoldCode::WaitsForTasksGone, words);
    if let Some(name) = users.current.iter().chain(&users.previous).next() {
        let user = ObjectKey::new(Kind::Service, *name);
        change.after.push(unused);
        change.holds.push(hold(format!("waits until {user} no longer needs it")).needs(user));
    } else if let Some(service) = users.tasks.iter().next() {
        change.after.push(unused);
        let words = format!("waits until the last task of {service} that uses it is gone");
        change.holds.push(hold(words));
    } else if let Some(task) = context.index.stray {
        change.holds.push(hold(format!(
            "waits until the list of services shows whose task {task} is: it could be a service that uses this"
        )));
    }
}
