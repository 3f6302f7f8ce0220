//! Routes that go, and services that cannot go before them.

use std::collections::BTreeSet;

use crate::diff::document::{Action, Cause, Change, Effect, Hold, HoldClass, HoldCode};
use crate::model::key::{Kind, ObjectKey};
use crate::model::name::StackName;

use super::super::super::caddy::Sight;
use super::super::super::step::{RouteWrite, Write};
use super::super::context::Context;
use super::super::draft::StackDraft;
use super::known::{hidden, object};

/// A route that goes.
pub(in crate::reconciler::plan) struct Going {
    /// The change, without holds.
    pub(in crate::reconciler::plan) change: Change,
    /// What takes it away.
    pub(in crate::reconciler::plan) write: Write,
}

impl Going {
    /// The live routes of `stack` that it does not declare. One that goes on in another stack is that one's concern, and
    /// one that the settings do not allow stays.
    pub(in crate::reconciler::plan) fn of(
        context: &Context<'_>,
        stack: &StackName,
        cause: Cause,
    ) -> Vec<Self> {
        let routes = context.routes;
        let surplus = routes
            .live(stack)
            .filter(|(key, _)| !routes.declares(stack, key) && routes.declaring(key).is_none());
        let going = surplus.map(|(key, placed)| {
            let mut change = Change::new(object(key), Action::Remove, Effect::None, vec![cause]);
            change.holds.extend(routes.obstacle());
            let write = RouteWrite {
                ids: placed.iter().map(|(id, _)| id.clone()).collect(),
                before: hidden(placed.iter().map(|(_, object)| *object)),
                after: hidden(std::iter::empty()),
                is_raw: false,
            };
            Self { change, write: Write::Route(Box::new(write)) }
        });
        going.collect()
    }

    /// Whether it leads to a service.
    pub(in crate::reconciler::plan) fn leads_to(
        &self,
        context: &Context<'_>,
        service: &str,
    ) -> bool {
        context.routes.leading_to(service).any(|(_, key)| object(key) == self.change.object)
    }
}

/// Why a service of `stack` does not go yet: a route leads to it, or may do so.
pub(in crate::reconciler::plan) fn leads_to(
    context: &Context<'_>,
    stack: &StackName,
    service: &str,
    draft: &StackDraft<'_>,
) -> Option<Hold> {
    let routes = context.routes;
    if let Sight::Lost(reason) = routes.sight {
        let may_lead = routes.wanted(stack).next().is_some()
            || context.record.is_some_and(|record| record.routes.contains_key(stack.as_str()));
        let words = || format!("waits until it is known whether a route leads to it: {reason}");
        return may_lead.then(|| Hold::new(HoldCode::ProxyUnreachable, words()));
    }
    let (_, key) = routes.leading_to(service).next()?;
    let route = object(key);
    let mut changes = draft.entries.iter().map(|entry| &entry.change);
    let is_held = changes.any(|change| change.object == route && change.is_standing());
    let (class, words) = if is_held {
        (HoldClass::Standing, format!("stays as long as {route}, which leads to it, is held"))
    } else {
        (HoldClass::Waiting, format!("waits until {route} no longer leads to it"))
    };
    let hold = Hold { class, ..Hold::new(HoldCode::WaitsForRoute, words) };
    Some(hold.needs(ObjectKey::new(Kind::Route, route.name)))
}

/// Makes holds stand that wait for a route which nothing in the plan changes. Which that are is known once all stacks are
/// planned: any of them may have the route, and it may be of none.
pub(in crate::reconciler::plan) fn settle_waits(
    context: &Context<'_>,
    drafts: &mut [StackDraft<'_>],
) {
    let due = drafts.iter().filter(|draft| !draft.is_held()).flat_map(|draft| &draft.entries);
    let due = due.map(|entry| &entry.change).filter(|change| !change.is_standing());
    let moving: BTreeSet<ObjectKey> = due
        .map(|change| change.object.clone())
        .filter(|object| object.kind == Kind::Route)
        .collect();
    for entry in drafts.iter_mut().flat_map(|draft| &mut draft.entries) {
        let service = &entry.change.object.name;
        for hold in &mut entry.change.holds {
            let is_waiting =
                hold.code == HoldCode::WaitsForRoute && hold.class == HoldClass::Waiting;
            let Some(route) = hold.needs.as_ref().filter(|_| is_waiting) else { continue };
            if moving.contains(route) {
                continue;
            }
            let mut leading = context.routes.leading_to(service);
            let Some((stack, _)) = leading.find(|(_, key)| object(key) == *route) else { continue };
            hold.reason = format!("stays as long as {route} of stack {stack} leads to it");
            hold.class = HoldClass::Standing;
        }
    }
}
