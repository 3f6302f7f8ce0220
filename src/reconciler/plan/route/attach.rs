//! Routed services on the proxy's network, where they share none with it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::desired::{Desired, DesiredStack};
use crate::model::labels::{self, Labels};
use crate::model::live::Observed;
use crate::model::place::Place;
use crate::model::route::Action;
use crate::model::service::ServiceSpec;
use crate::model::task::NetworkAttachment;

use super::super::super::caddy::ProxyRules;

/// The value of the label `skep.role` on the service that the proxy runs as.
const PROXY: &str = "proxy";

/// What is declared, with routed services attached to the network that the settings name for that. They get no alias
/// there: the proxy dials them by their full name.
pub(in crate::reconciler::plan) fn attached<'d>(
    desired: &'d Desired,
    rules: Option<&ProxyRules>,
    observed: &Observed,
) -> Cow<'d, Desired> {
    let Some(network) = rules.and_then(|rules| rules.network.as_deref()) else {
        return Cow::Borrowed(desired);
    };
    let mut shared = of_proxy(observed);
    shared.insert(network);
    let is_apart = |spec: &ServiceSpec| {
        let mut networks = spec.task_template.networks.iter();
        // A service in the network of its node can be in no other.
        networks.all(|on| !shared.contains(on.target.as_str()) && on.target != "host")
    };
    let mut desired = Cow::Borrowed(desired);
    let names: Vec<_> = desired.stacks.keys().cloned().collect();
    for name in names {
        let Some(stack) = desired.stacks.get(&name) else { continue };
        let routed = routed(stack);
        let apart: BTreeSet<String> = stack
            .services
            .iter()
            .filter(|service| routed.contains_key(&service.spec.name) && is_apart(&service.spec))
            .map(|service| service.spec.name.clone())
            .collect();
        if apart.is_empty() {
            continue;
        }
        let Some(stack) = desired.to_mut().stacks.get_mut(&name) else { continue };
        for service in &mut stack.services {
            if !apart.contains(&service.spec.name) {
                continue;
            }
            service.spec.task_template.networks.push(NetworkAttachment {
                target: network.to_owned(),
                aliases: Vec::new(),
                driver_opts: Labels::new(),
            });
            if let Some(place) = routed.get(&service.spec.name) {
                service.origins.note(format!("networks.{network}"), place);
            }
        }
    }
    desired
}

/// The services of a stack that routes lead to, with the place of one.
fn routed(stack: &DesiredStack) -> BTreeMap<String, Place> {
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

/// The networks that the proxy is on, where it runs as a service of the Swarm.
fn of_proxy(observed: &Observed) -> BTreeSet<&str> {
    let is_proxy = |labels: &Labels| labels.get(labels::ROLE).is_some_and(|role| role == PROXY);
    let proxies = observed.services.iter().filter(|live| is_proxy(&live.spec.labels));
    let networks = proxies.flat_map(|live| &live.spec.task_template.networks);
    networks.map(|network| network.target.as_str()).collect()
}
