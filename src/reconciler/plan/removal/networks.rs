//! The removal of networks.

use std::collections::BTreeSet;

use crate::diff::document::{Action, Change, Effect, Retained};
use crate::model::key::Kind;
use crate::model::labels;

use super::super::draft::StackDraft;
use super::super::{network, users};
use super::stack::Removal;

impl Removal<'_> {
    pub(super) fn plan_networks(&self, going: &BTreeSet<String>, draft: &mut StackDraft<'_>) {
        for live in self.context.index.objects(Kind::Network) {
            let object = live.key();
            // An adopted network cannot be labelled; it goes with its whole stack.
            let adopted = self.declared.is_none()
                && live.label(labels::FLEET).is_none()
                && live.label(labels::NAMESPACE) == Some(self.stack.as_str());
            let declared = self
                .declared
                .is_some_and(|stack| stack.networks.iter().any(|n| n.spec.name == live.name));
            if declared || !(adopted || self.owns(&live)) {
                continue;
            }
            if let Some(reason) = self.user(&object, going, draft) {
                draft.retained.push(Retained { object, reason });
                continue;
            }
            let mut change =
                Change::new(object.clone(), Action::Remove, Effect::None, vec![self.cause()]);
            change.holds.extend(self.consent(self.is_made_anew(&live)));
            change.holds.extend(self.protects().then(|| network::protected(&object)));
            users::wait_for_users(self.context, &object, &mut change);
            self.finish(change, live.id, None, draft);
        }
    }
}
