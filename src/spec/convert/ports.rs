//! Published ports.

use super::origins::Recorder;
use crate::model::service::{EndpointSpec, PortConfig};
use crate::spec::compose::Service;

/// How a service is reached. Ports are sorted by their published number, as docker sorts them.
pub(super) fn endpoint(compose: &Service, origins: &mut Recorder) -> EndpointSpec {
    let mode = compose.deploy.as_ref().and_then(|deploy| deploy.endpoint_mode.as_ref());
    origins.note_if("deploy.endpoint_mode", mode);
    origins.note_if("ports", compose.ports.as_ref());
    let mut ports = Vec::new();
    for port in compose.ports.iter().flat_map(|ports| &ports.0) {
        let protocol = if port.protocol.is_empty() { "tcp" } else { &port.protocol };
        let field = format!("ports.{}/{protocol}", port.target);
        origins.note(format!("{field}@{}", port.published), &port.place);
        origins.note(field, &port.place);
        ports.push(PortConfig {
            name: port.name.clone(),
            protocol: port.protocol.clone(),
            target_port: port.target,
            published_port: port.published,
            publish_mode: port.mode.clone(),
        });
    }
    ports.sort_by_key(|port| port.published_port);
    EndpointSpec { mode: mode.map(|mode| mode.value.clone()).unwrap_or_default(), ports }
}
