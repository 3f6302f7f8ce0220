//! What the Engine makes up for a network, told from what was asked for.

use crate::model::network::{ConfigFrom, Ipam, IpamPool, NetworkSpec};

use super::super::names::SWARM_SCOPE;

/// An option in which the overlay driver notes the ids that it assigned.
const VXLAN_IDS: &str = "com.docker.network.driver.overlay.vxlanid_list";
/// An option that the Engine adds to options for the address manager.
const IPAM_SERIAL: &str = "com.docker.network.ipam.serial";

/// `live` as it would have been asked for by someone who wanted `desired`: equal to `desired` (see
/// [`network_asked`]) exactly if the network is what `desired` asks for.
///
/// Where `desired` leaves a choice to the Engine (subnets, gateways, the address manager), what the Engine chose is
/// left out. A network that the Engine has not set up yet says nothing of driver, options and addresses: they are
/// taken to be as desired. Labels are taken from `desired`: they cannot be changed, and nothing depends on them.
pub fn network_as_asked(live: &NetworkSpec, desired: &NetworkSpec) -> NetworkSpec {
    let NetworkSpec {
        name,
        driver,
        scope,
        enable_ipv4,
        enable_ipv6,
        ipam,
        internal,
        attachable,
        ingress,
        config_only,
        config_from,
        options,
        labels: _,
    } = live;
    let pending = driver.is_empty();
    let mut asked = NetworkSpec {
        name: name.clone(),
        driver: driver.clone(),
        scope: scope.clone(),
        enable_ipv4: *enable_ipv4,
        enable_ipv6: *enable_ipv6,
        ipam: ipam_as_asked(ipam.as_ref(), desired.ipam.as_ref()),
        internal: *internal,
        attachable: *attachable,
        ingress: *ingress,
        config_only: *config_only,
        config_from: config_from.clone(),
        options: options.clone(),
        labels: desired.labels.clone(),
    };
    if pending {
        asked.driver.clone_from(&desired.driver);
        asked.options.clone_from(&desired.options);
        asked.ipam.clone_from(&desired.ipam);
    }
    if let Some(options) = &mut asked.options {
        let wanted = desired.options.as_ref();
        options.retain(|option, _| {
            option != VXLAN_IDS || wanted.is_some_and(|wanted| wanted.contains_key(option))
        });
    }
    network_asked(&asked)
}

/// The normal form of a network that is asked for.
pub fn network_asked(desired: &NetworkSpec) -> NetworkSpec {
    let mut asked = desired.clone();
    let NetworkSpec {
        name: _,
        driver: _,
        scope,
        enable_ipv4,
        enable_ipv6,
        ipam,
        internal: _,
        attachable: _,
        ingress: _,
        config_only: _,
        config_from,
        options,
        labels: _,
    } = &mut asked;
    if scope.is_empty() {
        SWARM_SCOPE.clone_into(scope);
    }
    // Engines before API 1.48 say nothing of IPv4, and no swarm network goes without it.
    enable_ipv4.get_or_insert(true);
    enable_ipv6.get_or_insert(false);
    if config_from.as_ref().is_some_and(|ConfigFrom { network }| network.is_empty()) {
        *config_from = None;
    }
    if options.as_ref().is_some_and(std::collections::BTreeMap::is_empty) {
        *options = None;
    }
    if let Some(Ipam { driver, options, config }) = ipam {
        if driver == "default" {
            driver.clear();
        }
        if options.as_ref().is_some_and(std::collections::BTreeMap::is_empty) {
            *options = None;
        }
        for pool in config.iter_mut() {
            let IpamPool { subnet: _, ip_range: _, gateway: _, aux_address } = pool;
            // Swarm networks reserve no addresses: the Engine drops them.
            aux_address.clear();
        }
        config.retain(|pool| *pool != IpamPool::default());
        config.sort_by(|a, b| a.subnet.cmp(&b.subnet));
        if *ipam == Some(Ipam::default()) {
            *ipam = None;
        }
    }
    asked
}

fn ipam_as_asked(live: Option<&Ipam>, desired: Option<&Ipam>) -> Option<Ipam> {
    let Ipam { driver, options, config } = live?;
    let none = Ipam::default();
    let desired = desired.unwrap_or(&none);
    let wants_pools = desired.config.iter().any(|pool| *pool != IpamPool::default());
    let config = if wants_pools {
        config.iter().map(|pool| pool_as_asked(pool, &desired.config)).collect()
    } else {
        Vec::new()
    };
    let options = options.as_ref().map(|options| {
        let wanted = desired.options.as_ref();
        let mut options = options.clone();
        options.retain(|option, _| {
            option != IPAM_SERIAL || wanted.is_some_and(|wanted| wanted.contains_key(option))
        });
        options
    });
    Some(Ipam { driver: driver.clone(), options, config })
}

/// Leaves a gateway out that nobody asked for.
fn pool_as_asked(live: &IpamPool, desired: &[IpamPool]) -> IpamPool {
    let mut pool = live.clone();
    let asked = desired.iter().find(|asked| asked.subnet == live.subnet);
    if asked.is_some_and(|asked| asked.gateway.is_empty()) {
        pool.gateway.clear();
    }
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: &str) -> NetworkSpec {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_the_engine_chose_is_no_difference_but_what_was_asked_for_is() {
        let live = spec(
            r#"{"Name": "n", "Driver": "overlay", "Scope": "swarm", "EnableIPv4": true, "EnableIPv6": false,
                "IPAM": {"Driver": "default", "Options": null,
                  "Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
                "ConfigFrom": {"Network": ""}, "Options": {
                  "com.docker.network.driver.overlay.vxlanid_list": "4097", "encrypted": ""}}"#,
        );
        let same =
            |desired: &NetworkSpec| network_as_asked(&live, desired) == network_asked(desired);
        let free = spec(r#"{"Name": "n", "Driver": "overlay", "Options": {"encrypted": ""}}"#);
        assert!(same(&free));
        let pool = |pool: &str| {
            let ipam = serde_json::from_str(&format!(r#"{{"Config": [{pool}]}}"#)).unwrap();
            NetworkSpec { ipam: Some(ipam), ..free.clone() }
        };
        assert!(same(&pool(r#"{"Subnet": "10.0.1.0/24"}"#)));
        assert!(same(&pool(r#"{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}"#)));
        assert!(!same(&pool(r#"{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.9"}"#)));
        assert!(!same(&pool(r#"{"Subnet": "10.0.2.0/24"}"#)));
        assert!(!same(&NetworkSpec { options: None, ..free.clone() }));
        assert!(!same(&NetworkSpec { attachable: true, ..free.clone() }));
        assert!(!same(&NetworkSpec { enable_ipv6: Some(true), ..free }));
    }
}
