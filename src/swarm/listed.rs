//! Networks, configs and secrets from bollard's models to ours.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::models;
use jiff::Timestamp;

use super::error::Cause;
use crate::model::labels::Labels;
use crate::model::live::Live;
use crate::model::mount::DriverConfig;
use crate::model::network::{ConfigFrom, Ipam, IpamPool, NetworkSpec};
use crate::model::store::{ConfigSpec, Data, SecretSpec};

/// A field that the API promises and an answer lacks.
#[derive(Debug, thiserror::Error)]
#[error("{object} without {field}")]
pub(super) struct Missing {
    object: &'static str,
    field: &'static str,
}

fn field<T>(object: &'static str, name: &'static str, value: Option<T>) -> Result<T, Missing> {
    value.ok_or(Missing { object, field: name })
}

fn labels(labels: Option<HashMap<String, String>>) -> Labels {
    labels.unwrap_or_default().into_iter().collect()
}

fn driver(driver: models::Driver) -> DriverConfig {
    let models::Driver { name, options } = driver;
    DriverConfig { name, options: labels(options) }
}

pub(super) fn network(network: models::Network) -> Result<Live<NetworkSpec>, Cause> {
    let models::Network {
        name,
        id,
        created,
        scope,
        driver,
        enable_ipv4,
        enable_ipv6,
        ipam,
        internal,
        attachable,
        ingress,
        config_from,
        config_only,
        options,
        labels: own_labels,
        peers: _,
    } = network;
    let created: Timestamp = field("a network", "Created", created)?.parse()?;
    let spec = NetworkSpec {
        name: field("a network", "Name", name)?,
        driver: driver.unwrap_or_default(),
        scope: scope.unwrap_or_default(),
        enable_ipv4,
        enable_ipv6,
        ipam: ipam.map(self::ipam),
        internal: internal.unwrap_or_default(),
        attachable: attachable.unwrap_or_default(),
        ingress: ingress.unwrap_or_default(),
        config_only: config_only.unwrap_or_default(),
        config_from: config_from
            .and_then(|from| from.network)
            .filter(|network| !network.is_empty())
            .map(|network| ConfigFrom { network }),
        options: options.map(|options| options.into_iter().collect()),
        labels: labels(own_labels),
    };
    Ok(Live { id: field("a network", "Id", id)?, version: 0, created, spec })
}

fn ipam(ipam: models::Ipam) -> Ipam {
    let models::Ipam { driver, config, options } = ipam;
    let pool = |pool: models::IpamConfig| {
        let models::IpamConfig { subnet, ip_range, gateway, auxiliary_addresses } = pool;
        IpamPool {
            subnet: subnet.unwrap_or_default(),
            ip_range: ip_range.unwrap_or_default(),
            gateway: gateway.unwrap_or_default(),
            aux_address: labels(auxiliary_addresses),
        }
    };
    Ipam {
        driver: driver.unwrap_or_default(),
        options: options.map(|options| options.into_iter().collect()),
        config: config.unwrap_or_default().into_iter().map(pool).collect(),
    }
}

pub(super) fn config(config: models::Config) -> Result<Live<ConfigSpec>, Cause> {
    const CONFIG: &str = "a config";
    let models::Config { id, version, created_at, updated_at: _, spec } = config;
    let models::ConfigSpec { name, labels: own_labels, data, templating } =
        field(CONFIG, "Spec", spec)?;
    let spec = ConfigSpec {
        name: field(CONFIG, "Name", name)?,
        labels: labels(own_labels),
        data: Data(STANDARD.decode(data.unwrap_or_default())?),
        templating: templating.map(driver),
    };
    Ok(Live {
        id: field(CONFIG, "ID", id)?,
        version: field(CONFIG, "Version", version.and_then(|version| version.index))?,
        created: field(CONFIG, "CreatedAt", created_at)?.parse()?,
        spec,
    })
}

pub(super) fn secret(secret: models::Secret) -> Result<Live<SecretSpec>, Cause> {
    const SECRET: &str = "a secret";
    let models::Secret { id, version, created_at, updated_at: _, spec } = secret;
    let models::SecretSpec { name, labels: own_labels, data: _, driver: own_driver, templating } =
        field(SECRET, "Spec", spec)?;
    let spec = SecretSpec {
        name: field(SECRET, "Name", name)?,
        labels: labels(own_labels),
        data: None,
        driver: own_driver.map(driver),
        templating: templating.map(driver),
    };
    Ok(Live {
        id: field(SECRET, "ID", id)?,
        version: field(SECRET, "Version", version.and_then(|version| version.index))?,
        created: field(SECRET, "CreatedAt", created_at)?.parse()?,
        spec,
    })
}
