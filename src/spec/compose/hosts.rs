//! `extra_hosts` of a service.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use super::text_list::{TextList, report_duplicates};
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// Entries of `/etc/hosts`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(pub Vec<Located<Host>>);

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// The name.
    pub name: String,
    /// The address, without brackets.
    pub address: String,
}

impl Host {
    fn new(name: &str, address: &str) -> Self {
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        Self { name: name.to_owned(), address: bare.unwrap_or(address).to_owned() }
    }
}

impl Decode for Hosts {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut hosts = Vec::new();
        match &at.node.value {
            Value::Mapping(_) => {
                for (entry, value) in at.entries(report)? {
                    if value.node.is_null() {
                        continue;
                    }
                    let addresses: TextList = value.get(report).unwrap_or_default();
                    for address in addresses.0 {
                        hosts.push(address.with(Host::new(&entry.key, &address)));
                    }
                }
                // docker sorts the mapping by its text, `name:address`.
                hosts.sort_by_cached_key(|host| format!("{}:{}", host.name, host.address));
            }
            Value::Sequence(_) => {
                let items: Vec<Located<String>> = at.get(report)?;
                report_duplicates(at, &items, report);
                for item in items {
                    let pair = item.value.split_once('=').or_else(|| item.value.split_once(':'));
                    if let Some((name, address)) = pair {
                        hosts.push(item.with(Host::new(name, address)));
                    } else {
                        let says = "has an entry without an address";
                        let mut finding = at.warning("ignored-host", says);
                        finding.place = Some(item.place.clone());
                        report.push(finding.hint("docker leaves it out; write \"name=address\""));
                    }
                }
            }
            Value::Scalar(_) => {
                report.push(at.expected("a list or a mapping"));
                return None;
            }
        }
        Some(Self(hosts))
    }
}

inline_schema!(Hosts, |_| json_schema!({
    "anyOf": [
        { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
        {
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    { "type": ["string", "null"] },
                    { "type": "array", "items": { "type": "string" } }
                ]
            }
        }
    ],
    "examples": [["db.example.com=10.0.0.5"]]
}));
