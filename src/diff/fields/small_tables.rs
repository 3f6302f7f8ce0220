//! The fields of networks, configs and secrets.

use std::sync::OnceLock;

use crate::diff::document::Impact;

use super::format::Format;
use super::format::Format::{Base64, Bool, Open, Text};
use super::keyed::ListKey;
use super::shape::{Field, List, Shape};

const fn field(engine: &'static str, compose: &'static str, format: Format) -> Field {
    Field { engine, compose, format }
}

/// A network. Nothing of it can be changed; its labels are written at creation and never compared.
pub(in crate::diff) static NETWORK: Shape = Shape {
    lists: &[List { engine: "IPAM.Config", key: ListKey::Text("Subnet") }],
    fields: &[
        field("Name", "name", Open),
        field("Driver", "driver", Text),
        field("Scope", "scope", Text),
        field("EnableIPv4", "enable_ipv4", Bool),
        field("EnableIPv6", "enable_ipv6", Bool),
        field("IPAM.Driver", "ipam.driver", Text),
        field("IPAM.Options.*", "ipam.options.*", Text),
        field("IPAM.Config.*", "ipam.config.*", Format::SubnetItem),
        field("IPAM.Config.*.Subnet", "ipam.config.*.subnet", Text),
        field("IPAM.Config.*.IPRange", "ipam.config.*.ip_range", Text),
        field("IPAM.Config.*.Gateway", "ipam.config.*.gateway", Text),
        field("IPAM.Config.*.AuxiliaryAddresses.*", "ipam.config.*.aux_addresses.*", Text),
        field("Internal", "internal", Bool),
        field("Attachable", "attachable", Bool),
        field("Ingress", "ingress", Bool),
        field("ConfigOnly", "config_only", Bool),
        field("ConfigFrom.Network", "config_from", Text),
        field("Options.*", "driver_opts.*", Text),
    ],
    uncompared: &["Labels", "Labels.*"],
    impact: |_| Impact::Replace,
    tree: OnceLock::new(),
};

/// A config: only its labels can be changed.
pub(in crate::diff) static CONFIG: Shape = Shape {
    lists: &[],
    fields: &[
        field("Name", "name", Open),
        field("Labels.*", "labels.*", Text),
        field("Data", "content", Base64),
        field("Templating.Name", "template_driver", Text),
        field("Templating.Options.*", "template_driver.*", Text),
    ],
    uncompared: &[],
    impact: labels_only,
    tree: OnceLock::new(),
};

/// A secret: only its labels can be changed, and its data is never seen.
pub(in crate::diff) static SECRET: Shape = Shape {
    lists: &[],
    fields: &[
        field("Name", "name", Open),
        field("Labels.*", "labels.*", Text),
        field("Driver.Name", "driver", Text),
        field("Driver.Options.*", "driver_opts.*", Text),
        field("Templating.Name", "template_driver", Text),
        field("Templating.Options.*", "template_driver.*", Text),
    ],
    uncompared: &["Data"],
    impact: labels_only,
    tree: OnceLock::new(),
};

fn labels_only(path: &[&str]) -> Impact {
    match path {
        ["Labels", ..] => Impact::InPlace,
        _ => Impact::Replace,
    }
}
