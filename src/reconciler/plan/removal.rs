//! Removal: what is no longer declared goes last, if it was asked for, and superseded generations once unused.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Action, Cause, Change, Effect, Hold, HoldClass, HoldCode, Retained};
use crate::model::desired::DesiredStack;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::name::StackName;

use super::super::ownership::owning_stack;
use super::super::policy::Scope;
use super::super::step::Write;
use super::context::Context;
use super::draft::StackDraft;
use super::index::Object;
use super::readiness::{Way, lack};
use super::reverse::{Reverse, until_gone};
use super::route::{Going, leads_to};
use super::{effect, guard, network, users};

/// Stacks of this fleet and source that have live objects and are not declared any more, by no source that is known.
pub(super) fn vanished(context: &Context<'_>) -> BTreeSet<StackName> {
    if !context.scope.whole {
        return BTreeSet::new();
    }
    let kinds = [Kind::Service, Kind::Network, Kind::Config, Kind::Secret];
    let objects = kinds.into_iter().flat_map(|kind| context.index.objects(kind));
    let stacks = objects.filter_map(|object| stack_of(context, &object));
    let Scope { invalid, elsewhere, .. } = context.scope;
    stacks
        .filter(|stack| {
            !context.desired.stacks.contains_key(stack)
                && !invalid.contains(stack)
                && !elsewhere.stacks.contains(stack)
        })
        .collect()
}

/// The stack of this fleet and source that `object` belongs to.
fn stack_of(context: &Context<'_>, object: &Object<'_>) -> Option<StackName> {
    let is_of_source = object.label(labels::SOURCE) == Some(context.scope.source.as_str());
    is_of_source.then(|| owner(context, object)).flatten()
}

/// The stack of this fleet that `object` belongs to.
pub(super) fn owner(context: &Context<'_>, object: &Object<'_>) -> Option<StackName> {
    owning_stack(&object.key(), object.labels, &context.scope.fleet)
}

/// Whether the plan removes the service `live` once nothing waits any more: nothing declares it, and its removal is asked
/// for.
pub(super) fn goes(context: &Context<'_>, live: &LiveService) -> bool {
    let Some(stack) = stack_of(context, &Object::from(live)) else { return false };
    let declared = context.desired.stacks.get(&stack);
    if declared.is_none() && !vanished(context).contains(&stack) {
        return false;
    }
    let (stack, is_requested) = (&stack, false);
    Removal { context, stack, declared, is_requested, others: &[], wait: None }.lets_go(live)
}

/// Plans what goes in a stack that is still declared.
pub(super) fn plan_stack(context: &Context<'_>, stack: &DesiredStack, draft: &mut StackDraft<'_>) {
    let removal = Removal {
        context,
        stack: &stack.name,
        declared: Some(stack),
        is_requested: false,
        others: &[],
        wait: waits_for_green(context, stack, draft),
    };
    removal.plan(draft);
}

/// Plans the removal of a stack that is no longer declared. `reverse` tells which of those need it.
pub(super) fn plan_vanished(
    context: &Context<'_>,
    stack: &StackName,
    reverse: &Reverse<'_>,
    others: &[StackDraft<'_>],
    draft: &mut StackDraft<'_>,
) {
    // A renamed stack stays until the one that it goes on as is healthy.
    let successor = guard::successor(context, stack);
    let wait = successor.and_then(|successor| {
        let draft = others.iter().find(|draft| draft.name == successor.name)?;
        waits_for_green(context, successor, draft)
    });
    let mut needing = reverse.dependents(stack.as_str()).filter_map(|dependent| {
        let draft = others.iter().find(|draft| draft.name.as_str() == dependent)?;
        let is_held =
            draft.is_held() || draft.entries.iter().any(|entry| entry.change.is_standing());
        Some(until_gone(&format!("stack {dependent}"), is_held))
    });
    let wait = wait.or_else(|| needing.next()).or_else(|| reverse.last_task(context));
    Removal { context, stack, declared: None, is_requested: false, others, wait }.plan(draft);
}

/// Plans the removal of a stack that a person has named.
pub(super) fn plan_requested(context: &Context<'_>, stack: &StackName, draft: &mut StackDraft<'_>) {
    Removal { context, stack, declared: None, is_requested: true, others: &[], wait: None }
        .plan(draft);
}

/// Why removals of a stack wait: something of it is still to be written, or not healthy.
fn waits_for_green(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &StackDraft<'_>,
) -> Option<Hold> {
    let Some(lack) = lack(context, stack, draft) else { return waits_for_route(draft) };
    let (object, objects) = (&lack.object, lack.objects());
    let words = match (&lack.way, lack.class) {
        (Way::Unwritten(_), HoldClass::Standing) => format!("stays as long as {object} is held"),
        (Way::Unwritten(_), HoldClass::Waiting) => format!("waits for {objects} to be done"),
        (Way::Unhealthy(state), HoldClass::Standing) => {
            format!("stays while {object} is not healthy: {state}")
        }
        (Way::Unhealthy(state), HoldClass::Waiting) => {
            format!("waits until {object} is healthy: {state}")
        }
    };
    let hold = Hold { class: lack.class, ..Hold::new(HoldCode::WaitsForHealth, words) };
    Some(hold.needs(lack.object))
}

/// The hold on removals while a route is about to be written: what it leads to now may be what goes. One that a person must
/// allow first holds nothing but its own service.
fn waits_for_route(draft: &StackDraft<'_>) -> Option<Hold> {
    let mut changes = draft.entries.iter().map(|entry| &entry.change);
    let route = changes.find(|change| {
        change.object.kind == Kind::Route
            && change.action != Action::Remove
            && !change.is_standing()
    })?;
    let words = format!("waits for {} to be done", route.object);
    Some(Hold::new(HoldCode::WaitsForHealth, words).needs(route.object.clone()))
}

/// The removal of what one stack no longer declares.
struct Removal<'a> {
    context: &'a Context<'a>,
    stack: &'a StackName,
    /// The stack as declared; `None` when it has vanished.
    declared: Option<&'a DesiredStack>,
    /// Whether a person has named the stack to be removed.
    is_requested: bool,
    /// The drafts of stacks that are declared, where this one has vanished.
    others: &'a [StackDraft<'a>],
    /// Why nothing goes yet.
    wait: Option<Hold>,
}

impl Removal<'_> {
    fn plan(&self, draft: &mut StackDraft<'_>) {
        self.plan_routes(draft);
        let going = self.plan_services(draft);
        self.plan_stores(&going, draft);
        self.plan_networks(&going, draft);
    }

    /// Plans the removal of routes, which go before what they lead to.
    fn plan_routes(&self, draft: &mut StackDraft<'_>) {
        for Going { mut change, write } in Going::of(self.context, self.stack, self.cause()) {
            change.holds.extend(self.consent(false));
            change.holds.extend(self.protects().then(|| network::protected(&change.object)));
            if !change.is_standing() && self.declared.is_some() {
                change.holds.extend(self.wait.clone());
            }
            draft.push(change, Some(write));
        }
    }

    /// The live services of the stack.
    fn owned(&self) -> Vec<&LiveService> {
        let all = self.context.index.services.values().copied();
        all.filter(|live| self.owns(&Object::from(*live))).collect()
    }

    /// Those of them that it does not declare.
    fn surplus<'b>(&self, owned: &[&'b LiveService]) -> Vec<&'b LiveService> {
        let declared: BTreeSet<&str> = self
            .declared
            .iter()
            .flat_map(|stack| &stack.services)
            .map(|service| service.spec.name.as_str())
            .collect();
        let all = owned.iter().copied();
        all.filter(|live| !declared.contains(live.spec.name.as_str())).collect()
    }

    /// Whether nothing of the stack is removed. One that is not declared any more says so on its services.
    fn protects(&self) -> bool {
        match self.declared {
            Some(stack) => stack.policy.protect,
            // A person who names a stack is told by its services.
            None if self.is_requested => false,
            None => self.owned().iter().any(|live| guard::is_protected(&live.spec.labels)),
        }
    }

    /// Whether `live` goes once nothing waits any more.
    fn lets_go(&self, live: &LiveService) -> bool {
        let owned = self.owned();
        let surplus = self.surplus(&owned);
        let guard = match self.declared {
            Some(_) => guard::most_services(self.context, self.stack, owned.len(), surplus.len()),
            None => guard::whole_stack(self.context, self.stack),
        };
        surplus.iter().any(|other| other.id == live.id)
            && guard.is_none()
            && self.consent(false).is_none()
            && !self.protects()
            && !guard::is_protected(&live.spec.labels)
            && !live.spec.labels.contains_key(labels::ROLE)
    }

    /// Plans the removal of services and returns the names of those that will go.
    fn plan_services(&self, draft: &mut StackDraft<'_>) -> BTreeSet<String> {
        let owned = self.owned();
        let surplus = self.surplus(&owned);
        let reverse = Reverse::of_services(&surplus);
        let mut held = BTreeSet::new();
        let too_many = guard::most_services(self.context, self.stack, owned.len(), surplus.len());
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
            let successor = self.successor(&key.name);
            if let Some(successor) = &successor {
                change.causes = vec![Cause::Superseded];
                change.notes.push(format!("goes on as {successor}"));
            }
            change.holds.extend(self.consent(successor.is_some()));
            if self.declared.is_some_and(|stack| stack.policy.protect) {
                change.holds.push(network::protected(&key));
            } else if guard::is_protected(&live.spec.labels) {
                change.holds.push(guard::labelled(&key));
            }
            if let Some(role) = live.spec.labels.get(labels::ROLE) {
                change.holds.push(guard::own_infrastructure(self.context, &key, role));
            }
            if self.declared.is_some() && successor.is_none() {
                change.holds.extend(too_many.clone());
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

    /// Plans the removal of configs and secrets: superseded generations, and those that are no longer declared.
    fn plan_stores(&self, going: &BTreeSet<String>, draft: &mut StackDraft<'_>) {
        for kind in [Kind::Config, Kind::Secret] {
            let mut spared = BTreeMap::<&str, usize>::new();
            let current = self.current(kind, draft);
            for stored in self.stored(kind) {
                let object = stored.key();
                if current.contains(&object.name) {
                    continue;
                }
                let logical = stored.label(labels::LOGICAL);
                let superseded = logical.is_some_and(|key| self.declares_key(kind, key));
                if let Some(reason) = self.user(&object, going, draft) {
                    draft.retained.push(Retained { object, reason });
                    continue;
                }
                if superseded {
                    // Collecting needs nobody's attention; whatever it waits for does.
                    if let Some(wait) = self.wait.as_ref().filter(|wait| wait.is_standing()) {
                        let reason = wait.reason.clone();
                        draft.retained.push(Retained { object, reason });
                        continue;
                    }
                    let kept = spared.entry(logical.unwrap_or_default()).or_default();
                    if *kept < self.context.policy.retention {
                        *kept += 1;
                        let reason = "kept by the retention setting".to_owned();
                        draft.retained.push(Retained { object, reason });
                        continue;
                    }
                }
                let cause = if superseded { Cause::Superseded } else { self.cause() };
                let mut change =
                    Change::new(object.clone(), Action::Remove, Effect::None, vec![cause]);
                if !superseded {
                    change.holds.extend(self.consent(false));
                    change.holds.extend(self.protects().then(|| network::protected(&object)));
                }
                users::wait_for_users(self.context, &object, &mut change);
                self.finish(change, stored.id, None, draft);
            }
        }
    }

    fn plan_networks(&self, going: &BTreeSet<String>, draft: &mut StackDraft<'_>) {
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
            change.holds.extend(self.consent(false));
            change.holds.extend(self.protects().then(|| network::protected(&object)));
            users::wait_for_users(self.context, &object, &mut change);
            self.finish(change, live.id, None, draft);
        }
    }

    fn owns(&self, object: &Object<'_>) -> bool {
        let owner = if self.is_requested {
            owner(self.context, object)
        } else {
            stack_of(self.context, object)
        };
        owner.as_ref() == Some(self.stack)
    }

    fn cause(&self) -> Cause {
        if self.is_requested { Cause::Manual } else { Cause::Git }
    }

    /// The configs or secrets of the stack, newest first.
    fn stored(&self, kind: Kind) -> Vec<Object<'_>> {
        let mut stored = self.context.index.objects(kind);
        stored.retain(|object| !object.labels.contains_key(labels::RECORD) && self.owns(object));
        stored.sort_by_key(|object| std::cmp::Reverse((object.created, object.name)));
        stored
    }

    fn declares_key(&self, kind: Kind, key: &str) -> bool {
        self.declared.is_some_and(|stack| match kind {
            Kind::Config => stack.configs.iter().any(|config| config.key == key),
            Kind::Secret => stack.secrets.iter().any(|secret| secret.key == key),
            Kind::Network | Kind::Service | Kind::Route | Kind::Proxy => false,
        })
    }

    /// The declared service that says it was called `name` before, or whose stack says so of its own name.
    fn successor(&self, name: &str) -> Option<String> {
        let successor = if let Some(stack) = self.declared {
            stack.services.iter().find(|s| s.previous_name.as_deref() == Some(name))?
        } else {
            let key = name.strip_prefix(self.stack.as_str())?.strip_prefix('_')?;
            let stack = guard::successor(self.context, self.stack)?;
            stack.services.iter().find(|s| s.key == key)?
        };
        Some(successor.spec.name.clone())
    }

    /// The names under which objects of a kind live that the stack declares now.
    fn current(&self, kind: Kind, draft: &StackDraft<'_>) -> BTreeSet<String> {
        let keys = self.declared.iter().flat_map(|stack| stack.keys());
        let named = keys.filter(|key| key.kind == kind).map(|mut key| {
            draft.rename(kind, &mut key.name);
            key.name
        });
        named.collect()
    }

    /// Why removal is not consented to.
    fn consent(&self, renamed: bool) -> Option<Hold> {
        let policy = self.context.policy;
        match self.declared {
            Some(_) if renamed => None,
            Some(stack) => {
                let prune = stack.policy.prune.unwrap_or(policy.prune);
                (!prune).then(|| prune_not_asked(self.context))
            }
            None if self.is_requested => None,
            None if policy.prune || guard::successor(self.context, self.stack).is_some() => None,
            None => Some(prune_not_asked(self.context)),
        }
    }

    /// Who needs an object once everything else of the plan is done. When tasks of others end is nothing to wait for.
    fn user(
        &self,
        object: &ObjectKey,
        going: &BTreeSet<String>,
        draft: &StackDraft<'_>,
    ) -> Option<String> {
        let is_ours = |live: &LiveService| self.owns(&Object::from(live));
        users::user(self.context, object, going, draft, is_ours)
    }

    /// Whether what comes before removals waits for `object` to go: for its port, or for a network that it is on.
    fn is_in_the_way(&self, object: &ObjectKey, draft: &StackDraft<'_>) -> bool {
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

    fn finish(
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
