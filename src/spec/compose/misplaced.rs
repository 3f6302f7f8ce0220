//! Keys of a service that stand among the services, because they were not indented.

use crate::model::finding::Finding;
use crate::spec::decode::{Cursor, Report};
use crate::spec::yaml::node::Value;

/// Those that nobody calls a service.
const KEYS: [&str; 16] = [
    "build",
    "command",
    "configs",
    "depends_on",
    "deploy",
    "entrypoint",
    "env_file",
    "environment",
    "healthcheck",
    "image",
    "labels",
    "networks",
    "ports",
    "restart",
    "secrets",
    "volumes",
];

/// Whether `key` is one of a service's own, although it stands where services are named.
pub(super) fn is_misplaced(key: &str, at: &Cursor<'_>) -> bool {
    KEYS.contains(&key) && at.node.get("image").is_none()
}

/// Reports every such key of `services`.
pub(super) fn report_misplaced(services: Option<&Cursor<'_>>, report: &mut Report) {
    let Some(services) = services else { return };
    let Value::Mapping(mapping) = &services.node.value else { return };
    for entry in &mapping.entries {
        let at = Cursor { node: &entry.value, path: services.path.key(entry.key.clone()) };
        if is_misplaced(&entry.key, &at) {
            let message = format!(
                "`{}` is a key of a service, but stands where services are named",
                entry.key
            );
            report.push(
                Finding::error("misplaced-key", entry.key_place.clone(), message)
                    .hint("indent it below the service that it belongs to"),
            );
        }
    }
}
