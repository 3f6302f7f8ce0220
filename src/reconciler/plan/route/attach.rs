//! Routed services on the proxy's network, where they share none with it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::model::desired::Desired;
use crate::model::labels::Labels;
use crate::model::live::Observed;
use crate::model::service::ServiceSpec;
use crate::model::task::NetworkAttachment;

use super::super::super::caddy::ProxyRules;
use super::proxies::{labelled, routed};

/// What is declared, with routed services attached to the network that the settings name for that. They get no alias
/// there: the proxy dials them by their full name.
pub(in crate::reconciler::plan) fn attached<'d>(
    desired: &'d Desired,
    rules: Option<&ProxyRules>,
    observed: &Observed,
) -> Cow<'d, Desired> {
    let Some(ProxyRules { network: Some(network), policy: _ }) = rules else {
        return Cow::Borrowed(desired);
    };
    let proxies = labelled(desired, observed);
    let mut shared: BTreeSet<&str> = proxies.values().flatten().map(String::as_str).collect();
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
                target: network.clone(),
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
