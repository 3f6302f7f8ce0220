//! Routes as they are declared and as the proxy has them, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::diff::document::{Cause, Hold, HoldCode};
use crate::model::desired::Desired;
use crate::model::fleet::Domain;
use crate::model::key::{Kind, ObjectKey};
use crate::model::name::StackName;
use crate::model::place::Place;
use crate::model::route::{HostPattern, RouteHost, RouteKey};
use crate::model::secret::Redacted;
use crate::proxy::{
    Claims, Compiled, CompiledRoute, Features, MergeError, ProxyPolicy, Refused, RouteId, Servers,
    Settled, compile_with, dialled,
};

use super::super::super::caddy::{ProxyPart, ProxyRules, Sight};
use super::super::super::record::{FleetRecord, RouteMemo};
use super::super::inputs::Inputs;

/// Routes as they are declared and as the proxy has them.
pub(in crate::reconciler::plan) struct Routes<'a> {
    pub(super) sight: &'a Sight,
    desired: &'a Desired,
    /// The stacks for which something beside routes is put right.
    pub(super) active: BTreeSet<StackName>,
    /// Those for which it would be if the proxy had not refused it, with its words.
    pub(super) refused_beside: BTreeMap<StackName, String>,
    /// What the settings say of the proxy.
    pub(super) policy: ProxyPolicy,
    /// The network that they name for routed services.
    pub(super) network: Option<String>,
    compiled: Arc<Compiled>,
    wanted: BTreeMap<StackName, BTreeMap<RouteKey, Wanted>>,
    live: BTreeMap<StackName, BTreeMap<RouteKey, Placed<'a>>>,
    /// Live routes of other fleets.
    foreign: BTreeMap<RouteKey, String>,
    /// What is in the way of any write, if something is.
    obstacle: Option<MergeError>,
    /// What is beside routes and not as it is wanted.
    pub(super) rest: Vec<Difference>,
    /// Why that is.
    pub(super) rest_causes: Vec<Cause>,
    /// The active stacks for which something else beside routes is declared than was last written.
    pub(super) committed: BTreeSet<StackName>,
    /// Whether the settings ask for something that this proxy does not know.
    pub(super) unknown_settings: bool,
    part: Option<ProxyPart>,
}

/// Where the proxy has something else than is wanted.
pub(super) struct Difference {
    /// The place in its configuration.
    pub(super) path: String,
    /// What is wanted there.
    pub(super) after: Value,
}

/// A declared route.
pub(super) struct Wanted {
    /// Where its objects are among those that were compiled.
    at: Vec<usize>,
    pub(super) service: Option<String>,
    pub(super) is_raw: bool,
    pub(super) place: Place,
}

/// The objects of a live route, one for each entry point.
pub(super) type Placed<'a> = Vec<(RouteId, &'a Value)>;

impl<'a> Routes<'a> {
    pub(in crate::reconciler::plan) fn new(
        inputs: &Inputs<'a>,
        record: Option<&FleetRecord>,
    ) -> Self {
        let Inputs { desired, scope, policy, rules, sight, learned, .. } = *inputs;
        let fallback = ProxyRules::default();
        let ProxyRules { network, policy: settings } = rules.unwrap_or(&fallback);
        let seen = sight.live();
        let features = seen.map_or(Features::MODERN, |live| live.features);
        let mut claims = seen.map(|live| Claims::of_live(live, &scope.fleet)).unwrap_or_default();
        for (stack, routes) in record.iter().flat_map(|record| &record.routes) {
            for route in routes.keys() {
                claims.remember(stack, route);
            }
        }
        let compiled = compile_with(desired, &scope.fleet, settings, features, &claims);
        let compiled = Arc::new(compiled);
        let mut routes = Self {
            sight,
            desired,
            active: active(desired, policy.remove.as_ref().map(|asked| &asked.stack)),
            refused_beside: BTreeMap::new(),
            policy: settings.clone(),
            network: network.clone(),
            wanted: wanted(&compiled),
            compiled,
            live: BTreeMap::new(),
            foreign: BTreeMap::new(),
            obstacle: None,
            rest: Vec::new(),
            rest_causes: Vec::new(),
            committed: BTreeSet::new(),
            unknown_settings: !features.is_modern && trusts_proxies(settings),
            part: None,
        };
        let Some(live) = seen else { return routes };
        for (id, object) in live.routes() {
            if id.fleet == scope.fleet {
                let of_stack = routes.live.entry(id.stack.clone()).or_default();
                of_stack.entry(id.key.clone()).or_default().push((id, object));
            } else {
                routes.foreign.insert(id.key, id.fleet.to_string());
            }
        }
        let part = ProxyPart {
            fleet: scope.fleet.clone(),
            servers: settings.servers.clone(),
            live: Arc::clone(live),
            wanted: Arc::clone(&routes.compiled),
        };
        let mut stacks: BTreeSet<StackName> = desired.stacks.keys().cloned().collect();
        stacks.extend(policy.remove.iter().map(|asked| asked.stack.clone()));
        routes.part = Some(part.clone());
        let mut refused = learned.refused_beside.clone();
        refused.retain(|stack, _| routes.active.remove(stack));
        routes.committed = routes.committed_since(record);
        routes.look_around(&part, stacks, refused);
        routes
    }

    /// Looks what is in the way, and what is not as it is wanted although every route is.
    fn look_around(
        &mut self,
        part: &ProxyPart,
        stacks: BTreeSet<StackName>,
        mut refused: BTreeMap<StackName, String>,
    ) {
        let all = self.compiled.routes.iter().map(|route| route.id.clone()).collect();
        let merge = |settled: &Settled| part.with(&part.live, settled);
        if let Err(error) = merge(&Settled { stacks, routes: all }) {
            self.obstacle = Some(error);
            return;
        }
        // Where nothing of ours is left, routes bring everything else along.
        if self.live.is_empty() && !self.wanted.is_empty() {
            return;
        }
        let of = |stacks: &BTreeSet<StackName>| {
            merge(&Settled { stacks: stacks.clone(), ..Settled::default() }).ok()
        };
        let differs = |stack: &StackName| {
            let merged = of(&[stack.clone()].into());
            merged.is_some_and(|merged| merged.is_changed)
        };
        refused.retain(|stack, _| differs(stack));
        self.refused_beside = refused;
        let Some(merged) = of(&self.active).filter(|merged| merged.is_changed) else { return };
        self.rest = differences(&part.live.config, &merged.config);
        let committed = Some(&self.committed).filter(|stacks| !stacks.is_empty()).and_then(of);
        let is_committed = committed.as_ref().is_some_and(|committed| committed.is_changed);
        let is_all = committed.is_some_and(|committed| committed.config == merged.config);
        self.rest_causes.extend(is_committed.then_some(Cause::Git));
        self.rest_causes.extend((!is_all).then_some(Cause::Drift));
    }

    /// The active stacks for which something else beside routes is declared than was last written, as far as that is known.
    fn committed_since(&self, record: Option<&FleetRecord>) -> BTreeSet<StackName> {
        let is_committed = |stack: &&StackName| {
            let known = |record: &FleetRecord| {
                let routed = record.routed.get(stack.as_str());
                routed.is_some_and(|routed| routed.beside == self.beside(record, stack))
            };
            self.wanted.contains_key(*stack) && !record.is_some_and(known)
        };
        self.active.iter().filter(is_committed).cloned().collect()
    }

    /// Whether a stack has routes, and the proxy everything that belongs to it beside them as it is declared.
    pub(super) fn is_settled(&self, stack: &StackName) -> bool {
        let is_compared = self.live.contains_key(stack) && self.obstacle.is_none();
        is_compared && self.active.contains(stack) && self.rest.is_empty()
    }

    /// A few digits that tell what belongs to a stack beside its routes from what belonged to it before.
    pub(super) fn beside(&self, record: &FleetRecord, stack: &StackName) -> String {
        let Some(ProxyPart { fleet, servers, live, wanted }) = &self.part else {
            return String::new();
        };
        brief(record, wanted.beside(stack, fleet, servers, live.features).iter())
    }

    /// The declared routes as the proxy is to have them.
    pub(in crate::reconciler::plan) fn compiled(&self) -> Arc<Compiled> {
        Arc::clone(&self.compiled)
    }

    /// What steps on routes are written with.
    pub(in crate::reconciler::plan) fn part(&self) -> Option<ProxyPart> {
        self.part.clone()
    }

    /// The declared routes of a stack, in the order in which the proxy asks.
    pub(super) fn wanted(&self, stack: &StackName) -> impl Iterator<Item = (&RouteKey, &Wanted)> {
        self.wanted.get(stack).into_iter().flatten()
    }

    /// The declared routes of all stacks.
    pub(super) fn count(&self) -> usize {
        self.wanted.values().map(BTreeMap::len).sum()
    }

    /// The declared routes of a stack that cannot be had.
    pub(super) fn refused(&self, stack: &StackName) -> impl Iterator<Item = &Refused> {
        self.compiled.refused.iter().filter(move |refused| refused.stack == *stack)
    }

    /// The objects of a declared route.
    pub(super) fn objects(&self, wanted: &Wanted) -> Vec<&CompiledRoute> {
        wanted.at.iter().filter_map(|at| self.compiled.routes.get(*at)).collect()
    }

    /// The live routes of a stack.
    pub(super) fn live(&self, stack: &StackName) -> impl Iterator<Item = (&RouteKey, &Placed<'a>)> {
        self.live.get(stack).into_iter().flatten()
    }

    /// A live route of a stack.
    pub(super) fn live_route(&self, stack: &StackName, key: &RouteKey) -> &[(RouteId, &'a Value)] {
        let route = self.live.get(stack).and_then(|routes| routes.get(key));
        route.map_or(&[], Vec::as_slice)
    }

    /// The stacks of this fleet that have live routes.
    pub(in crate::reconciler::plan) fn stacks(&self) -> impl Iterator<Item = &StackName> {
        self.live.keys()
    }

    /// Whether the proxy has just the objects of a declared route.
    pub(super) fn is_live(&self, stack: &StackName, key: &RouteKey, wanted: &Wanted) -> bool {
        let (objects, live) = (self.objects(wanted), self.live_route(stack, key));
        objects.len() == live.len()
            && objects.iter().all(|route| {
                live.iter().any(|(id, object)| *id == route.id && **object == route.object)
            })
    }

    /// The same route in another stack, which has it live.
    pub(super) fn elsewhere(
        &self,
        stack: &StackName,
        key: &RouteKey,
    ) -> Option<(&StackName, &Placed<'a>)> {
        let mut others = self.live.iter().filter(|(other, _)| *other != stack);
        others.find_map(|(other, routes)| Some((other, routes.get(key)?)))
    }

    /// The fleet that has the same route, if another one does.
    pub(super) fn foreign(&self, key: &RouteKey) -> Option<&str> {
        self.foreign.get(key).map(String::as_str)
    }

    /// Whether a stack declares a route, however the settings stand to it.
    pub(super) fn declares(&self, stack: &StackName, key: &RouteKey) -> bool {
        let declared = self.desired.stacks.get(stack).map_or(&[][..], |stack| &stack.routes);
        declared.iter().any(|route| {
            let is_host = match (&route.host, &self.policy.root_domain, &key.host) {
                // What the root domain was, nobody knows any more.
                (RouteHost::BelowRoot(name), None, HostPattern::Exact(host)) => {
                    host.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
                }
                (host, root, _) => host.resolve(root.as_deref()).as_ref() == Some(&key.host),
            };
            is_host && route.path == key.path
        })
    }

    /// The names of the routes that a stack has live or declares, however the settings stand to them; `None` where that cannot
    /// be told, because there is no root domain any more.
    pub(super) fn names(&self, stack: &StackName) -> Option<BTreeSet<String>> {
        let declared = self.desired.stacks.get(stack).map_or(&[][..], |stack| &stack.routes);
        let root = self.policy.root_domain.as_deref();
        let declared = declared.iter().map(|route| {
            let host = route.host.resolve(root)?;
            Some(object(&RouteKey { host, path: route.path.clone() }).name)
        });
        self.live(stack).map(|(key, _)| Some(object(key).name)).chain(declared).collect()
    }

    /// The stack that declares a route, if one can have it.
    pub(super) fn declaring(&self, key: &RouteKey) -> Option<&StackName> {
        let mut stacks = self.wanted.iter().filter(|(_, routes)| routes.contains_key(key));
        stacks.next().map(|(stack, _)| stack)
    }

    /// The live routes that lead to a service, each with its stack.
    pub(super) fn leading_to(
        &self,
        service: &str,
    ) -> impl Iterator<Item = (&StackName, &RouteKey)> {
        let prefix = format!("{service}:");
        let all = self.live.iter().flat_map(|(stack, routes)| {
            routes.iter().map(move |(key, placed)| (stack, key, placed))
        });
        let leads = move |placed: &Placed<'_>| {
            let mut addresses = placed.iter().flat_map(|(_, object)| dialled(object));
            addresses.any(|address| address.starts_with(&prefix))
        };
        all.filter(move |(_, _, placed)| leads(placed)).map(|(stack, key, _)| (stack, key))
    }

    /// Why nothing can be written, if something is in the way.
    pub(super) fn obstacle(&self) -> Option<Hold> {
        let error = self.obstacle.as_ref()?;
        Some(Hold::new(HoldCode::ProxyConflict, error.to_string()).unblock(error.hint()))
    }
}

/// The stacks for which something beside routes is put right: those that are declared and not paused. What one has that
/// is to be removed goes with its routes.
fn active(desired: &Desired, removed: Option<&StackName>) -> BTreeSet<StackName> {
    let active = desired.stacks.iter();
    let active = active.filter(|(name, stack)| !stack.policy.paused && Some(*name) != removed);
    active.map(|(name, _)| name.clone()).collect()
}

fn trusts_proxies(settings: &ProxyPolicy) -> bool {
    match &settings.servers {
        Servers::Own(own) => !own.trusted_proxies.is_empty(),
        Servers::Attached { .. } => false,
    }
}

/// Declared routes by stack and key.
fn wanted(compiled: &Compiled) -> BTreeMap<StackName, BTreeMap<RouteKey, Wanted>> {
    let mut all: BTreeMap<StackName, BTreeMap<RouteKey, Wanted>> = BTreeMap::new();
    for (at, route) in compiled.routes.iter().enumerate() {
        let of_stack = all.entry(route.id.stack.clone()).or_default();
        let wanted = of_stack.entry(route.id.key.clone()).or_insert_with(|| Wanted {
            at: Vec::new(),
            service: route.service.clone(),
            is_raw: route.is_raw,
            place: route.place.clone(),
        });
        wanted.at.push(at);
    }
    all
}

/// A route as plans name it.
pub(super) fn object(key: &RouteKey) -> ObjectKey {
    ObjectKey::new(Kind::Route, key.to_string())
}

/// A few digits that tell objects of a route from others.
pub(in crate::reconciler::plan) fn brief<'v>(
    record: &FleetRecord,
    objects: impl Iterator<Item = &'v Value>,
) -> String {
    // Values of JSON always serialise.
    let bytes: Vec<u8> = objects.flat_map(|object| object.to_string().into_bytes()).collect();
    record.key.suffix(Domain::Route, &bytes, 16)
}

/// A few digits that tell where objects of a route lead; the same for the service and for its tasks.
pub(super) fn led<'v>(record: &FleetRecord, objects: impl Iterator<Item = &'v Value>) -> String {
    let addresses: BTreeSet<String> = objects.flat_map(dialled).collect();
    let addresses: Vec<String> = addresses.into_iter().collect();
    record.key.suffix(Domain::Route, addresses.join("\n").as_bytes(), 8)
}

/// What is remembered of a route with these objects.
pub(super) fn memo<'v>(
    record: &FleetRecord,
    objects: impl IntoIterator<Item = &'v Value>,
) -> RouteMemo {
    let objects: Vec<&Value> = objects.into_iter().collect();
    let led = led(record, objects.iter().copied());
    RouteMemo { brief: brief(record, objects.into_iter()), led: Some(led) }
}

/// Objects that may hold hashes of passwords.
pub(super) fn hidden<'v>(objects: impl Iterator<Item = &'v Value>) -> Redacted<Vec<Value>> {
    Redacted::new(objects.cloned().collect())
}

/// Where two configurations differ, down to where that says something.
fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    const DEPTH: usize = 5;
    let mut found = Vec::new();
    below(before, after, String::new(), DEPTH, &mut found);
    found
}

fn below(before: &Value, after: &Value, path: String, depth: usize, found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(one), Value::Object(other)) if depth > 0 => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let (one, other) = (one.get(key), other.get(key));
                let path = format!("{path}/{key}");
                let null = Value::Null;
                below(one.unwrap_or(&null), other.unwrap_or(&null), path, depth - 1, found);
            }
        }
        _ => found.push(Difference { path, after: after.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desired::{DesiredStack, StackPolicy};

    #[test]
    fn nothing_beside_routes_is_put_right_for_stacks_that_are_paused_or_removed() {
        let stack = |name: &str, paused: bool| {
            let policy = StackPolicy { paused, ..StackPolicy::default() };
            let stack = DesiredStack { policy, ..DesiredStack::empty(name) };
            (stack.name.clone(), stack)
        };
        let stacks = [stack("shop", false), stack("still", true), stack("zoo", false)];
        let desired = Desired { stacks: stacks.into() };
        let names = |removed: &str| {
            let active = active(&desired, Some(&removed.parse().unwrap()));
            active.into_iter().map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names("zoo"), ["shop"]);
        assert_eq!(names("gone"), ["shop", "zoo"]);
    }
}
