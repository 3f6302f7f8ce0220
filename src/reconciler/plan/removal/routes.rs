//! The removal of routes, which go before what they lead to.

use crate::model::key::{Kind, ObjectKey};
use crate::model::live::LiveService;

use super::super::draft::StackDraft;
use super::super::route::Going;
use super::super::{network, rename};
use super::stack::Removal;

impl Removal<'_> {
    /// Plans the removal of routes, which go before what they lead to. What goes on elsewhere is there first.
    pub(super) fn plan_routes(&self, draft: &mut StackDraft<'_>) {
        let going = Going::of(self.context, self.stack, self.cause());
        if going.is_empty() {
            return;
        }
        let owned = self.owned();
        let is_renamed =
            self.declared.is_none() && rename::successor(self.context, self.stack).is_some();
        for going in going {
            let led: Vec<&LiveService> = owned
                .iter()
                .copied()
                .filter(|live| going.leads_to(self.context, &live.spec.name))
                .collect();
            let goes_on = is_renamed
                && !led.is_empty()
                && led.iter().all(|live| self.successor(live).is_some());
            let Going { mut change, write } = going;
            change.holds.extend(self.consent(goes_on));
            if is_renamed && led.iter().any(|live| self.successor(live).is_none()) {
                change.holds.extend(self.guard(&owned));
            }
            change.holds.extend(self.protects().then(|| network::protected(&change.object)));
            let is_in_the_way = led.iter().any(|live| {
                self.is_in_the_way(&ObjectKey::new(Kind::Service, &live.spec.name), draft)
            });
            if !change.is_standing() && (self.declared.is_some() || is_renamed) && !is_in_the_way {
                change.holds.extend(self.wait.clone());
            }
            draft.push(change, Some(write));
        }
    }
}
