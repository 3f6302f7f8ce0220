//! The proxy as a part of the Swarm: which services it is, and on which networks.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::{Desired, DesiredStack};
use crate::model::finding::Finding;
use crate::model::labels;
use crate::model::live::Observed;
use crate::model::place::Place;
use crate::model::route::Action;
use crate::model::service::ServiceSpec;
use crate::proxy::{ProxyPolicy, Servers};

use super::super::context::Context;

/// The value of the label `skep.role` on the service that the proxy runs as.
const PROXY: &str = "proxy";
/// What the repository of its image is called, where no service carries the label.
const IMAGE: &str = "caddy";

/// The networks of each service that is said to be the proxy, by its name. None where it is no part of the Swarm, or nobody
/// says so: services are not moved on a guess.
pub(super) fn labelled(
    desired: &Desired,
    observed: &Observed,
) -> BTreeMap<String, BTreeSet<String>> {
    networks(desired, observed, |spec| {
        spec.labels.get(labels::ROLE).is_some_and(|role| role == PROXY)
    })
}

/// The networks of the services that fulfil a condition, by their names.
fn networks(
    desired: &Desired,
    observed: &Observed,
    is_proxy: impl Fn(&ServiceSpec) -> bool,
) -> BTreeMap<String, BTreeSet<String>> {
    let declared = desired.stacks.values().flat_map(|stack| &stack.services);
    let declared = declared.map(|service| &service.spec);
    let live = observed.services.iter().map(|live| &live.spec);
    let mut proxies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for spec in live.chain(declared).filter(|spec| is_proxy(spec)) {
        let networks = spec.task_template.networks.iter().map(|on| on.target.clone());
        proxies.entry(spec.name.clone()).or_default().extend(networks);
    }
    proxies
}

/// Whether a service looks like the proxy: a Caddy that publishes what routes are served at.
fn is_entrance(spec: &ServiceSpec, policy: &ProxyPolicy) -> bool {
    let image = spec.task_template.container_spec.as_ref().map(|container| &container.image);
    let repository = image.and_then(|image| image.rsplit('/').next()?.split([':', '@']).next());
    let is_entry = |port: u32| match &policy.servers {
        Servers::Own(own) => [own.http_port, own.https_port].map(u32::from).contains(&port),
        Servers::Attached { .. } => true,
    };
    let mut ports = spec.endpoint_spec.iter().flat_map(|endpoint| &endpoint.ports);
    repository == Some(IMAGE) && ports.any(|port| is_entry(port.target_port))
}

/// The services of a stack that routes lead to, with the place of one.
pub(super) fn routed(stack: &DesiredStack) -> BTreeMap<String, Place> {
    let routed = stack.routes.iter().filter_map(|route| match &route.spec.action {
        Action::Service(target) => Some((target.service.clone(), route.place.clone())),
        Action::External(_)
        | Action::Redirect(_)
        | Action::Static(_)
        | Action::Respond(_)
        | Action::Handlers => None,
    });
    routed.collect()
}

/// Warns of routed services that the proxy cannot find: names of services mean something within a network only.
pub(super) fn apart(context: &Context<'_>) -> Vec<Finding> {
    let (desired, observed, known) = (context.desired, context.observed, context.routes);
    let mut proxies = labelled(desired, observed);
    if proxies.is_empty() {
        proxies = networks(desired, observed, |spec| is_entrance(spec, &known.policy));
    }
    let Some(proxy) = proxies.keys().next() else { return Vec::new() };
    let mut shared: BTreeSet<&str> = proxies.values().flatten().map(String::as_str).collect();
    shared.extend(known.network.as_deref());
    let mut findings = Vec::new();
    for stack in context.desired.stacks.values() {
        let mut routed = routed(stack);
        for service in &stack.services {
            let mut networks = service.spec.task_template.networks.iter();
            let Some(place) = routed.remove(&service.spec.name) else { continue };
            if networks.any(|on| on.target != "host" && shared.contains(on.target.as_str())) {
                continue;
            }
            let name = &service.spec.name;
            let message = format!(
                "service {name} shares no network with {proxy}, the proxy, which will not find it"
            );
            let hint =
                "put it on a network of the proxy, or name one in `proxy.network` of the settings";
            findings.push(Finding::warning("no-shared-network", Some(place), message).hint(hint));
        }
    }
    findings
}
