//! A configuration in which only some of the routes are as they are wanted. Pure.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use super::compile::{Compiled, CompiledRoute};
use super::ident::RouteId;
use super::kept::keep;
use super::live::{Live, last};
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
        let host = |route: &CompiledRoute| {
            let RouteId { stack, key, .. } = &route.id;
            (stack.clone(), key.host.to_string())
        };
        let compiled: HashSet<(StackName, String)> = self.routes.iter().map(host).collect();
        let left = routes.iter().map(host).filter(|host| !compiled.contains(host)).collect();
        routes.extend(self.routes.iter().filter(|route| chosen.contains(&route.id)).cloned());
        let hosts: HashSet<String> =
            routes.iter().map(|route| route.id.key.host.to_string()).collect();
        let mut part = Self {
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
        keep(&mut part, live, fleet, &left);
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
    hosts.contains(last(certificate))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{compiled, fleet, live};
    use super::super::{Acme, Compiled, Live, ProxyPolicy, Servers, Settled};

    fn settled(stacks: &[&str], routes: &Compiled) -> Settled {
        Settled {
            stacks: stacks.iter().map(|stack| stack.parse().unwrap()).collect(),
            routes: routes.routes.iter().map(|route| route.id.clone()).collect(),
        }
    }

    /// What Caddy has after it got everything of these stacks.
    fn first(stacks: &[(&str, &str)], policy: &ProxyPolicy) -> Live {
        let wanted = compiled(stacks, policy);
        let names: Vec<&str> = stacks.iter().map(|(name, _)| *name).collect();
        let all = settled(&names, &wanted);
        live(
            wanted.merge_settled(&live(json!({})), &fleet(), &policy.servers, &all).unwrap().config,
        )
    }

    #[test]
    fn what_stays_although_nobody_declares_it_keeps_its_certificate() {
        let routes = |routes: &str| {
            format!("x-skep: {{routes: [{routes}]}}\nservices: {{web: {{image: nginx}}}}")
        };
        let declared =
            "{host: b.example.com, tls: internal, respond: b}, {host: d.example.com, respond: d}";
        let left = "{host: a.example.com, tls: internal, respond: a}, \
            {host: c.example.com, tls: {certificate: /c.pem, key: /c.key}, respond: c}, \
            {host: e.example.com, respond: e}";
        let acme = Acme { email: Some("ops@example.com".to_owned()), ..Acme::default() };
        let policy = ProxyPolicy { acme: Some(acme), ..ProxyPolicy::default() };
        let before = first(&[("shop", &routes(&format!("{declared}, {left}")))], &policy);
        let wanted = compiled(&[("shop", &routes(declared))], &policy);
        let only = Settled { routes: [].into(), ..settled(&["shop"], &wanted) };
        let after = wanted.merge_settled(&before, &fleet(), &policy.servers, &only).unwrap();
        assert_eq!(after.config, before.config);
        let written = settled(&["shop"], &wanted);
        let after = wanted.merge_settled(&before, &fleet(), &policy.servers, &written).unwrap();
        assert_eq!(after.config, before.config);
        let none = Compiled::default();
        let after = none.merge_settled(&before, &fleet(), &policy.servers, &only).unwrap();
        assert_eq!(after.config, before.config);
    }

    #[test]
    fn a_write_for_one_stack_has_no_object_of_another_one_twice() {
        let host = "x-skep: {routes: [{host: a.example.com, path: PATH, tls: TLS, respond: a}]}\n\
            services: {web: {image: nginx}}";
        let policy = ProxyPolicy::default();
        for tls in ["internal", "{certificate: /a.pem, key: /a.key}"] {
            let of = |path: &str| host.replace("PATH", path).replace("TLS", tls);
            let (shop, zoo) = (of("/"), of("/zoo"));
            let before = first(&[("shop", &shop)], &policy);
            let wanted = compiled(&[("shop", &shop), ("zoo", &zoo)], &policy);
            let chosen = settled(&["zoo"], &wanted);
            let after = wanted.merge_settled(&before, &fleet(), &policy.servers, &chosen).unwrap();
            assert_eq!(after.config["apps"]["tls"], before.config["apps"]["tls"], "{tls}");
        }
        // Objects of two stacks have one order, whichever of them is written.
        let one = |name: &str| host.replace("a.example.com", name).replace("PATH", "/");
        let (shop, zoo) = (one("b.example.com"), one("a.example.com"));
        let stacks =
            [("shop", shop.replace("TLS", "internal")), ("zoo", zoo.replace("TLS", "internal"))];
        let stacks = stacks.each_ref().map(|(name, text)| (*name, text.as_str()));
        let (before, wanted) = (first(&stacks, &policy), compiled(&stacks, &policy));
        for stacks in [&["shop"][..], &["zoo"], &["shop", "zoo"]] {
            let only = Settled { routes: [].into(), ..settled(stacks, &wanted) };
            let after = wanted.merge_settled(&before, &fleet(), &policy.servers, &only).unwrap();
            assert!(!after.is_changed, "{stacks:?}");
        }
        // A policy of a whole stack, which lacks the host still.
        let acme = Some(Acme::default());
        let policy = ProxyPolicy { acme, ..policy };
        let of = |hosts: &str| {
            host.replace("a.example.com", hosts).replace("PATH", "/").replace(", tls: TLS", "")
        };
        let before = first(&[("shop", &of("a.example.com"))], &policy);
        let zoo = of("b.example.com").replace("path: /", "path: /zoo");
        let wanted =
            compiled(&[("shop", &of("[a.example.com, b.example.com]")), ("zoo", &zoo)], &policy);
        let chosen = settled(&["zoo"], &wanted);
        let after = wanted.merge_settled(&before, &fleet(), &policy.servers, &chosen).unwrap();
        let text = after.config.to_string();
        assert_eq!(text.matches("skep:default:shop:acme").count(), 1, "{text}");
    }

    #[test]
    fn routes_without_tls_that_stay_are_left_where_no_server_is_named_for_them() {
        let stack = "
x-skep: {routes: [{host: a.example.com, respond: a}, {host: b.example.com, http_only: true, respond: b}]}
services: {web: {image: nginx}}";
        let server = |listen: &str| json!({ "listen": [listen] });
        let config = json!({ "apps": { "http": { "servers": {
            "srv0": server(":8443"), "srv1": server(":8080"),
        } } } });
        for http in ["srv0", "srv1"] {
            let attached = |http: Option<&str>| ProxyPolicy {
                servers: Servers::Attached { https: "srv0".to_owned(), http: http.map(Into::into) },
                ..ProxyPolicy::default()
            };
            let (with, without) = (attached(Some(http)), attached(None));
            let wanted = compiled(&[("shop", stack)], &with);
            let all = settled(&["shop"], &wanted);
            let before =
                wanted.merge_settled(&live(config.clone()), &fleet(), &with.servers, &all).unwrap();
            let wanted = compiled(&[("shop", stack)], &without);
            let chosen = settled(&["shop"], &wanted);
            let after = wanted
                .merge_settled(&live(before.config.clone()), &fleet(), &without.servers, &chosen)
                .unwrap();
            assert_eq!(after.config, before.config, "{http}");
        }
    }

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
            routes: routes.into_iter().collect(),
            ..settled(&["shop"], &wanted)
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
