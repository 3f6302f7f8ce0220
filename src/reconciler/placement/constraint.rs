//! Placement constraints and reservations against the nodes that there are.
//!
//! The grammar is swarmkit's (`manager/constraint/constraint.go`): `KEY == VALUE` or `KEY != VALUE`.

use crate::model::live::Node;
use crate::model::task::Reservations;

/// Whether `node` satisfies every one of `constraints`. An expression that we cannot read counts as satisfied:
/// the Engine refuses it with better words than we could find.
pub(in crate::reconciler) fn all_allow(constraints: &[String], node: &Node) -> bool {
    constraints.iter().all(|constraint| allows(constraint, node))
}

pub(super) fn allows(constraint: &str, node: &Node) -> bool {
    let (key, wanted, equal) = if let Some((key, value)) = constraint.split_once("!=") {
        (key, value, false)
    } else if let Some((key, value)) = constraint.split_once("==") {
        (key, value, true)
    } else {
        return true;
    };
    let Some(values) = values(key.trim(), node) else { return true };
    let wanted = wanted.trim();
    values.iter().any(|value| value.eq_ignore_ascii_case(wanted)) == equal
}

/// What `key` is on `node`; `None` for a key that Swarm does not know, or that we do not observe.
fn values(key: &str, node: &Node) -> Option<Vec<String>> {
    let label = |labels: &crate::model::labels::Labels, name: &str| {
        vec![labels.get(name).cloned().unwrap_or_default()]
    };
    let lower = key.to_ascii_lowercase();
    Some(match lower.as_str() {
        "node.id" => vec![node.id.clone()],
        "node.hostname" => vec![node.hostname.clone()],
        "node.role" => vec![if node.manager { "manager" } else { "worker" }.to_owned()],
        "node.platform.os" => vec![node.os.clone()],
        "node.platform.arch" => vec![node.architecture.clone()],
        _ => {
            // Label names keep their case; only the prefix is matched without it.
            let rest =
                |prefix: &str| lower.starts_with(prefix).then(|| key.get(prefix.len()..)).flatten();
            if let Some(name) = rest("node.labels.") {
                label(&node.labels, name)
            } else {
                label(&node.engine_labels, rest("engine.labels.")?)
            }
        }
    })
}

/// Whether `node` is large enough for a reservation, were it empty.
pub(in crate::reconciler) fn fits(reservations: &Reservations, node: &Node) -> bool {
    reservations.nano_cpus <= node.nano_cpus && reservations.memory_bytes <= node.memory_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_read_as_swarm_reads_them() {
        let node = Node {
            manager: true,
            labels: [("zone".to_owned(), "a".to_owned())].into(),
            engine_labels: [("disk".to_owned(), "ssd".to_owned())].into(),
            ..Node::example("abc", "one")
        };
        let cases = [
            ("node.role == manager", true),
            ("node.role==worker", false),
            ("node.role != worker", true),
            ("node.labels.zone == A", true),
            ("node.labels.rack == r1", false),
            ("node.labels.rack != r1", true),
            ("engine.labels.disk == ssd", true),
            ("node.hostname == two", false),
            ("node.platform.os == linux", true),
        ];
        for (constraint, allowed) in cases {
            assert_eq!(all_allow(&[constraint.to_owned()], &node), allowed, "{constraint}");
        }
    }
}
