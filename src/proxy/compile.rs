//! Routes of the world to Caddy's objects. Pure, and the same for the same routes in whatever order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::certificates::{Served, certificates};
use super::claims::{Claim, Claims};
use super::floors::Features;
use super::ident::{Entry, RouteId};
use super::policy::{ProxyPolicy, Servers};
use super::route::route;
use crate::model::desired::Desired;
use crate::model::name::{FleetName, StackName};
use crate::model::place::Place;
use crate::model::route::{Action, DesiredRoute, HostPattern, RouteHost, RouteKey, Tls};

/// The objects that the routes of the world ask for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compiled {
    /// Routes, in the order in which Caddy has to ask.
    pub routes: Vec<CompiledRoute>,
    /// Automation policies of the `tls` app: whose certificates come from where.
    pub tls_policies: Vec<Value>,
    /// Certificates from files.
    pub certificates: Vec<Value>,
    /// Routes that cannot be had.
    pub refused: Vec<Refused>,
}

/// A route as an object of Caddy.
#[derive(Debug, Clone, PartialEq)]
pub struct CompiledRoute {
    /// Which.
    pub id: RouteId,
    /// The full name of the service that answers, if one does.
    pub service: Option<String>,
    /// Whether it has handlers, or its host issuers, in Caddy's own words, which Caddy may refuse.
    pub is_raw: bool,
    /// Where it is declared.
    pub place: Place,
    /// The object.
    pub object: Value,
}

/// A declared route that cannot be had as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The stack that declares it.
    pub stack: StackName,
    /// Its host and path, as far as they are known.
    pub route: String,
    /// Why.
    pub reason: Refusal,
    /// Where it is declared.
    pub place: Place,
}

/// Why a declared route cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// `host: auto` without a root domain in the settings.
    NoRootDomain,
    /// Another stack has the same host and path.
    TakenBy(StackName),
    /// Another route of the stack is for the same host and path, which only the settings tell.
    Twice(String),
    /// Another stack wants the certificate of the host from elsewhere.
    OtherTls(StackName),
    /// Handlers or issuers in Caddy's own words, which the settings do not allow.
    RawNotAllowed,
    /// A directory outside of those that the settings allow.
    NotBelowStaticRoots(String),
    /// A host without TLS, while the settings name a server with TLS alone.
    NoHttpServer,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRootDomain => f.write_str("`auto` needs `proxy.root_domain` in the settings"),
            Self::TakenBy(stack) => write!(f, "stack {stack} has this route"),
            Self::Twice(route) => write!(f, "another route of the stack is for {route}, too"),
            Self::OtherTls(stack) => {
                write!(f, "stack {stack} wants the certificate of this host from elsewhere")
            }
            Self::RawNotAllowed => {
                f.write_str("Caddy's own words need `proxy.raw: true` in the settings")
            }
            Self::NotBelowStaticRoots(directory) => {
                write!(f, "{directory} is not below `proxy.static_roots` of the settings")
            }
            Self::NoHttpServer => f.write_str(
                "`http_only` needs `proxy.http_server` beside `proxy.server` in the settings",
            ),
        }
    }
}

/// A declared route.
struct Declared<'a> {
    stack: &'a StackName,
    route: &'a DesiredRoute,
    /// Which it is, as far as the settings tell.
    key: Option<RouteKey>,
}

/// A route that can be had.
struct Accepted<'a> {
    stack: &'a StackName,
    key: RouteKey,
    route: &'a DesiredRoute,
}

/// The objects that the routes of the world ask for, where nobody has any of them yet.
pub fn compile(
    desired: &Desired,
    fleet: &FleetName,
    policy: &ProxyPolicy,
    features: Features,
) -> Compiled {
    compile_with(desired, fleet, policy, features, &Claims::default())
}

/// The objects that the routes of the world ask for. Of two stacks with one route that has it which has a claim to it, and if
/// none does, the first by name.
pub fn compile_with(
    desired: &Desired,
    fleet: &FleetName,
    policy: &ProxyPolicy,
    features: Features,
    claims: &Claims,
) -> Compiled {
    let mut compiled = Compiled::default();
    let mut declared = declared(desired, policy);
    let (mut accepted, told) = loop {
        let mut refused = Vec::new();
        let accepted = accepted(&declared, policy, claims, &mut refused);
        let told = told(&declared, &accepted, policy, claims);
        if !make_room(&mut declared, &accepted, &told, claims, &mut compiled.refused) {
            compiled.refused.extend(refused);
            break (accepted, told);
        }
    };
    accepted.sort_by_cached_key(|one| rank(claims, one.stack, &one.key.host));
    let mut served: BTreeMap<String, Served<'_>> = BTreeMap::new();
    for one in accepted {
        let Accepted { stack, ref key, route } = one;
        let name = key.host.to_string();
        let of_host = told.get(&name);
        if let Some(reason) = other_tls(stack, route, of_host) {
            compiled.refused.push(refused(stack, route, reason));
            continue;
        }
        let is_issued = of_host.is_some_and(|host| matches!(host.told, Some(Tls::Issuers(_))));
        if key.host != HostPattern::Any && !route.spec.http_only {
            let host = key.host.clone();
            served.entry(name).or_insert(Served { stack, host, told: None });
        }
        let is_raw = is_raw(route) || is_issued;
        add(&mut compiled, one, is_raw, fleet, policy, features);
    }
    compiled.routes.sort_by(|a, b| (a.id.entry, &a.id.key).cmp(&(b.id.entry, &b.id.key)));
    compiled.refused.sort_by(|a, b| (&a.stack, &a.route).cmp(&(&b.stack, &b.route)));
    served.extend(told);
    (compiled.tls_policies, compiled.certificates) =
        certificates(&served, claims, fleet, policy.acme.as_ref());
    compiled
}

/// The declared routes by stack; in one stack those come first that name their host.
fn declared<'a>(desired: &'a Desired, policy: &ProxyPolicy) -> Vec<Declared<'a>> {
    let root = policy.root_domain.as_deref();
    let stacks = desired.stacks.values();
    let declared = stacks.flat_map(|stack| {
        stack.routes.iter().map(move |route| {
            let key = route.host.resolve(root);
            let key = key.map(|host| RouteKey { host, path: route.path.clone() });
            Declared { stack: &stack.name, route, key }
        })
    });
    let mut declared: Vec<Declared<'_>> = declared.collect();
    declared.sort_by_key(|one| (one.stack, matches!(one.route.host, RouteHost::BelowRoot(_))));
    declared
}

/// The routes that can be had if their hosts' certificates can, one for each host and path: that of the stack that has it, else
/// of one that had it, else of the first by name.
fn accepted<'a>(
    declared: &[Declared<'a>],
    policy: &ProxyPolicy,
    claims: &Claims,
    refusals: &mut Vec<Refused>,
) -> Vec<Accepted<'a>> {
    let mut by_claim: Vec<&Declared<'a>> = declared.iter().collect();
    by_claim.sort_by_cached_key(|one| {
        one.key.as_ref().map_or(Claim::None, |key| claims.of(one.stack, key))
    });
    let mut taken: BTreeMap<RouteKey, &'a StackName> = BTreeMap::new();
    let mut accepted = Vec::new();
    for one in by_claim {
        let Declared { stack, route, key: _ } = *one;
        match accept(one, policy, &taken) {
            Ok(key) => {
                taken.insert(key.clone(), stack);
                accepted.push(Accepted { stack, key, route });
            }
            Err(reason) => refusals.push(refused(stack, route, reason)),
        }
    }
    accepted
}

/// Takes those that are `accepted`, and cannot be had because of what is `told` of the certificates of their hosts, out of those
/// that are `declared`, and says whether there were some: others may want their hosts and paths. One that is there keeps its
/// place.
fn make_room(
    declared: &mut Vec<Declared<'_>>,
    accepted: &[Accepted<'_>],
    told: &BTreeMap<String, Served<'_>>,
    claims: &Claims,
    refusals: &mut Vec<Refused>,
) -> bool {
    let new = accepted.iter().filter(|one| claims.of(one.stack, &one.key) == Claim::None);
    let gone: Vec<(&DesiredRoute, Refused)> = new
        .filter_map(|Accepted { stack, key, route }| {
            let reason = other_tls(stack, route, told.get(&key.host.to_string()))?;
            Some((*route, refused(stack, route, reason)))
        })
        .collect();
    let before = declared.len();
    declared.retain(|one| !gone.iter().any(|(route, _)| std::ptr::eq(*route, one.route)));
    refusals.extend(gone.into_iter().map(|(_, refused)| refused));
    declared.len() < before
}

/// What stacks say of the certificates of hosts that they have a route of, each with the first by [`rank`] that says
/// something.
fn told<'a>(
    declared: &[Declared<'a>],
    accepted: &[Accepted<'a>],
    policy: &ProxyPolicy,
    claims: &Claims,
) -> BTreeMap<String, Served<'a>> {
    let had: BTreeSet<(&StackName, String)> =
        accepted.iter().map(|one| (one.stack, one.key.host.to_string())).collect();
    let is_had = |tls: &&Tls| match tls {
        Tls::Automatic | Tls::Internal | Tls::Files(_) => true,
        Tls::Issuers(_) => policy.raw,
    };
    let said = declared.iter().filter_map(|one| {
        let host = &one.key.as_ref()?.host;
        let tls = one.route.spec.tls.as_ref().filter(is_had)?;
        had.contains(&(one.stack, host.to_string())).then_some((one.stack, host, tls))
    });
    let mut said: Vec<_> = said.collect();
    said.sort_by_cached_key(|(stack, host, _)| rank(claims, stack, host));
    let mut told = BTreeMap::new();
    for (stack, host, tls) in said {
        let served = || Served { stack, host: host.clone(), told: Some(tls.clone()) };
        told.entry(host.to_string()).or_insert_with(served);
    }
    told
}

/// Which stack the certificate of a host belongs to, of those that have routes of it: the lowest. It stays the same when more
/// of these routes are written.
fn rank(claims: &Claims, stack: &StackName, host: &HostPattern) -> (Claim, StackName) {
    (claims.of_host(stack, &host.to_string()), stack.clone())
}

fn refused(stack: &StackName, route: &DesiredRoute, reason: Refusal) -> Refused {
    Refused {
        stack: stack.clone(),
        route: format!("{}{}", route.host, route.path),
        reason,
        place: route.place.clone(),
    }
}

/// Why a route cannot be had beside what is `told` of its host's certificate, if it cannot.
fn other_tls(
    stack: &StackName,
    route: &DesiredRoute,
    of_host: Option<&Served<'_>>,
) -> Option<Refusal> {
    let Served { stack: other, host: _, told } = of_host?;
    let differs = route.spec.tls.is_some() && route.spec.tls != *told;
    (*other != stack && differs).then(|| Refusal::OtherTls((*other).clone()))
}

/// Whether a route can be had if its host's certificate can, and which it is.
fn accept(
    declared: &Declared<'_>,
    policy: &ProxyPolicy,
    taken: &BTreeMap<RouteKey, &StackName>,
) -> Result<RouteKey, Refusal> {
    let Declared { stack, route, key } = declared;
    let key = key.clone().ok_or(Refusal::NoRootDomain)?;
    match taken.get(&key) {
        Some(other) if other == stack => return Err(Refusal::Twice(key.to_string())),
        Some(other) => return Err(Refusal::TakenBy((*other).clone())),
        None => {}
    }
    if is_raw(route) && !policy.raw {
        return Err(Refusal::RawNotAllowed);
    }
    if route.spec.http_only && !has_http(policy) {
        return Err(Refusal::NoHttpServer);
    }
    if let Action::Static(files) = &route.spec.action {
        let is_below = |root: &String| {
            let rest = files.directory.strip_prefix(root.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !policy.static_roots.iter().any(is_below) {
            return Err(Refusal::NotBelowStaticRoots(files.directory.clone()));
        }
    }
    Ok(key)
}

fn is_raw(route: &DesiredRoute) -> bool {
    !route.spec.handlers.is_empty() || matches!(route.spec.tls, Some(Tls::Issuers(_)))
}

/// Whether there is a server for routes without TLS.
const fn has_http(policy: &ProxyPolicy) -> bool {
    match &policy.servers {
        Servers::Own(_) => true,
        Servers::Attached { https: _, http } => http.is_some(),
    }
}

fn add(
    compiled: &mut Compiled,
    accepted: Accepted<'_>,
    is_raw: bool,
    fleet: &FleetName,
    policy: &ProxyPolicy,
    features: Features,
) {
    let Accepted { stack, key, route: declared } = accepted;
    let entries: &[Entry] = match (declared.spec.http_only, &key.host) {
        (true, _) => &[Entry::Http],
        (false, HostPattern::Any) if has_http(policy) => &[Entry::Https, Entry::Http],
        (false, _) => &[Entry::Https],
    };
    let service = match &declared.spec.action {
        Action::Service(target) => Some(target.service.clone()),
        Action::External(_)
        | Action::Redirect(_)
        | Action::Static(_)
        | Action::Respond(_)
        | Action::Handlers => None,
    };
    for entry in entries {
        let id =
            RouteId { fleet: fleet.clone(), stack: stack.clone(), entry: *entry, key: key.clone() };
        let object = route(&id, &declared.spec, policy, features);
        compiled.routes.push(CompiledRoute {
            id,
            service: service.clone(),
            is_raw,
            place: declared.place.clone(),
            object,
        });
    }
}
