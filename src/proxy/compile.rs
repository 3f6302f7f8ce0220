//! Routes of the world to Caddy's objects. Pure, and the same for the same routes in whatever order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::floors::Features;
use super::ident::{Entry, RouteId};
use super::policy::{ProxyPolicy, Servers};
use super::route::route;
use super::tls::{automatic, certificate, host_policy};
use crate::model::desired::Desired;
use crate::model::name::{FleetName, StackName};
use crate::model::place::Place;
use crate::model::route::{Action, DesiredRoute, HostPattern, RouteKey, Tls};

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
    /// Whether it has handlers or issuers in Caddy's own words, which Caddy may refuse.
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
    tls: BTreeMap<String, (&'a StackName, HostPattern, Tls)>,
    /// Hosts that get certificates by themselves, each with the first stack that has it: Caddy refuses two policies for
    /// one name.
    automatic: BTreeMap<String, &'a StackName>,
}

/// The objects that the routes of the world ask for. Of two stacks with one route, the first by name has it.
pub fn compile(
    desired: &Desired,
    fleet: &FleetName,
    policy: &ProxyPolicy,
    features: Features,
) -> Compiled {
    let mut compiled = Compiled::default();
    let mut hosts = Hosts::default();
    let declared = || {
        let stacks = desired.stacks.values();
        stacks.flat_map(|stack| stack.routes.iter().map(move |route| (&stack.name, route)))
    };
    for (stack, route) in declared() {
        let is_had = |tls: &&Tls| match tls {
            Tls::Automatic => false,
            Tls::Internal | Tls::Files(_) => true,
            Tls::Issuers(_) => policy.raw,
        };
        let tls = route.spec.tls.as_ref().filter(is_had);
        if let (Some(tls), Some(host)) = (tls, route.host.resolve(policy.root_domain.as_deref())) {
            let tls = (stack, host.clone(), tls.clone());
            hosts.tls.entry(host.to_string()).or_insert(tls);
        }
    }
    for (stack, declared) in declared() {
        match accept(stack, declared, policy, &hosts) {
            Ok(key) => {
                hosts.taken.insert(key.clone(), stack);
                if key.host != HostPattern::Any && !declared.spec.http_only {
                    hosts.automatic.entry(key.host.to_string()).or_insert(stack);
                }
                add(&mut compiled, stack, &key, declared, fleet, policy, features);
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
    let own: Vec<_> = hosts
        .tls
        .iter()
        .filter(|(host, (stack, ..))| used.contains(&(*stack, (*host).clone())))
        .collect();
    for (_, (stack, host, tls)) in &own {
        compiled.tls_policies.extend(host_policy(fleet, stack, host, tls));
        if let Tls::Files(files) = tls {
            compiled.certificates.push(certificate(fleet, stack, host, files));
        }
    }
    if let Some(acme) = &policy.acme {
        for (host, _) in own {
            hosts.automatic.remove(host);
        }
        let mut names: BTreeMap<&StackName, Vec<String>> = BTreeMap::new();
        for (host, stack) in hosts.automatic {
            names.entry(stack).or_default().push(host);
        }
        for (stack, names) in names {
            compiled.tls_policies.push(automatic(fleet, stack, &names, acme));
        }
    }
    compiled
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
    if let Some(other) = hosts.taken.get(&key) {
        return Err(Refusal::TakenBy((*other).clone()));
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
    let own = route.spec.tls.as_ref().filter(|tls| **tls != Tls::Automatic);
    match (own, hosts.tls.get(&key.host.to_string())) {
        (Some(own), Some((other, _, tls))) if *other != stack && own != tls => {
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

fn add(
    compiled: &mut Compiled,
    stack: &StackName,
    key: &RouteKey,
    declared: &DesiredRoute,
    fleet: &FleetName,
    policy: &ProxyPolicy,
    features: Features,
) {
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
            is_raw: is_raw(declared),
            place: declared.place.clone(),
            object,
        });
    }
}
