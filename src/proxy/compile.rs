//! Routes of the world to Caddy's objects. Pure, and the same for the same routes in whatever order.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::floors::Features;
use super::ident::{Entry, RouteId};
use super::policy::ProxyPolicy;
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
        }
    }
}

/// What is known of the hosts so far.
#[derive(Default)]
struct Hosts<'a> {
    taken: BTreeMap<RouteKey, &'a StackName>,
    tls: BTreeMap<String, (&'a StackName, HostPattern, Tls)>,
    automatic: BTreeMap<&'a StackName, Vec<String>>,
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
        let tls = route.spec.tls.as_ref().filter(|tls| **tls != Tls::Automatic);
        if let (Some(tls), Some(host)) = (tls, route.host.resolve(policy.root_domain.as_deref())) {
            let tls = (stack, host.clone(), tls.clone());
            hosts.tls.entry(host.to_string()).or_insert(tls);
        }
    }
    for (stack, declared) in declared() {
        match accept(stack, declared, policy, &hosts) {
            Ok(key) => {
                hosts.taken.insert(key.clone(), stack);
                note_automatic(&mut hosts, stack, &key.host, declared);
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
    let used = |host: &HostPattern, stack: &StackName| {
        compiled.routes.iter().any(|r| r.id.key.host == *host && r.id.stack == *stack)
    };
    let own: Vec<_> =
        hosts.tls.into_values().filter(|(stack, host, _)| used(host, stack)).collect();
    for (stack, host, tls) in &own {
        compiled.tls_policies.extend(host_policy(fleet, stack, host, tls));
        if let Tls::Files(files) = tls {
            compiled.certificates.push(certificate(fleet, stack, host, files));
        }
    }
    if let Some(acme) = &policy.acme {
        for (stack, mut names) in hosts.automatic {
            names.retain(|name| !own.iter().any(|(_, host, _)| host.to_string() == *name));
            names.sort();
            compiled.tls_policies.extend(automatic(fleet, stack, &names, acme));
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

/// Notes a host that gets its certificate by itself.
fn note_automatic<'a>(
    hosts: &mut Hosts<'a>,
    stack: &'a StackName,
    host: &HostPattern,
    route: &DesiredRoute,
) {
    let name = host.to_string();
    // Caddy refuses two policies for one name; that of the first stack will do.
    let is_known = hosts.automatic.values().any(|names| names.contains(&name));
    if *host != HostPattern::Any && !route.spec.http_only && !is_known {
        hosts.automatic.entry(stack).or_default().push(name);
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
        (false, HostPattern::Any) => &[Entry::Https, Entry::Http],
        (false, HostPattern::Exact(_) | HostPattern::Wildcard(_)) => &[Entry::Https],
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
