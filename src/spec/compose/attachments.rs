//! `networks` of a service.

use indexmap::IndexMap;
use schemars::{JsonSchema, json_schema};

use super::inline_schema::inline_schema;
use super::pairs::Options;
use super::text_list::TextSet;
use super::unsupported::{self, Unsupported, no};
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// How a service is attached to a network.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Attachment {
    /// Additional names of the service on the network.
    pub aliases: Option<Located<TextSet>>,
    /// Options for the driver of the network.
    pub driver_opts: Option<Located<Options>>,
}

/// The networks of a service by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attachments(pub IndexMap<String, Located<Attachment>>);

/// Keys of the Compose specification that a Swarm has no place for.
#[rustfmt::skip]
pub const UNSUPPORTED: &[Unsupported] = &[
    no("ipv4_address", "a Swarm gives addresses itself; use the name of the service"),
    no("ipv6_address", "a Swarm gives addresses itself; use the name of the service"),
    no("link_local_ips", "a Swarm gives addresses itself; use the name of the service"),
    no("mac_address", "a Swarm gives addresses itself; remove it"),
    no("priority", "the order of networks cannot be chosen on a Swarm"),
    no("gw_priority", "the default gateway cannot be chosen on a Swarm"),
    no("interface_name", "interfaces cannot be named on a Swarm"),
];

impl Decode for Attachments {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut attachments = IndexMap::new();
        match &at.node.value {
            Value::Sequence(_) => {
                let names: TextSet = at.get(report)?;
                for name in names.0 {
                    let attachment = name.with(Attachment::default());
                    attachments.insert(name.value, attachment);
                }
            }
            Value::Scalar(_) => {
                report.push(at.expected("a mapping or a list"));
                return None;
            }
            Value::Mapping(_) => {
                for (entry, value) in at.entries(report)? {
                    let attachment = super::definitions::or_empty(&value, report);
                    let attachment =
                        Located::new(attachment.unwrap_or_default(), entry.key_place.clone());
                    attachments.insert(entry.key.clone(), attachment);
                }
            }
        }
        Some(Self(attachments))
    }
}

impl Decode for Attachment {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let attachment = Self {
            aliases: fields.get("aliases", report),
            driver_opts: fields.get("driver_opts", report),
        };
        unsupported::warn(&mut fields, UNSUPPORTED, report);
        fields.finish(report);
        Some(attachment)
    }
}

inline_schema!(Attachments, |generator| json_schema!({
    "anyOf": [
        { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
        {
            "type": "object",
            "additionalProperties": {
                "anyOf": [generator.subschema_for::<Attachment>(), { "type": "null" }]
            }
        }
    ],
    "examples": [["frontend", "backend"]]
}));
