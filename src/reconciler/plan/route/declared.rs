//! Routes that a stack declares: made, changed or left alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::diff;
use crate::diff::document::{Action, Cause, Change, Effect, Hold, HoldCode};
use crate::model::desired::{DesiredStack, Origins};
use crate::model::key::{Kind, ObjectKey};
use crate::model::route::RouteKey;
use crate::proxy::{CompiledRoute, Refusal, RouteId, dialled, fields, target};

use super::super::super::caddy::Sight;
use super::super::super::record::RouteMemo;
use super::super::super::step::{RouteWrite, Write};
use super::super::context::Context;
use super::super::draft::StackDraft;
use super::super::removal;
use super::gate::{self, Turn};
use super::known::{Placed, Wanted, brief, hidden, led, object};

/// Plans the routes of `stack`, after its services.
pub(in crate::reconciler::plan) fn plan_routes(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &mut StackDraft<'_>,
) {
    match context.routes.sight {
        // Of these a person is told once, and not of each route.
        Sight::Lost(_) | Sight::Unseen => return,
        Sight::Nowhere | Sight::Seen(_) => {}
    }
    for refused in context.routes.refused(&stack.name) {
        let key = ObjectKey::new(Kind::Route, &refused.route);
        let mut change = Change::new(key, Action::Create, Effect::None, vec![Cause::Git]);
        change.place = Some(refused.place.clone());
        change.holds.push(match context.routes.sight {
            Sight::Nowhere => no_proxy(),
            _ => not_had(&refused.reason),
        });
        draft.push(change, None);
    }
    for (key, wanted) in context.routes.wanted(&stack.name) {
        Planner { context, stack, key, wanted }.plan(draft);
    }
}

/// One route on its way into the plan.
struct Planner<'a> {
    context: &'a Context<'a>,
    stack: &'a DesiredStack,
    key: &'a RouteKey,
    wanted: &'a Wanted,
}

impl Planner<'_> {
    fn plan(&self, draft: &mut StackDraft<'_>) {
        let routes = self.context.routes;
        let objects = routes.objects(self.wanted);
        let live = routes.live_route(&self.stack.name, self.key);
        if routes.is_live(&self.stack.name, self.key, self.wanted) {
            draft.unchanged += 1;
            return;
        }
        // A route that left another stack of this source goes on in this one.
        let left = routes.elsewhere(&self.stack.name, self.key).filter(|(other, _)| {
            let is_declared = self.context.desired.stacks.contains_key(*other);
            !routes.declares(other, self.key)
                && (is_declared || removal::vanished(self.context).contains(*other))
        });
        let before: Placed<'_> = match (live, left) {
            ([], Some((_, placed))) => placed.clone(),
            (live, _) => live.to_vec(),
        };
        let action = match (live, left) {
            ([], Some(_)) => Action::Move,
            ([], None) => Action::Create,
            _ => Action::Update,
        };
        let causes = self.causes(&objects, &before);
        let mut change = Change::new(object(self.key), action, Effect::None, causes);
        change.place = Some(self.wanted.place.clone());
        change.target = objects.first().and_then(|route| target(&route.object));
        self.show_fields(&objects, &before, &mut change);
        self.add_holds(&objects, &before, left.is_some(), draft, &mut change);
        let mut ids: Vec<RouteId> = objects.iter().map(|route| route.id.clone()).collect();
        ids.extend(live.iter().chain(&before).map(|(id, _)| id.clone()));
        let mut seen = BTreeSet::new();
        ids.retain(|id| seen.insert(id.to_string()));
        let write = RouteWrite {
            ids,
            before: hidden(before.iter().map(|(_, object)| *object)),
            after: hidden(objects.iter().map(|route| &route.object)),
            is_raw: self.wanted.is_raw,
        };
        draft.push(change, Some(Write::Route(Box::new(write))));
    }

    fn show_fields(&self, objects: &[&CompiledRoute], before: &Placed<'_>, change: &mut Change) {
        let old = all_fields(before.iter().map(|(_, object)| *object));
        let new = all_fields(objects.iter().map(|route| &route.object));
        let difference = diff::route(&new, &old);
        change.fields = self.context.show_fields(&difference.fields, &Origins::default(), None);
        change.unchanged_fields = difference.unchanged;
    }

    fn add_holds(
        &self,
        objects: &[&CompiledRoute],
        before: &Placed<'_>,
        is_moved: bool,
        draft: &StackDraft<'_>,
        change: &mut Change,
    ) {
        let routes = self.context.routes;
        if matches!(routes.sight, Sight::Nowhere) {
            change.holds.push(no_proxy());
            return;
        }
        if let Some(fleet) = routes.foreign(self.key) {
            change.holds.push(taken(format!("fleet {fleet} has this route")));
        } else if let Some((stack, _)) =
            routes.elsewhere(&self.stack.name, self.key).filter(|_| !is_moved)
        {
            change.holds.push(taken(format!("stack {stack} has this route")));
        }
        change.holds.extend(routes.obstacle());
        let Some(service) = &self.wanted.service else { return };
        let to: BTreeSet<String> =
            objects.iter().flat_map(|route| dialled(&route.object)).collect();
        let from: BTreeSet<String> =
            before.iter().flat_map(|(_, object)| dialled(object)).collect();
        let turn = if before.is_empty() && self.leads_back(objects) {
            Turn::Back
        } else if to.is_subset(&from) {
            Turn::None
        } else {
            Turn::New
        };
        if let Some((after, hold)) = gate::check(self.context, service, turn, draft) {
            change.after.push(after);
            change.holds.push(hold);
        }
    }

    /// What the fleet record remembers of the route.
    fn remembered(&self) -> Option<&RouteMemo> {
        let routes = self.context.record?.routes.get(self.stack.name.as_str())?;
        routes.get(&self.key.to_string())
    }

    /// Whether the route leads where it did when it was last written. Its other words may have changed since, and what a newer
    /// Caddy is told.
    fn leads_back(&self, objects: &[&CompiledRoute]) -> bool {
        let remembered = self.context.record.zip(self.remembered());
        remembered.is_some_and(|(record, remembered)| {
            let now = || led(record, objects.iter().map(|route| &route.object));
            remembered.led.as_ref().is_none_or(|then| *then == now())
        })
    }

    /// Why the route changes: the file moved since it was last written, or the proxy has it otherwise or not at all.
    fn causes(&self, objects: &[&CompiledRoute], before: &Placed<'_>) -> Vec<Cause> {
        let (Some(record), Some(remembered)) = (self.context.record, self.remembered()) else {
            return vec![Cause::Git];
        };
        let wanted = brief(record, objects.iter().map(|route| &route.object));
        let live = brief(record, before.iter().map(|(_, object)| *object));
        let mut causes = Vec::new();
        if wanted != remembered.brief {
            causes.push(Cause::Git);
        }
        if before.is_empty() || live != remembered.brief {
            causes.push(Cause::Drift);
        }
        causes
    }
}

/// The fields of all objects of a route; at two entry points it does the same.
fn all_fields<'v>(objects: impl Iterator<Item = &'v Value>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for object in objects {
        for (path, value) in fields(object) {
            all.entry(path).or_insert(value);
        }
    }
    all
}

fn no_proxy() -> Hold {
    Hold::new(HoldCode::NoProxy, "no proxy is configured").unblock(
        "name Caddy's admin API: `proxy: {admin: unix:///run/caddy/admin.sock}` in skep.yaml, or --caddy",
    )
}

fn taken(words: String) -> Hold {
    Hold::new(HoldCode::RouteTaken, words)
        .unblock("give one of them another host or path, or remove the other one first")
}

/// Why a declared route cannot be had.
fn not_had(reason: &Refusal) -> Hold {
    match reason {
        Refusal::TakenBy(_) | Refusal::Twice(_) => taken(reason.to_string()),
        Refusal::NoRootDomain
        | Refusal::OtherTls(_)
        | Refusal::RawNotAllowed
        | Refusal::NotBelowStaticRoots(_)
        | Refusal::NoHttpServer => Hold::new(HoldCode::RouteNotAllowed, reason.to_string())
            .unblock("change the route, or the settings; what is live of it stays meanwhile"),
    }
}
