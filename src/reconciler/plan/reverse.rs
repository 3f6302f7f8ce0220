//! The reverse order of removal: who needs another one goes before it. No file tells that any more; labels do.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{After, Change, Hold, HoldClass, HoldCode, Need};
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::name::StackName;

use super::context::Context;
use super::index::Object;
use super::removal::owner;

/// What a line of the label begins with that names a stack, and not a service.
const STACK: &str = "stack ";

/// What the label of a service says that it needs, as it is written with the service; nothing if it needs nothing.
pub(super) fn label(stack: &DesiredStack, service: &DesiredService) -> Option<String> {
    let services = service.depends_on.iter().map(|need| need.service.clone());
    let stacks = stack.policy.depends_on.iter().map(|need| format!("{STACK}{}", need.stack));
    let lines: Vec<String> = services.chain(stacks).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The lines of that label on a live service.
fn lines(live: &LiveService) -> impl Iterator<Item = &str> {
    live.spec.labels.get(labels::DEPENDS_ON).into_iter().flat_map(|label| label.lines())
}

/// The stacks of which live services need `stack`, as they were when each was last written.
pub(super) fn needing(context: &Context<'_>, stack: &StackName) -> BTreeSet<StackName> {
    let needs = |live: &&&LiveService| {
        lines(live).any(|line| line.strip_prefix(STACK) == Some(stack.as_str()))
    };
    let needing = context.index.services.values().filter(needs);
    let mut stacks: BTreeSet<StackName> =
        needing.filter_map(|live| owner(context, &Object::from(*live))).collect();
    stacks.remove(stack);
    stacks
}

/// Which of some services, or of some stacks, need which others of them.
pub(super) struct Reverse<'a> {
    needs: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Reverse<'a> {
    /// The needs of `services` among themselves.
    pub(super) fn of_services(services: &[&'a LiveService]) -> Self {
        let needs = services.iter().map(|live| (live.spec.name.as_str(), lines(live).collect()));
        Self::of(&needs.collect())
    }

    /// The needs of `stacks` among themselves.
    pub(super) fn of_stacks(context: &Context<'a>, stacks: &'a BTreeSet<StackName>) -> Self {
        let mut needs: BTreeMap<&str, BTreeSet<&str>> =
            stacks.iter().map(|stack| (stack.as_str(), BTreeSet::new())).collect();
        for live in context.index.services.values() {
            let stack = owner(context, &Object::from(*live));
            if let Some(needs) = stack.and_then(|stack| needs.get_mut(stack.as_str())) {
                needs.extend(lines(live).filter_map(|line| line.strip_prefix(STACK)));
            }
        }
        Self::of(&needs)
    }

    /// Those that need each other in a circle, because they were written at different times, do not count.
    fn of(all: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Self {
        let needs = all.iter().map(|(name, needs)| {
            let known = needs.iter().copied().filter(|need| all.contains_key(need));
            (*name, known.filter(|need| !reaches(all, need, name)).collect())
        });
        Self { needs: needs.collect() }
    }

    /// All of them, those first that need others.
    pub(super) fn in_order(&self) -> Vec<&'a str> {
        let mut order: Vec<&str> = Vec::with_capacity(self.needs.len());
        let mut placed = BTreeSet::new();
        while order.len() < self.needs.len() {
            let before = order.len();
            for name in self.needs.keys().copied() {
                let is_free = self.dependents(name).all(|dependent| placed.contains(dependent));
                if is_free && placed.insert(name) {
                    order.push(name);
                }
            }
            // There are no circles; if there were one, its members would come by name.
            if order.len() == before {
                order.extend(self.needs.keys().copied().filter(|name| !placed.contains(name)));
                break;
            }
        }
        order
    }

    /// The hold on stacks while a task is stopping of one of which nothing else is left: nobody knows any more what that
    /// needed.
    pub(super) fn last_task(&self, context: &Context<'_>) -> Option<Hold> {
        let mut stopping = context.index.stopping.iter().filter(|(stack, _)| {
            let is_declared = |declared: &StackName| declared.as_str() == **stack;
            !self.needs.contains_key(**stack) && !context.desired.stacks.keys().any(is_declared)
        });
        let (stack, task) = stopping.next()?;
        let words = format!("waits until task {task} of stack {stack}, which may need it, is gone");
        Some(Hold::new(HoldCode::WaitsForTasksGone, words))
    }

    /// Those that need `name`.
    pub(super) fn dependents(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let needing = self.needs.iter().filter(move |(_, needs)| needs.contains(name));
        needing.map(|(dependent, _)| *dependent)
    }

    /// Holds the removal of a service until those that need it are gone, of which `held` stay.
    pub(super) fn wait(&self, change: &mut Change, held: &BTreeSet<String>) {
        let name = change.object.name.clone();
        for dependent in self.dependents(&name) {
            let object = ObjectKey::new(Kind::Service, dependent);
            let wait = until_gone(&object.to_string(), held.contains(dependent));
            change.after.push(After { object: object.clone(), need: Need::Removed });
            change.holds.push(wait.needs(object));
        }
    }
}

/// The hold on what `dependent` needs, which itself may be held.
pub(super) fn until_gone(dependent: &str, is_held: bool) -> Hold {
    let (class, words) = if is_held {
        (HoldClass::Standing, format!("stays as long as {dependent}, which needs it, is held"))
    } else {
        (HoldClass::Waiting, format!("waits until {dependent}, which needs it, is gone"))
    };
    Hold { class, ..Hold::new(HoldCode::WaitsForTasksGone, words) }
}

/// Whether `from` needs `to`, at first or at second hand.
pub(super) fn reaches(needs: &BTreeMap<&str, BTreeSet<&str>>, from: &str, to: &str) -> bool {
    let (mut seen, mut ahead) = (BTreeSet::new(), vec![from]);
    while let Some(name) = ahead.pop() {
        if name == to {
            return true;
        }
        let next = needs.get(name).into_iter().flatten().copied();
        ahead.extend(next.filter(|name| seen.insert(*name)));
    }
    false
}
