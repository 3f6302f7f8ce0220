//! Networks that the Engine would refuse.

use std::net::IpAddr;

use crate::model::finding::Finding;
use crate::spec::compose::ComposeFile;
use crate::spec::compose::networks::Network;
use crate::spec::convert::used_networks;
use crate::spec::decode::{Located, Report};

/// Drivers whose networks exist on one node only, so that no service can use them.
const LOCAL_DRIVERS: [&str; 2] = ["bridge", "host"];

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    let used = used_networks(file);
    for (key, network) in &file.networks {
        if network.is_external() || !used.contains(key) {
            continue;
        }
        driver(key, network, report);
        for pool in network.ipam.iter().filter_map(|ipam| ipam.config.as_ref()).flatten() {
            if let Some(subnet) = &pool.subnet {
                check_subnet(key, subnet, report);
            }
        }
    }
}

fn driver(key: &str, network: &Network, report: &mut Report) {
    let Some(driver) = &network.driver else { return };
    if LOCAL_DRIVERS.contains(&driver.as_str()) {
        let message = format!(
            "networks.{key} has the driver {}, which services cannot use",
            driver.quoted(&driver.value)
        );
        report.push(Finding::error("local-network", driver.place.clone(), message).hint(
            "use `overlay`; for the host's own network write `external: true` and `name: host`",
        ));
    }
}

fn check_subnet(key: &str, subnet: &Located<String>, report: &mut Report) {
    let problem = match masked(&subnet.value) {
        None => Some(("is no subnet", "write it as `10.20.0.0/24`".to_owned())),
        Some(right) if right != subnet.value && !same_network(&subnet.value) => {
            let hint = if subnet.interpolated {
                "begin with the first address of the network".to_owned()
            } else {
                format!("write `{right}`")
            };
            Some(("has bits set behind its mask", hint))
        }
        Some(_) => None,
    };
    if let Some((what, hint)) = problem {
        let shown = subnet.quoted(&subnet.value);
        let message = format!("networks.{key} has the subnet {shown}, which {what}");
        report.push(Finding::error("invalid-subnet", subnet.place.clone(), message).hint(hint));
    }
}

fn split(subnet: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = subnet.split_once('/')?;
    let (address, bits) = (address.parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?);
    (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some((address, bits))
}

/// The subnet with nothing behind its mask.
fn masked(subnet: &str) -> Option<String> {
    let (address, bits) = split(subnet)?;
    Some(format!("{}/{bits}", mask(address, bits)))
}

fn mask(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

/// Whether nothing stands behind the mask, however the address is written.
fn same_network(subnet: &str) -> bool {
    split(subnet).is_some_and(|(address, bits)| mask(address, bits) == address)
}
