//! The removal of what one stack no longer declares: what all kinds of objects have in common.

use std::collections::BTreeSet;

use crate::diff::document::{Action, Cause, Change, Hold, HoldCode};
use crate::model::desired::DesiredStack;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::name::StackName;

use super::super::super::step::Write;
use super::super::context::Context;
use super::super::draft::StackDraft;
use super::super::index::Object;
use super::super::{guard, rename, users};
use super::absent::{owner, stack_of};

/// The removal of what one stack no longer declares.
pub(super) struct Removal<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) stack: &'a StackName,
    /// The stack as declared; `None` when it has vanished.
    pub(super) declared: Option<&'a DesiredStack>,
    /// Whether a person has named the stack to be removed.
    pub(super) is_requested: bool,
    /// The drafts of stacks that are declared, where this one has vanished.
    pub(super) others: &'a [StackDraft<'a>],
    /// Why nothing goes yet.
    pub(super) wait: Option<Hold>,
}

impl Removal<'_> {
    pub(super) fn plan(&self, draft: &mut StackDraft<'_>) {
        self.plan_routes(draft);
        let going = self.plan_services(draft);
        self.plan_stores(&going, draft);
        self.plan_networks(&going, draft);
    }

    /// Whether nothing of the stack is removed. One that is not declared any more says so on its services,
    /// or in the fleet record if it has only routes.
    pub(super) fn protects(&self) -> bool {
        match self.declared {
            Some(stack) => stack.policy.protect,
            // A person who names a stack is told by its services, if it has some.
            None if self.is_requested && !self.owned().is_empty() => false,
            None => self.was_protected(),
        }
    }

    /// Whether it was protected when it was declared for the last time.
    fn was_protected(&self) -> bool {
        let routed = self.context.record.and_then(|record| record.routed.get(self.stack.as_str()));
        routed.is_some_and(|routed| routed.is_protected)
            || self.owned().iter().any(|live| guard::is_protected(&live.spec.labels))
    }

    /// Whether `live` goes once nothing waits any more.
    pub(super) fn lets_go(&self, live: &LiveService) -> bool {
        let owned = self.owned();
        let goes_on = self.successor(live).is_some();
        let is_surplus = self.surplus(&owned).iter().any(|other| other.id == live.id);
        let is_guarded = (!goes_on && self.guard(&owned).is_some())
            || (self.declared.is_none() && guard::whole_stack(self.context, self.stack).is_some());
        is_surplus
            && !is_guarded
            && self.consent(goes_on).is_none()
            && !self.protects()
            && !guard::is_protected(&live.spec.labels)
            && !live.spec.labels.contains_key(labels::ROLE)
    }

    /// The guard on its services, `owned`, that nothing goes on as. A stack that is gone as a whole has one of its own.
    pub(super) fn guard(&self, owned: &[&LiveService]) -> Option<Hold> {
        match self.declared {
            Some(_) => guard::most_services(self.context, self.stack, owned, &self.dropped(owned)),
            None if self.is_requested => None,
            None => guard::left_behind(self.context, self.stack),
        }
    }

    pub(super) fn owns(&self, object: &Object<'_>) -> bool {
        let owner = if self.is_requested {
            owner(self.context, object)
        } else {
            stack_of(self.context, object)
        };
        owner.as_ref() == Some(self.stack)
    }

    pub(super) fn cause(&self) -> Cause {
        if self.is_requested { Cause::Manual } else { Cause::Git }
    }

    /// The declared service that says it was called like `live` before, or whose stack says so of its own name.
    pub(super) fn successor(&self, live: &LiveService) -> Option<String> {
        let context = self.context;
        let successor = if let Some(stack) = self.declared {
            let name = Some(live.spec.name.as_str());
            let mut services = stack.services.iter();
            services
                .find(|service| service.previous_name.as_deref() == name)
                .filter(|heir| rename::is_later(context, live, heir))?
        } else {
            rename::namesake(rename::successor(context, self.stack)?, self.stack, live)?
        };
        Some(successor.spec.name.clone())
    }

    /// Whether the stack that this one goes on as has its own of a network, config or secret.
    pub(super) fn is_made_anew(&self, object: &Object<'_>) -> bool {
        if self.declared.is_some() {
            return false;
        }
        let Some(successor) = rename::successor(self.context, self.stack) else { return false };
        let logical = object.label(labels::LOGICAL);
        match object.key().kind {
            Kind::Network => {
                let name = object.name.strip_prefix(self.stack.as_str());
                let key = name.and_then(|name| name.strip_prefix('_'));
                successor.networks.iter().any(|network| Some(network.key.as_str()) == key)
            }
            Kind::Config => successor.configs.iter().any(|c| Some(c.key.as_str()) == logical),
            Kind::Secret => successor.secrets.iter().any(|s| Some(s.key.as_str()) == logical),
            Kind::Service | Kind::Route | Kind::Proxy => false,
        }
    }

    /// Why removal is not consented to. What goes on under another name needs no consent.
    pub(super) fn consent(&self, goes_on: bool) -> Option<Hold> {
        let prune = match self.declared {
            Some(stack) => stack.policy.prune.unwrap_or(self.context.policy.prune),
            None => self.is_requested || self.context.policy.prune,
        };
        (!prune && !goes_on).then(|| prune_not_asked(self.context))
    }

    /// Who needs an object once everything else of the plan is done. When tasks of others end is nothing to wait for.
    pub(super) fn user(
        &self,
        object: &ObjectKey,
        going: &BTreeSet<String>,
        draft: &StackDraft<'_>,
    ) -> Option<String> {
        let is_ours = |live: &LiveService| self.owns(&Object::from(live));
        users::user(self.context, object, going, draft, is_ours)
    }

    /// Whether what comes before removals waits for `object` to go: for its port, or for a network that it is on.
    pub(super) fn is_in_the_way(&self, object: &ObjectKey, draft: &StackDraft<'_>) -> bool {
        let drafts = self.others.iter().map(|other| &other.entries).chain([&draft.entries]);
        let waits = drafts.flatten().any(|entry| {
            // For what a person must allow first, nothing goes beforehand.
            entry.change.action != Action::Remove
                && !entry.change.is_standing()
                && entry.change.holds.iter().any(|hold| {
                    hold.code == HoldCode::WaitsForObject && hold.needs.as_ref() == Some(object)
                })
        });
        let live = self.context.index.services.get(object.name.as_str());
        let networks = live.iter().flat_map(|live| &live.spec.task_template.networks);
        let is_on_one = networks.into_iter().any(|network| draft.away.contains(&network.target));
        waits || (object.kind == Kind::Service && is_on_one)
    }

    pub(super) fn finish(
        &self,
        mut change: Change,
        id: &str,
        going: Option<&mut BTreeSet<String>>,
        draft: &mut StackDraft<'_>,
    ) {
        if !change.is_standing() {
            let wait = self.wait.as_ref().filter(|_| !self.is_in_the_way(&change.object, draft));
            // Whoever uses it waits for the same and says so; what a person must end is said in any case.
            if change.holds.is_empty() || wait.is_some_and(Hold::is_standing) {
                change.holds.extend(wait.cloned());
            }
            if let Some(going) = going {
                going.insert(change.object.name.clone());
            }
        }
        draft.push(change, Some(Write::Remove { id: id.to_owned() }));
    }
}

fn prune_not_asked(context: &Context<'_>) -> Hold {
    Hold::new(HoldCode::PruneNotAsked, "it is no longer declared, and removal was not asked for")
        .unblock(format!("{} --prune", context.view.command))
}
