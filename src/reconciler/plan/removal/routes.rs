//! The removal of routes, which go before what they lead to.

use super::super::draft::StackDraft;
use super::super::network;
use super::super::route::Going;
use super::stack::Removal;

impl Removal<'_> {
    /// Plans the removal of routes, which go before what they lead to.
    pub(super) fn plan_routes(&self, draft: &mut StackDraft<'_>) {
        for Going { mut change, write } in Going::of(self.context, self.stack, self.cause()) {
            change.holds.extend(self.consent(false));
            change.holds.extend(self.protects().then(|| network::protected(&change.object)));
            if !change.is_standing() && self.declared.is_some() {
                change.holds.extend(self.wait.clone());
            }
            draft.push(change, Some(write));
        }
    }
}
