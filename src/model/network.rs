//! A network of swarm scope.
//!
//! Field names and emptiness rules follow moby's `api/types/network` create request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::Labels;

/// The body of `POST /networks/create`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the shape is the Engine's")]
pub struct NetworkSpec {
    /// Full name, with the stack's prefix.
    pub name: String,
    /// Driver; `overlay` unless the file says otherwise.
    pub driver: String,
    /// Scope; empty lets the driver decide.
    pub scope: String,
    /// Whether it has IPv4 addresses; API 1.48 and newer.
    #[serde(rename = "EnableIPv4", skip_serializing_if = "Option::is_none")]
    pub enable_ipv4: Option<bool>,
    /// Whether it has IPv6 addresses.
    #[serde(rename = "EnableIPv6", skip_serializing_if = "Option::is_none")]
    pub enable_ipv6: Option<bool>,
    /// Address management.
    #[serde(rename = "IPAM")]
    pub ipam: Option<Ipam>,
    /// Whether it has no way out.
    pub internal: bool,
    /// Whether containers outside of services may join.
    pub attachable: bool,
    /// Whether it is the routing mesh.
    pub ingress: bool,
    /// Whether it only holds settings for others.
    pub config_only: bool,
    /// The network whose settings it takes.
    pub config_from: Option<ConfigFrom>,
    /// Driver options.
    pub options: Option<Labels>,
    /// Labels; they cannot be changed afterwards.
    pub labels: Labels,
}

/// Address management of a network.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Ipam {
    /// IPAM driver.
    pub driver: String,
    /// Its options.
    pub options: Option<Labels>,
    /// Address pools.
    pub config: Vec<IpamPool>,
}

/// One address pool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct IpamPool {
    /// In CIDR notation.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subnet: String,
    /// Part of the subnet from which addresses are taken.
    #[serde(rename = "IPRange", skip_serializing_if = "String::is_empty")]
    pub ip_range: String,
    /// Gateway address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gateway: String,
    /// Reserved addresses by host name.
    #[serde(rename = "AuxiliaryAddresses", skip_serializing_if = "Labels::is_empty")]
    pub aux_address: Labels,
}

/// A network whose settings are taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ConfigFrom {
    /// Its name.
    pub network: String,
}
