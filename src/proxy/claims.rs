//! What Caddy has of whom already, so that nobody loses it to those that come to want it.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::automation::{is_automatic, subjects};
use super::ident::{Entry, RouteId};
use super::live::{Live, last, owner};
use super::merge::{FILES, POLICIES};
use crate::model::name::{FleetName, StackName};
use crate::model::route::{HostPattern, RouteKey};

/// Which stacks of a fleet have which routes and certificates already, and the wildcards of all.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    live: HashMap<RouteKey, HashSet<StackName>>,
    /// Routes by stack as people read them, which Caddy may have lost.
    remembered: HashSet<(String, String)>,
    /// Hosts by stack that there are or were routes of.
    hosts: HashSet<(String, String)>,
    /// Hosts by stack that Caddy has the certificates of as this stack's.
    certified: HashSet<(StackName, String)>,
    /// Hosts with an automatic certificate of their own, which Caddy has been told of.
    apart: HashSet<String>,
    /// The wildcards that Caddy has, and whether somebody has seen to the certificate.
    wildcards: BTreeMap<String, bool>,
}

/// What a stack has to do with a route, or with the certificate of a host. Earlier ones count more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// Caddy has it as this stack's.
    Live,
    /// Caddy had it so; or it has, or had, a route of the host.
    Remembered,
    /// It may want it.
    None,
}

impl Claims {
    /// What Caddy has, where `fleet` is the one that routes are declared for.
    pub fn of_live(live: &Live, fleet: &FleetName) -> Self {
        let mut claims = Self::default();
        for (RouteId { fleet: of, stack, entry, key }, _) in live.routes() {
            let host = key.host.to_string();
            if let (HostPattern::Wildcard(_), Entry::Https) = (&key.host, entry) {
                let is_seen_to = live.is_seen_to(&host);
                claims.wildcards.insert(host.clone(), is_seen_to);
            }
            if of == *fleet {
                claims.hosts.insert((stack.to_string(), host));
                claims.live.entry(key).or_default().insert(stack);
            }
        }
        let of_stack = |object: &Value| owner(object).filter(|of| of.fleet == *fleet)?.stack;
        for policy in live.list(&POLICIES) {
            let Some(stack) = of_stack(policy) else { continue };
            for name in subjects(policy) {
                claims.certified.insert((stack.clone(), name.to_owned()));
                if is_automatic(policy) {
                    claims.apart.insert(name.to_owned());
                }
            }
        }
        for file in live.list(&FILES) {
            let of_host = of_stack(file).map(|stack| (stack, last(file).to_owned()));
            claims.certified.extend(of_host);
        }
        claims
    }

    /// The wildcards that Caddy has, whosever they are and declared or not, and whether somebody has seen to the certificate.
    pub(super) const fn wildcards(&self) -> &BTreeMap<String, bool> {
        &self.wildcards
    }

    /// Whether Caddy has been told to get a host an automatic certificate of its own.
    pub(super) fn is_apart(&self, host: &str) -> bool {
        self.apart.contains(host)
    }

    /// Adds that `stack` has had `route`, which is called as people read it.
    pub fn remember(&mut self, stack: &str, route: &str) {
        let host = route.split_once('/').map_or(route, |(host, _)| host);
        self.hosts.insert((stack.to_owned(), host.to_owned()));
        self.remembered.insert((stack.to_owned(), route.to_owned()));
    }

    /// What `stack` has to do with a route.
    pub(super) fn of(&self, stack: &StackName, route: &RouteKey) -> Claim {
        if self.live.get(route).is_some_and(|stacks| stacks.contains(stack)) {
            return Claim::Live;
        }
        let is_remembered = self.remembered.contains(&(stack.to_string(), route.to_string()));
        if is_remembered { Claim::Remembered } else { Claim::None }
    }

    /// What `stack` has to do with the certificate of a host. A route of it that is written does not change that: the one
    /// that is named with the certificate stays the one.
    pub(super) fn of_host(&self, stack: &StackName, host: &str) -> Claim {
        if self.certified.contains(&(stack.clone(), host.to_owned())) {
            return Claim::Live;
        }
        let is_known = self.hosts.contains(&(stack.to_string(), host.to_owned()));
        if is_known { Claim::Remembered } else { Claim::None }
    }
}
