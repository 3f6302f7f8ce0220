//! Published ports that collide, or that cannot be published as they are.

use std::collections::{BTreeMap, HashMap};

use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::compose::ComposeFile;
use crate::spec::compose::ports::Port;
use crate::spec::decode::Report;
use crate::spec::stack::Stack;

/// Who publishes a port first.
struct Publisher<'a> {
    service: &'a str,
    host: bool,
    place: &'a Place,
}

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    let mut publishers: BTreeMap<(u32, &str), Vec<Publisher<'_>>> = BTreeMap::new();
    for (key, service) in &file.services {
        let endpoint_mode =
            service.deploy.as_ref().and_then(|deploy| deploy.endpoint_mode.as_ref());
        for port in service.ports.iter().flat_map(|ports| &ports.0) {
            let host = port.mode == "host";
            if let Some(mode) = endpoint_mode.filter(|mode| mode.as_str() == "dnsrr" && !host) {
                let message = format!(
                    "services.{key}.ports cannot be published in ingress mode by a service without a virtual address"
                );
                report.push(
                    Finding::error("dnsrr-with-ingress", port.place.clone(), message)
                        .related(mode.place.clone(), "the endpoint mode")
                        .hint("use `mode: host` for the port, or `endpoint_mode: vip`"),
                );
            }
            if port.published == 0 {
                continue;
            }
            let known = publishers.entry((port.published, protocol(port))).or_default();
            let clash = known.iter().find(|first| first.service == key || !(first.host && host));
            if let Some(first) = clash {
                report.push(collision(key, port, &port.place, first));
            }
            known.push(Publisher { service: key, host, place: &port.place });
        }
    }
}

/// Ports that two stacks publish: the index of the later stack, and the finding.
pub(in crate::spec) fn across(stacks: &[Stack]) -> Vec<(usize, Finding)> {
    let mut publishers: HashMap<(u32, &str), (usize, &str, Publisher<'_>)> = HashMap::new();
    let mut findings = Vec::new();
    for (index, stack) in stacks.iter().enumerate() {
        for (key, service) in &stack.compose.services {
            for port in service.ports.iter().flat_map(|ports| &ports.0) {
                if port.published == 0 {
                    continue;
                }
                let publisher =
                    Publisher { service: key, host: port.mode == "host", place: &port.place };
                let known = publishers
                    .entry((port.published, protocol(port)))
                    .or_insert_with(|| (index, stack.name.as_str(), publisher));
                let (other, name, first) = known;
                if *other == index || (first.host && port.mode == "host") {
                    continue;
                }
                let message = format!(
                    "services.{key}.ports publishes {}/{}, as `{}` of the stack {name} does",
                    port.published,
                    protocol(port),
                    first.service
                );
                let finding = Finding::warning("same-port", port.place.clone(), message)
                    .related(first.place.clone(), "published first here")
                    .hint("publish another port, or route both services through one proxy");
                findings.push((index, finding));
            }
        }
    }
    findings
}

fn protocol(port: &Port) -> &str {
    if port.protocol.is_empty() { "tcp" } else { &port.protocol }
}

fn collision(key: &str, port: &Port, place: &Place, first: &Publisher<'_>) -> Finding {
    let number = format!("{}/{}", port.published, protocol(port));
    let message = if first.service == key {
        format!("services.{key}.ports publishes {number} twice")
    } else {
        format!("services.{key}.ports publishes {number}, as `{}` does", first.service)
    };
    Finding::error("same-port", place.clone(), message)
        .related(first.place.clone(), "published first here")
        .hint("publish another port, or route both services through one proxy")
}
