//! What Caddy has of whom already, so that nobody loses it to those that come to want it.

use std::collections::{HashMap, HashSet};

use super::ident::{Entry, RouteId};
use super::live::Live;
use crate::model::desired::Desired;
use crate::model::name::{FleetName, StackName};
use crate::model::route::{HostPattern, RouteKey};

/// Which stacks of a fleet have which routes already, and the wildcards of all.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    live: HashMap<RouteKey, HashSet<StackName>>,
    /// Routes by stack as people read them, which Caddy may have lost.
    remembered: HashSet<(String, String)>,
    wildcards: Vec<Wildcard>,
}

/// A wildcard that Caddy has of a stack.
#[derive(Debug, Clone)]
struct Wildcard {
    name: String,
    /// The stack, if it is one of the fleet.
    stack: Option<StackName>,
    /// Whether its certificate is from files, or from issuers that a stack names.
    is_seen_to: bool,
}

/// What a stack has to do with a route. Earlier ones count more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// Caddy has it as this stack's.
    Live,
    /// Caddy had it so.
    Remembered,
    /// It may want it.
    None,
}

impl Claims {
    /// What Caddy has, where `fleet` is the one that routes are declared for.
    pub fn of_live(live: &Live, fleet: &FleetName) -> Self {
        let mut claims = Self::default();
        for (RouteId { fleet: of, stack, entry, key }, _) in live.routes() {
            let stack = Some(stack).filter(|_| of == *fleet);
            if let (HostPattern::Wildcard(_), Entry::Https) = (&key.host, entry) {
                let name = key.host.to_string();
                let is_seen_to = live.is_seen_to(&name);
                claims.wildcards.push(Wildcard { name, stack: stack.clone(), is_seen_to });
            }
            if let Some(stack) = stack {
                claims.live.entry(key).or_default().insert(stack);
            }
        }
        claims
    }

    /// The wildcards that Caddy has of stacks that are not declared here, and whether somebody has seen to the certificate.
    pub(super) fn wildcards<'c>(
        &'c self,
        desired: &'c Desired,
    ) -> impl Iterator<Item = (String, bool)> + 'c {
        let is_declared = move |stack: &StackName| desired.stacks.contains_key(stack);
        let others =
            self.wildcards.iter().filter(move |one| !one.stack.as_ref().is_some_and(is_declared));
        others.map(|Wildcard { name, stack: _, is_seen_to }| (name.clone(), *is_seen_to))
    }

    /// Adds that `stack` has had `route`, which is called as people read it.
    pub fn remember(&mut self, stack: &str, route: &str) {
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
}
