//! The totals of a plan.

use schemars::JsonSchema;
use serde::Serialize;

use super::StackSection;
use super::change::{Action, Change, Effect};
use super::hold::Hold;
use crate::model::key::Kind;

/// Totals over a plan. A change that needs a person first counts as `held` and nowhere else; one that only waits
/// counts under its action and as `waiting`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Stacks in the plan.
    pub stacks: usize,
    /// Services that they declare.
    pub services: usize,
    /// Objects that are made.
    pub create: usize,
    /// Services whose tasks are replaced step by step.
    pub roll: usize,
    /// The tasks of those.
    pub roll_tasks: u64,
    /// Jobs that run again.
    pub rerun: usize,
    /// Objects that are written while all tasks stay.
    pub in_place: usize,
    /// Objects that are removed and made again, and services that stop until such a network is back.
    pub replace: usize,
    /// Objects that are removed.
    pub remove: usize,
    /// Objects that are taken over.
    pub adopt: usize,
    /// Objects that go on under another name or in another stack.
    #[serde(rename = "move")]
    pub moved: usize,
    /// Routes that are made, changed or removed; they are in no other total but the following two.
    pub routes: usize,
    /// Changes among those that wait for something.
    pub waiting: usize,
    /// Changes that are not done before a person or a commit allows them.
    pub held: usize,
    /// Superseded objects that something still needs.
    pub retained: usize,
    /// Objects that stay as they are.
    pub unchanged: usize,
}

impl Summary {
    /// Counts the parts of a plan. What holds the plan or a stack as a whole holds every change in it.
    pub fn count(holds: &[Hold], fleet_changes: &[Change], stacks: &[StackSection]) -> Self {
        let mut summary = Self { stacks: stacks.len(), ..Self::default() };
        let plan_is_held = holds.iter().any(Hold::is_standing);
        for change in fleet_changes {
            summary.add(change, plan_is_held);
        }
        for stack in stacks {
            let StackSection { name: _, file: _, services, holds, changes, unchanged, retained } =
                stack;
            summary.services += services;
            summary.unchanged += unchanged;
            summary.retained += retained.len();
            let held = plan_is_held || holds.iter().any(Hold::is_standing);
            for change in changes {
                summary.add(change, held);
            }
        }
        summary
    }

    fn add(&mut self, change: &Change, all_is_held: bool) {
        if all_is_held || change.is_standing() {
            self.held += 1;
            return;
        }
        if !change.holds.is_empty() {
            self.waiting += 1;
        }
        if change.object.kind == Kind::Route {
            self.routes += 1;
            return;
        }
        match (change.action, &change.effect) {
            (Action::Create, _) => self.create += 1,
            (Action::Replace, _) | (Action::Update, Effect::Downtime { .. }) => self.replace += 1,
            (Action::Remove, _) => self.remove += 1,
            (Action::Adopt, _) => self.adopt += 1,
            (Action::Move, _) => self.moved += 1,
            (Action::Update, Effect::Rolls { tasks, .. }) => {
                self.roll += 1;
                self.roll_tasks += tasks;
            }
            (Action::Update, Effect::RunsJob { .. }) => self.rerun += 1,
            (Action::Update, _) => self.in_place += 1,
        }
    }

    /// Changes that are performed or wait to be.
    pub fn pending(&self) -> usize {
        let Self {
            stacks: _,
            services: _,
            create,
            roll,
            roll_tasks: _,
            rerun,
            in_place,
            replace,
            remove,
            adopt,
            moved,
            routes,
            waiting: _,
            held: _,
            retained: _,
            unchanged: _,
        } = *self;
        create + roll + rerun + in_place + replace + remove + adopt + moved + routes
    }
}
