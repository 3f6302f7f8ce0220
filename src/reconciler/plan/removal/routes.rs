//! The removal of routes, which go before what they lead to.

use crate::model::live::LiveService;

use super::super::draft::StackDraft;
use super::super::network;
use super::super::route::Going;
use super::stack::Removal;

impl Removal<'_> {
    /// Plans the removal of routes, which go before what they lead to.
    pub(super) fn plan_routes(&self, draft: &mut StackDraft<'_>) {
        let owned = self.owned();
        for going in Going::of(self.context, self.stack, self.cause()) {
            let goes_on = self.is_led_elsewhere(&going, &owned);
            let Going { mut change, write } = going;
            change.holds.extend(self.consent(goes_on));
            change.holds.extend(self.protects().then(|| network::protected(&change.object)));
            if !change.is_standing() && self.declared.is_some() {
                change.holds.extend(self.wait.clone());
            }
            draft.push(change, Some(write));
        }
    }

    /// Whether all that a route leads to, of the services `owned`, goes on in the stack that this one was renamed to.
    fn is_led_elsewhere(&self, route: &Going, owned: &[&LiveService]) -> bool {
        let mut led =
            owned.iter().filter(|live| route.leads_to(self.context, &live.spec.name)).peekable();
        self.declared.is_none()
            && led.peek().is_some()
            && led.all(|live| self.successor(live).is_some())
    }
}
