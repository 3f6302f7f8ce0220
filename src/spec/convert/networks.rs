//! Networks, and how services are attached to them.

use std::collections::BTreeSet;

use super::names::scoped;
use super::origins::Recorder;
use crate::model::desired::Origins;
use crate::model::labels::{self, Labels};
use crate::model::network::{Ipam, IpamPool, NetworkSpec};
use crate::model::task::NetworkAttachment;
use crate::spec::compose::networks::{self, Network, Pool};
use crate::spec::compose::pairs::Options;
use crate::spec::compose::{ComposeFile, Service};
use crate::spec::decode::Located;

/// The key of the network of services that name none.
pub const DEFAULT_NETWORK: &str = "default";

/// The name of a network in the Swarm.
pub fn network_name(stack: &str, key: &str, network: Option<&Network>) -> String {
    network
        .and_then(|network| network.name.as_ref())
        .filter(|name| !name.is_empty())
        .map_or_else(|| scoped(stack, key), |name| name.value.clone())
}

/// The keys of the networks that some service uses, sorted: docker creates no others.
pub fn used_networks(file: &ComposeFile) -> BTreeSet<String> {
    file.services.values().flat_map(|service| keys(service)).collect()
}

fn keys(service: &Service) -> Vec<String> {
    match &service.networks {
        Some(networks) if !networks.0.is_empty() => networks.0.keys().cloned().collect(),
        _ => vec![DEFAULT_NETWORK.to_owned()],
    }
}

/// The networks of a service by name in the Swarm, sorted. Its key is an alias on each that can have one.
pub(super) fn attachments(
    stack: &str,
    key: &str,
    file: &ComposeFile,
    compose: &Service,
    origins: &mut Recorder,
) -> Vec<NetworkAttachment> {
    origins.note_if("networks", compose.networks.as_ref());
    let mut attachments: Vec<NetworkAttachment> = keys(compose)
        .into_iter()
        .map(|network| {
            let declared = file.networks.get(&network).map(|network| &network.value);
            let target = network_name(stack, &network, declared);
            let attachment =
                compose.networks.as_ref().and_then(|networks| networks.0.get(&network));
            let aliases = attachment.and_then(|attachment| attachment.aliases.as_ref());
            let driver_opts = attachment.and_then(|attachment| attachment.driver_opts.as_ref());
            if let Some(attachment) = attachment {
                origins.note(format!("networks.{target}"), &attachment.place);
            }
            origins.note_if(format!("networks.{target}.aliases"), aliases);
            origins.note_if(format!("networks.{target}.driver_opts"), driver_opts);
            let mut aliases = aliases.map(|aliases| aliases.texts()).unwrap_or_default();
            if is_user_defined(&target) {
                aliases.push(key.to_owned());
            }
            let driver_opts = driver_opts.map(|options| options.to_map()).unwrap_or_default();
            NetworkAttachment { target, aliases, driver_opts }
        })
        .collect();
    attachments.sort_by(|a, b| a.target.cmp(&b.target));
    attachments
}

/// Whether names work on a network; on the predefined ones they do not (moby `container.NetworkMode` on Linux, which
/// knows no `nat`).
fn is_user_defined(target: &str) -> bool {
    !matches!(target, "default" | "bridge" | "host" | "none") && !target.starts_with("container:")
}

/// A network to create.
pub(in crate::spec) fn network(
    stack: &str,
    key: &str,
    compose: &Network,
    own_labels: Labels,
) -> (NetworkSpec, Origins) {
    let mut origins = Recorder::default();
    let Network {
        name,
        driver,
        driver_opts,
        ipam,
        external: _,
        internal,
        attachable,
        enable_ipv4,
        enable_ipv6,
        labels,
    } = compose;
    origins.note_if("name", name.as_ref());
    origins.note_if("driver", driver.as_ref());
    origins.note_if("driver_opts", driver_opts.as_ref());
    origins.note_if("ipam", ipam.as_ref());
    origins.note_if("internal", internal.as_ref());
    origins.note_if("attachable", attachable.as_ref());
    origins.note_if("enable_ipv4", enable_ipv4.as_ref());
    origins.note_if("enable_ipv6", enable_ipv6.as_ref());
    let driver = driver.as_ref().map(|driver| driver.value.clone()).filter(|name| !name.is_empty());
    let mut all_labels = labels.as_ref().map(|labels| labels.to_map()).unwrap_or_default();
    all_labels.insert(labels::NAMESPACE.to_owned(), stack.to_owned());
    all_labels.extend(own_labels);
    let spec = NetworkSpec {
        name: network_name(stack, key, Some(compose)),
        driver: driver.unwrap_or_else(|| "overlay".to_owned()),
        enable_ipv4: enable_ipv4.as_ref().map(|enable| enable.value),
        enable_ipv6: enable_ipv6.as_ref().map(|enable| enable.value),
        ipam: ipam.as_ref().and_then(|ipam| address_management(ipam, &mut origins)),
        internal: internal.as_ref().is_some_and(|internal| internal.value),
        attachable: attachable.as_ref().is_some_and(|attachable| attachable.value),
        options: driver_opts.as_ref().map(|options| options.to_map()),
        labels: all_labels,
        ..NetworkSpec::default()
    };
    (spec, origins.into_origins())
}

fn address_management(compose: &networks::Ipam, origins: &mut Recorder) -> Option<Ipam> {
    let networks::Ipam { driver, config, options } = compose;
    let pools: Vec<_> = config.iter().flatten().collect();
    for pool in &pools {
        let subnet = pool.subnet.as_ref().map(|subnet| subnet.as_str()).unwrap_or_default();
        origins.note(format!("ipam.config.{subnet}"), &pool.place);
    }
    let driver = text(driver.as_ref());
    if driver.is_empty() && pools.is_empty() && options.is_none() {
        return None;
    }
    Some(Ipam {
        driver,
        options: options.as_ref().map(Options::to_map),
        config: pools.into_iter().map(|pool| address_pool(pool)).collect(),
    })
}

fn address_pool(pool: &Pool) -> IpamPool {
    let Pool { subnet, ip_range, gateway, aux_addresses } = pool;
    IpamPool {
        subnet: text(subnet.as_ref()),
        ip_range: text(ip_range.as_ref()),
        gateway: text(gateway.as_ref()),
        aux_address: aux_addresses.as_ref().map(Options::to_map).unwrap_or_default(),
    }
}

fn text(text: Option<&Located<String>>) -> String {
    text.map(|text| text.value.clone()).unwrap_or_default()
}
