//! `ports` of a service, in the long form and as a list.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use super::port_text::{self, PortRange, Spec};
use crate::spec::decode::{Cursor, Decode, Located, Report, go_text};
use crate::spec::yaml::node::Value;

/// One published port, as written or as one of a range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Port in the container.
    pub target: u32,
    /// Port on the nodes; zero lets the Swarm choose.
    pub published: u32,
    /// `tcp`, `udp` or `sctp`; empty when the long form leaves it out.
    pub protocol: String,
    /// `ingress` or `host`; empty when the long form leaves it out.
    pub mode: String,
}

/// The published ports of a service, ranges unfolded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports(pub Vec<Located<Port>>);

impl Decode for Ports {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut ports = Vec::new();
        for item in at.items(report)? {
            let unfolded = match &item.node.value {
                Value::Mapping(_) => long(&item, report),
                Value::Sequence(_) | Value::Scalar(_) => short(&item, report),
            };
            ports.extend(unfolded.into_iter().map(|port| Located::at(&item, port)));
        }
        Some(Self(ports))
    }
}

fn short(at: &Cursor<'_>, report: &mut Report) -> Vec<Port> {
    let Some(text) = go_text(at) else {
        report.push(at.expected("a port such as \"8080:80\""));
        return Vec::new();
    };
    match port_text::parse(&text) {
        Ok(spec) => {
            if !may_unfold(at, spec.count(), report) {
                return Vec::new();
            }
            if let Some(ip) = &spec.ip {
                report.push(ignored_ip(at, ip));
            }
            unfold(&spec)
        }
        Err(error) => {
            let why =
                if at.node.holds_variable() { error.rule().to_owned() } else { error.to_string() };
            report.push(
                at.error("invalid-port", format_args!("is no port: {why}"))
                    .hint("write \"8080:80\", \"8080:80/udp\" or \"8080-8090:80\""),
            );
            Vec::new()
        }
    }
}

fn ignored_ip(at: &Cursor<'_>, ip: &str) -> crate::model::finding::Finding {
    at.warning(
        "ignored-host-ip",
        format_args!(
            "names an address, {}, but a Swarm publishes on every address of every node",
            at.quoted(ip)
        ),
    )
    .hint("leave the address out and guard the port with a firewall, or do not publish it")
}

fn may_unfold(at: &Cursor<'_>, count: usize, report: &mut Report) -> bool {
    let may = report.may_unfold(count);
    if !may {
        report.push(at.error("too-many-ports", "is one range too many for this file"));
    }
    may
}

/// The ports of a short form in docker's order.
fn unfold(spec: &Spec) -> Vec<Port> {
    let port = |target: u32, published: u32| Port {
        name: String::new(),
        target,
        published,
        protocol: spec.protocol.clone(),
        mode: "ingress".to_owned(),
    };
    match &spec.published {
        None => spec.target.numbers().map(|target| port(target, 0)).collect(),
        Some(published) if spec.target.is_single() => {
            published.numbers().map(|published| port(spec.target.first, published)).collect()
        }
        Some(published) => spec
            .target
            .numbers()
            .zip(published.numbers())
            .map(|(target, published)| port(target, published))
            .collect(),
    }
}

fn long(at: &Cursor<'_>, report: &mut Report) -> Vec<Port> {
    let Some(mut fields) = at.fields(report) else { return Vec::new() };
    let name = fields.or_default("name", report);
    let target: Option<u32> = fields.get("target", report);
    let published = fields.at("published").and_then(|published| range(&published, report));
    let protocol = fields.choice_in_any_case("protocol", &["tcp", "udp", "sctp"], report);
    let mode = fields.at("mode").and_then(|mode| publish_mode(&mode, report));
    if let Some(ip) = fields.at("host_ip")
        && let Some(text) = ip.get::<String>(report)
        && !matches!(text.as_str(), "" | "0.0.0.0" | "::")
    {
        report.push(ignored_ip(&ip, &text));
    }
    fields.warn_if_present(
        "app_protocol",
        "not-on-swarm",
        "says nothing to a Swarm",
        "remove it",
        report,
    );
    if fields.lacks("target") {
        report.push(at.error("missing-key", "needs a `target`"));
    }
    fields.finish(report);
    let Some(target) = target else { return Vec::new() };
    if target == 0 || target > 65535 {
        report.push(
            at.error("invalid-port", format_args!("has the port {target}, which there is not")),
        );
    }
    let port = Port {
        name,
        target,
        published: 0,
        protocol: protocol.map(|protocol| protocol.value).unwrap_or_default(),
        mode: mode.unwrap_or_default(),
    };
    match published {
        Some(range) if !may_unfold(at, range.count(), report) => Vec::new(),
        Some(range) => {
            range.numbers().map(|published| Port { published, ..port.clone() }).collect()
        }
        None => vec![port],
    }
}

fn range(at: &Cursor<'_>, report: &mut Report) -> Option<PortRange> {
    let text = go_text(at).unwrap_or_default();
    if text.is_empty() {
        report.push(at.expected("a port"));
        return None;
    }
    let range = PortRange::parse(&text);
    if range.is_none() {
        report.push(
            at.error("invalid-port", format_args!("is no port: {}", at.quoted(&text)))
                .hint("write a number from 1 to 65535, or a range such as \"8080-8090\""),
        );
    }
    range
}

/// Engines know the words in any case and store whatever is not `host` as `ingress` (moby
/// `daemon/cluster/convert/service.go`), so a wrong one works and is only worth a warning.
fn publish_mode(at: &Cursor<'_>, report: &mut Report) -> Option<String> {
    let mode: String = at.get(report)?;
    let lower = mode.to_lowercase();
    if matches!(lower.as_str(), "host" | "ingress" | "") {
        return Some(lower);
    }
    report.push(
        at.warning(
            "invalid-value",
            format_args!("is {}, which the Swarm takes as ingress", at.quoted(&mode)),
        )
        .hint("use `ingress` or `host`"),
    );
    Some("ingress".to_owned())
}

inline_schema!(Ports, |_| json_schema!({
    "type": "array",
    "uniqueItems": true,
    "items": {
        "anyOf": [
            {
                "type": ["string", "integer"],
                "description": "`[published[-last]:]target[-last][/protocol]`"
            },
            {
                "type": "object",
                "properties": {
                    "name": { "type": "string", "description": "A name for people." },
                    "target": { "type": "integer", "description": "Port in the container." },
                    "published": {
                        "type": ["string", "integer"],
                        "description": "Port on the nodes, or a range of them; the Swarm chooses if absent."
                    },
                    "protocol": {
                        "type": "string",
                        "enum": ["tcp", "udp", "sctp", "TCP", "UDP", "SCTP"],
                        "description": "The protocol; tcp by default."
                    },
                    "mode": {
                        "type": "string",
                        "description": "`ingress` publishes on every node, `host` on the task's node only."
                    },
                    "host_ip": { "type": "string", "description": "Ignored: a Swarm publishes on every address." },
                    "app_protocol": { "type": "string", "description": "Ignored." }
                },
                "patternProperties": { "^x-": {} },
                "required": ["target"],
                "additionalProperties": false
            }
        ]
    },
    "examples": [["80:8080"], [{ "target": 53, "published": 53, "protocol": "udp", "mode": "host" }]]
}));
