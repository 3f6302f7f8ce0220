//! A configuration in which only some of the routes are as they are wanted. Pure.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::compile::{Compiled, CompiledRoute};
use super::ident::RouteId;
use super::live::Live;
use super::merge::{MergeError, Merged, merge};
use super::policy::Servers;
use crate::model::name::{FleetName, StackName};
use crate::model::place::Place;

/// Which routes become as they are wanted; all others stay as Caddy has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// The stacks whose certificates become as they are wanted.
    pub stacks: BTreeSet<StackName>,
    /// The routes, in those stacks.
    pub routes: HashSet<RouteId>,
}

impl Compiled {
    /// Puts those that are `settled` into the configuration `live`, and nothing else.
    ///
    /// # Errors
    /// When something of others is in the way.
    pub fn merge_settled(
        &self,
        live: &Live,
        fleet: &FleetName,
        servers: &Servers,
        settled: &Settled,
    ) -> Result<Merged, MergeError> {
        let Settled { stacks, routes: chosen } = settled;
        let stays =
            |id: &RouteId| id.fleet == *fleet && stacks.contains(&id.stack) && !chosen.contains(id);
        let mut routes: Vec<CompiledRoute> =
            live.routes().filter(|(id, _)| stays(id)).map(as_it_is).collect();
        routes.extend(self.routes.iter().filter(|route| chosen.contains(&route.id)).cloned());
        let hosts: HashSet<String> =
            routes.iter().map(|route| route.id.key.host.to_string()).collect();
        let part = Self {
            routes,
            tls_policies: self.tls_policies.iter().filter_map(|one| policy(one, &hosts)).collect(),
            certificates: self
                .certificates
                .iter()
                .filter(|one| is_of(one, &hosts))
                .cloned()
                .collect(),
            refused: Vec::new(),
        };
        merge(live, &part, fleet, servers, &|stack| stacks.contains(stack))
    }
}

/// A route that stays as it is; where it was declared, Caddy does not say.
fn as_it_is((id, object): (RouteId, &Value)) -> CompiledRoute {
    CompiledRoute {
        id,
        service: None,
        is_raw: false,
        place: Place::file("Caddy"),
        object: object.clone(),
    }
}

/// A policy for those of its names that are among `hosts`.
fn policy(policy: &Value, hosts: &HashSet<String>) -> Option<Value> {
    let mut names = policy.get("subjects")?.as_array()?.clone();
    names.retain(|name| name.as_str().is_some_and(|name| hosts.contains(name)));
    let mut policy = policy.clone();
    let is_empty = names.is_empty();
    policy["subjects"] = names.into();
    (!is_empty).then_some(policy)
}

/// Whether a certificate is of one of `hosts`, which its id ends with.
fn is_of(certificate: &Value, hosts: &HashSet<String>) -> bool {
    let host = certificate.get("@id").and_then(Value::as_str).and_then(|id| id.rsplit(':').next());
    host.is_some_and(|host| hosts.contains(host))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{compiled, fleet, live};
    use super::super::{ProxyPolicy, Settled};

    #[test]
    fn what_is_not_settled_stays_as_it_is_with_its_certificate() {
        let stack = "
x-skep:
  routes:
    - {host: a.example.com, tls: internal, respond: new}
    - {host: b.example.com, tls: internal, respond: b}
services: {web: {image: nginx}}";
        let policy = ProxyPolicy::default();
        let wanted = compiled(&[("shop", stack)], &policy);
        let [a, b] = wanted.routes.as_slice() else { panic!("two routes") };
        let settled = |routes: Vec<_>| Settled {
            stacks: ["shop".parse().unwrap()].into(),
            routes: routes.into_iter().collect(),
        };
        let merge = |config, settled| {
            wanted.merge_settled(&live(config), &fleet(), &policy.servers, &settled).unwrap()
        };
        let first = merge(json!({}), settled(vec![b.id.clone()]));
        let of = |config: &serde_json::Value| {
            (live(config.clone()).routes().count(), config["apps"]["tls"].to_string())
        };
        let (routes, tls) = of(&first.config);
        assert_eq!(routes, 1);
        assert!(tls.contains("b.example.com") && !tls.contains("a.example.com"), "{tls}");
        let second = merge(first.config.clone(), settled(vec![]));
        assert!(!second.is_changed);
        let third = merge(first.config, settled(vec![a.id.clone()]));
        let (routes, tls) = of(&third.config);
        assert_eq!(routes, 2);
        assert!(tls.contains("a.example.com") && tls.contains("b.example.com"), "{tls}");
    }
}
