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

/// What is known of the hosts so far.
#[derive(Default)]
struct Hosts<'a> {
    taken: BTreeMap<RouteKey, &'a StackName>,
    /// What routes say of certificates, each with the first stack that says something.
    told: BTreeMap<String, Served<'a>>,
    /// Hosts that are served with TLS, each with the first stack that has it.
    served: BTreeMap<String, Served<'a>>,
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
    let mut hosts = Hosts::default();
    let declared = by_claim(desired, policy, claims);
    for (stack, route) in &declared {
        let is_had = |tls: &&Tls| match tls {
            Tls::Automatic | Tls::Internal | Tls::Files(_) => true,
            Tls::Issuers(_) => policy.raw,
        };
        let tls = route.spec.tls.as_ref().filter(is_had);
        if let (Some(tls), Some(host)) = (tls, route.host.resolve(policy.root_domain.as_deref())) {
            let name = host.to_string();
            let told = || Served { stack, host, told: Some(tls.clone()) };
            hosts.told.entry(name).or_insert_with(told);
        }
    }
    for (stack, declared) in declared {
        match accept(stack, declared, policy, &hosts) {
            Ok(key) => {
                hosts.taken.insert(key.clone(), stack);
                if key.host != HostPattern::Any && !declared.spec.http_only {
                    let host = key.host.clone();
                    let served = Served { stack, host, told: None };
                    hosts.served.entry(key.host.to_string()).or_insert(served);
                }
                let told =
                    hosts.told.get(&key.host.to_string()).and_then(|host| host.told.as_ref());
                let is_raw = is_raw(declared) || matches!(told, Some(Tls::Issuers(_)));
                let accepted = Accepted { stack, key, declared, is_raw };
                add(&mut compiled, accepted, fleet, policy, features);
            }
            Err(reason) => compiled.refused.push(Refused {
                stack: stack.clone(),
                route: format!("{}{}", declared.host, declared.path),
                reason,
                place: declared.place.clone(),
            }),
        }
    }
    compiled.routes.sort_by(|a, b| (a.id.entry, &a.id.key).cmp(&(b.id.entry, &b.id.key)));
    compiled.refused.sort_by(|a, b| (&a.stack, &a.route).cmp(&(&b.stack, &b.route)));
    let used: BTreeSet<(&StackName, String)> = compiled
        .routes
        .iter()
        .map(|route| (&route.id.stack, route.id.key.host.to_string()))
        .collect();
    let Hosts { taken: _, told, mut served } = hosts;
    served
        .extend(told.into_iter().filter(|(name, told)| used.contains(&(told.stack, name.clone()))));
    (compiled.tls_policies, compiled.certificates) =
        certificates(&served, claims.wildcards(desired), fleet, policy.acme.as_ref());
    compiled
}

/// The declared routes: first those that their stack has, those that it had after them, then all others by stack. In one stack
/// those come first that name their host.
fn by_claim<'a>(
    desired: &'a Desired,
    policy: &ProxyPolicy,
    claims: &Claims,
) -> Vec<(&'a StackName, &'a DesiredRoute)> {
    let stacks = desired.stacks.values();
    let declared =
        stacks.flat_map(|stack| stack.routes.iter().map(move |route| (&stack.name, route)));
    let mut declared: Vec<_> = declared.collect();
    declared.sort_by_cached_key(|(stack, DesiredRoute { host, path, spec: _, place: _ })| {
        let resolved = host.resolve(policy.root_domain.as_deref());
        let key = resolved.map(|host| RouteKey { host, path: path.clone() });
        let claim = key.map_or(Claim::None, |key| claims.of(stack, &key));
        (claim, (*stack).clone(), matches!(host, RouteHost::BelowRoot(_)))
    });
    declared
}

/// Whether a route can be had, and which it is.
fn accept(
    stack: &StackName,
    route: &DesiredRoute,
    policy: &ProxyPolicy,
    hosts: &Hosts<'_>,
) -> Result<RouteKey, Refusal> {
    let host = route.host.resolve(policy.root_domain.as_deref()).ok_or(Refusal::NoRootDomain)?;
    let key = RouteKey { host, path: route.path.clone() };
    match hosts.taken.get(&key) {
        Some(other) if *other == stack => return Err(Refusal::Twice(key.to_string())),
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
    match (&route.spec.tls, hosts.told.get(&key.host.to_string())) {
        (Some(own), Some(Served { stack: other, host: _, told }))
            if *other != stack && told.as_ref() != Some(own) =>
        {
            Err(Refusal::OtherTls((*other).clone()))
        }
        _ => Ok(key),
    }
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

/// A route that can be had.
struct Accepted<'a> {
    stack: &'a StackName,
    key: RouteKey,
    declared: &'a DesiredRoute,
    is_raw: bool,
}

fn add(
    compiled: &mut Compiled,
    accepted: Accepted<'_>,
    fleet: &FleetName,
    policy: &ProxyPolicy,
    features: Features,
) {
    let Accepted { stack, key, declared, is_raw } = accepted;
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
