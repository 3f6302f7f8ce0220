//! The removal of services.

use std::collections::BTreeSet;

use crate::diff::document::{Action, Cause, Change};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;

use super::super::draft::StackDraft;
use super::super::index::Object;
use super::super::reverse::Reverse;
use super::super::route::leads_to;
use super::super::{effect, guard, network, users};
use super::stack::Removal;

impl Removal<'_> {
    /// The live services of the stack.
    pub(super) fn owned(&self) -> Vec<&LiveService> {
        let all = self.context.index.services.values().copied();
        all.filter(|live| self.owns(&Object::from(*live))).collect()
    }

    /// Those of them that it does not declare.
    pub(super) fn surplus<'b>(&self, owned: &[&'b LiveService]) -> Vec<&'b LiveService> {
        let declared: BTreeSet<&str> = self
            .declared
            .iter()
            .flat_map(|stack| &stack.services)
            .map(|service| service.spec.name.as_str())
            .collect();
        let all = owned.iter().copied();
        all.filter(|live| !declared.contains(live.spec.name.as_str())).collect()
    }

    /// Those of these that nothing goes on as.
    pub(super) fn dropped<'b>(&self, owned: &[&'b LiveService]) -> Vec<&'b LiveService> {
        let surplus = self.surplus(owned).into_iter();
        surplus.filter(|live| self.successor(live).is_none()).collect()
    }

    /// Plans the removal of services and returns the names of those that will go.
    pub(super) fn plan_services(&self, draft: &mut StackDraft<'_>) -> BTreeSet<String> {
        let owned = self.owned();
        let surplus = self.surplus(&owned);
        let reverse = Reverse::of_services(&surplus);
        let mut held = BTreeSet::new();
        let guard = self.guard(&owned);
        let mut going = BTreeSet::new();
        let services = &self.context.index.services;
        for live in reverse.in_order().into_iter().filter_map(|name| services.get(name)) {
            let key = ObjectKey::new(Kind::Service, &live.spec.name);
            let mut change = Change::new(
                key.clone(),
                Action::Remove,
                effect::of_removal(live),
                vec![self.cause()],
            );
            let successor = self.successor(live);
            if let Some(successor) = &successor {
                change.causes = vec![Cause::Superseded];
                change.notes.push(format!("goes on as {successor}"));
            }
            change.holds.extend(self.consent(successor.is_some()));
            if self.declared.is_some_and(|stack| stack.policy.protect) {
                change.holds.push(network::protected(&key));
            } else if guard::is_protected(&live.spec.labels) {
                change.holds.push(guard::labelled(self.context, &key));
            }
            if let Some(role) = live.spec.labels.get(labels::ROLE) {
                change.holds.push(guard::own_infrastructure(self.context, &key, role));
            }
            if successor.is_none() {
                change.holds.extend(guard.clone());
            }
            reverse.wait(&mut change, &held);
            users::wait_for_stopping(self.context, self.stack, &mut change);
            change.holds.extend(leads_to(self.context, self.stack, &key.name, draft));
            if change.is_standing() {
                held.insert(change.object.name.clone());
            }
            self.finish(change, &live.id, Some(&mut going), draft);
        }
        going
    }
}
