//! The removal of a stack that a person has named: all of it goes, or nothing does.

use crate::diff::document::{Hold, HoldCode, Retained};
use crate::model::finding::Finding;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::name::StackName;

use super::super::ownership::owning_stack;
use super::super::policy::RemoveStack;
use super::context::Context;
use super::draft::StackDraft;
use super::guard::is_lifted;
use super::index::Object;
use super::reverse::needing;
use super::{removal, volume};

/// Plans the removal of everything of the stack that `asked` names.
pub(super) fn plan<'a>(context: &Context<'a>, asked: &RemoveStack) -> StackDraft<'a> {
    let RemoveStack { stack, declared_in } = asked;
    let mut draft = StackDraft::new(stack.clone(), declared_in.clone(), 0, context.learned);
    removal::plan_requested(context, stack, &mut draft);
    lift_holds(&mut draft);
    volume::tell(context, &mut draft);
    let whose = Whose::of(context, stack);
    match whose.refusal(context, stack) {
        Some(hold) => {
            draft.retained.clear();
            draft.holds.push(hold);
        }
        None if draft.entries.is_empty() => draft.holds.extend(last_task(context, stack)),
        None => {
            draft.holds.extend(still_declared(context, asked));
            draft.holds.extend(in_use(context, stack, &draft));
            whose.tell(context, stack);
        }
    }
    draft
}

/// What may not go holds the whole stack: half of one is of no use to anybody.
fn lift_holds(draft: &mut StackDraft<'_>) {
    for entry in &mut draft.entries {
        for hold in std::mem::take(&mut entry.change.holds) {
            match hold.code {
                HoldCode::Protected | HoldCode::SelfProtection => draft.holds.push(hold),
                // That the other one is held was said of that one.
                HoldCode::WaitsForTasksGone if hold.is_standing() => {}
                _ => entry.change.holds.push(hold),
            }
        }
    }
}

/// Why a stack without services is not gone yet. A network that waits for the same tasks says so itself.
fn last_task(context: &Context<'_>, stack: &StackName) -> Option<Hold> {
    let task = context.index.unlisted.get(stack.as_str())?;
    let words = format!("waits until task {task}, the last of stack {stack}, is gone");
    Some(Hold::new(HoldCode::WaitsForTasksGone, words))
}

fn still_declared(context: &Context<'_>, asked: &RemoveStack) -> Option<Hold> {
    let RemoveStack { stack, declared_in } = asked;
    let file = declared_in.as_ref()?;
    if is_lifted(context, HoldCode::GuardStillDeclared, stack) {
        return None;
    }
    let words =
        format!("{file} still declares stack {stack}, and the next apply would make it again");
    Some(guard(context, HoldCode::GuardStillDeclared, words, stack))
}

/// One hold for each stack that needs this one, and for each object that others use.
fn in_use(context: &Context<'_>, stack: &StackName, draft: &StackDraft<'_>) -> Vec<Hold> {
    if draft.is_held() || is_lifted(context, HoldCode::GuardInUse, stack) {
        return Vec::new();
    }
    let hold = |kept: &Retained| {
        let words = format!("{} has users outside of the stack: {}", kept.object, kept.reason);
        guard(context, HoldCode::GuardInUse, words, stack).needs(kept.object.clone())
    };
    let needing = needing(context, stack).into_iter().map(|other| {
        let words = format!("stack {other} needs stack {stack} (`x-skep.depends_on`)");
        guard(context, HoldCode::GuardInUse, words, stack)
    });
    needing.chain(draft.retained.iter().map(hold)).collect()
}

fn guard(context: &Context<'_>, code: HoldCode, words: String, stack: &StackName) -> Hold {
    Hold::new(code, words).unblock(format!("{} --unblock {code}:{stack}", context.view.command))
}

/// Whose the objects are that carry the name of a stack.
#[derive(Default)]
struct Whose<'a> {
    /// Whether one of them is ours.
    is_ours: bool,
    /// Those that no fleet owns. A network cannot be labelled when it is taken over, so it is none of them.
    unowned: Vec<ObjectKey>,
    /// Those of other fleets.
    foreign: Vec<(ObjectKey, &'a str)>,
}

impl<'a> Whose<'a> {
    fn of(context: &Context<'a>, stack: &StackName) -> Self {
        let kinds = [Kind::Service, Kind::Network, Kind::Config, Kind::Secret];
        let mut whose = Self::default();
        for object in kinds.into_iter().flat_map(|kind| context.index.objects(kind)) {
            whose.add(&object, context, stack);
        }
        whose
    }

    fn add(&mut self, object: &Object<'a>, context: &Context<'_>, stack: &StackName) {
        let (key, fleet) = (object.key(), &context.scope.fleet);
        if owning_stack(&key, object.labels, fleet).as_ref() == Some(stack) {
            self.is_ours = true;
        } else if object.label(labels::NAMESPACE) == Some(stack.as_str()) {
            match object.label(labels::FLEET) {
                Some(other) if other != fleet.as_str() => self.foreign.push((key, other)),
                _ if key.kind == Kind::Network => {}
                _ => self.unowned.push(key),
            }
        }
    }

    /// Why a stack of which nothing is ours is not removed. What a run leaves of one that was ours is nobody's concern.
    fn refusal(&self, context: &Context<'_>, stack: &StackName) -> Option<Hold> {
        if self.is_ours || context.learned.has_written {
            return None;
        }
        if let Some((object, fleet)) = self.foreign.first() {
            let words = format!("stack {stack} belongs to fleet \"{fleet}\"");
            let hold = Hold::new(HoldCode::ForeignObject, words).needs(object.clone());
            return Some(hold.unblock(format!("name that fleet with --fleet {fleet}")));
        }
        let object = self.unowned.first()?;
        let words = format!("stack {stack} is not skep's: docker stack deploy made it");
        let hold = Hold::new(HoldCode::NotAdopted, words).needs(object.clone());
        Some(hold.unblock(format!(
            "{} stack rm {stack}; or let skep take it over first: skep apply with its stack file",
            context.view.docker
        )))
    }

    /// Says what stays of a stack that goes.
    fn tell(&self, context: &Context<'_>, stack: &StackName) {
        for key in self.unowned.iter().chain(self.foreign.iter().map(|(key, _)| key)) {
            let message = format!(
                "{key} carries the name of stack {stack} and is not of this fleet: it stays"
            );
            context.find(Finding::warning("not-of-skep", None, message));
        }
    }
}
