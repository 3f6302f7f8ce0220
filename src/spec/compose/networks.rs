//! The top-level `networks`.

use schemars::JsonSchema;

use super::definitions::{Define, or_empty};
use super::external::{self, External};
use super::pairs::{Options, Pairs};
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// A network that the stack creates, or uses if it is external.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Network {
    /// Its name in the Swarm; `<stack>_<key>` by default.
    pub name: Option<Located<String>>,
    /// Its driver; overlay by default.
    #[schemars(example = &"overlay")]
    pub driver: Option<Located<String>>,
    /// Options of the driver; `encrypted: ""` encrypts an overlay network.
    pub driver_opts: Option<Located<Options>>,
    /// Its addresses.
    pub ipam: Option<Located<Ipam>>,
    /// Whether it exists already.
    pub external: Option<External>,
    /// Whether it has no way out.
    pub internal: Option<Located<bool>>,
    /// Whether containers outside of services may join.
    pub attachable: Option<Located<bool>>,
    /// Whether it has IPv4 addresses; Docker 28 and newer.
    pub enable_ipv4: Option<Located<bool>>,
    /// Whether it has IPv6 addresses.
    pub enable_ipv6: Option<Located<bool>>,
    /// Labels, written when the network is created.
    pub labels: Option<Located<Pairs>>,
}

/// The addresses of a network.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Ipam {
    /// The driver that hands out addresses.
    pub driver: Option<Located<String>>,
    /// Subnets.
    pub config: Option<Vec<Located<Pool>>>,
    /// Options of the driver.
    pub options: Option<Options>,
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Pool {
    /// The subnet.
    #[schemars(example = &"10.20.0.0/24")]
    pub subnet: Option<Located<String>>,
    /// The part of it from which addresses are taken.
    pub ip_range: Option<Located<String>>,
    /// The address of the gateway.
    pub gateway: Option<Located<String>>,
    /// Addresses that are taken, by host name.
    pub aux_addresses: Option<Options>,
}

impl Define for Network {
    fn define(key: &str, at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut network: Self = or_empty(at, report)?;
        external::settle(at, key, &mut network.name, network.external.as_ref(), report);
        Some(network)
    }
}

/// What only a network can have that the stack makes. docker ignores it without a word.
const WITHOUT_EFFECT: [&str; 8] = [
    "driver",
    "driver_opts",
    "ipam",
    "internal",
    "attachable",
    "enable_ipv4",
    "enable_ipv6",
    "labels",
];

impl Network {
    /// Whether it exists already.
    pub fn is_external(&self) -> bool {
        self.external.as_ref().is_some_and(|external| external.external)
    }
}

impl Decode for Network {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let network = Self {
            name: fields.get("name", report),
            driver: fields.get("driver", report),
            driver_opts: fields.get("driver_opts", report),
            ipam: fields.get("ipam", report),
            external: fields.get("external", report),
            internal: fields.get("internal", report),
            attachable: fields.get("attachable", report),
            enable_ipv4: fields.get("enable_ipv4", report),
            enable_ipv6: fields.get("enable_ipv6", report),
            labels: fields.get("labels", report),
        };
        if network.is_external() {
            for key in WITHOUT_EFFECT {
                let says = "has no effect, because the network is external";
                let hint = "remove it, or remove `external`";
                fields.warn_if_present(key, "conflicting-keys", says, hint, report);
            }
        }
        fields.finish(report);
        Some(network)
    }
}

impl Decode for Ipam {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let ipam = Self {
            driver: fields.get("driver", report),
            config: fields.get("config", report),
            options: fields.get("options", report),
        };
        fields.finish(report);
        Some(ipam)
    }
}

impl Decode for Pool {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let pool = Self {
            subnet: fields.get("subnet", report),
            ip_range: fields.get("ip_range", report),
            gateway: fields.get("gateway", report),
            aux_addresses: fields.get("aux_addresses", report),
        };
        fields.finish(report);
        Some(pool)
    }
}
