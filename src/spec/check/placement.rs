//! Placement that no node can satisfy, whatever nodes there are, and preferences that Swarm does not know.

use crate::model::finding::Finding;
use crate::spec::compose::ComposeFile;
use crate::spec::decode::{Located, Report, closest};

/// What a constraint can be about, besides labels (swarmkit `manager/constraint/constraint.go`).
const KEYS: [&str; 6] =
    ["node.id", "node.hostname", "node.ip", "node.role", "node.platform.os", "node.platform.arch"];
/// What labels of nodes and of their engines begin with.
const LABELS: [&str; 2] = ["node.labels.", "engine.labels."];

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    for (key, service) in &file.services {
        let placement = service.deploy.as_ref().and_then(|deploy| deploy.placement.as_ref());
        let Some(placement) = placement else { continue };
        let constraints = placement.constraints.iter().flat_map(|list| &list.value);
        let path = format!("services.{key}.deploy.placement");
        contradictions(&path, constraints, report);
        for preference in placement.preferences.iter().flat_map(|list| &list.value) {
            let spread = &preference.spread;
            if !is_label(spread) {
                let message = format!(
                    "{path} spreads over {}, which a Swarm ignores",
                    spread.quoted(&spread.value)
                );
                report.push(
                    Finding::warning("ignored-option", spread.place.clone(), message)
                        .hint("use a label: `node.labels.zone` or `engine.labels.zone`"),
                );
            }
        }
    }
}

/// A constraint that no node satisfies, alone or together with one before it.
fn contradictions<'a>(
    path: &str,
    constraints: impl Iterator<Item = &'a Located<String>>,
    report: &mut Report,
) {
    let mut wanted: Vec<(String, &str, &Located<String>)> = Vec::new();
    for constraint in constraints {
        let Some(operator) = constraint.find("==").or_else(|| constraint.find("!=")) else {
            continue;
        };
        let Some((name, rest)) = constraint.split_at_checked(operator) else { continue };
        let (name, is_equal) = (name.trim(), rest.starts_with("=="));
        let value = rest.get(2..).unwrap_or_default().trim();
        let finding = |why: &str| {
            let shown = constraint.quoted(&constraint.value);
            let message = format!("{path} has the constraint {shown}: {why}");
            Finding::warning("constraint-never-met", constraint.place.clone(), message)
        };
        let lower = name.to_ascii_lowercase();
        if !KEYS.contains(&lower.as_str()) && !is_label(name) {
            let finding = finding("a node has no such property, so none satisfies it");
            report.push(match closest(name, KEYS) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None => finding.hint(format!(
                    "labels are written `node.labels.NAME`; the others are {}",
                    KEYS.join(", ")
                )),
            });
            continue;
        }
        let is_role = |role: &&str| role.eq_ignore_ascii_case(value);
        if lower == "node.role" && is_equal && !["manager", "worker"].iter().any(is_role) {
            report.push(finding("no node has this role").hint("roles are `manager` and `worker`"));
            continue;
        }
        // Names of labels keep their case; an address can be in many ranges.
        let key = if is_label(name) { name.to_owned() } else { lower };
        if !is_equal || key == "node.ip" {
            continue;
        }
        match wanted.iter().find(|(other, ..)| *other == key) {
            Some((_, first, other)) if !first.eq_ignore_ascii_case(value) => report.push(
                finding("another one wants something else, so no node satisfies both")
                    .related(other.place.clone(), "the other one")
                    .hint("remove one; constraints are all to be satisfied"),
            ),
            Some(_) => {}
            None => wanted.push((key, value, constraint)),
        }
    }
}

fn is_label(key: &str) -> bool {
    LABELS.iter().any(|prefix| {
        let start = key.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix)) && key.len() > prefix.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::place::Place;

    fn found(constraints: &[&str]) -> Vec<String> {
        let located =
            constraints.iter().map(|text| Located::new((*text).to_owned(), Place::file("a")));
        let mut report = Report::default();
        contradictions("p", located.collect::<Vec<_>>().iter(), &mut report);
        report.into_findings().into_iter().filter_map(|finding| finding.hint).collect()
    }

    #[test]
    fn what_no_node_can_satisfy_is_told_and_the_rest_is_not() {
        assert_eq!(found(&["node.rol == manager"]), ["did you mean `node.role`?"]);
        assert_eq!(found(&["node.role==boss"]), ["roles are `manager` and `worker`"]);
        assert_eq!(found(&["node.labels.a==1", "Node.Labels.a == 2"]).len(), 0);
        assert_eq!(found(&["node.labels.a==1", "node.labels.a == 2"]).len(), 1);
        assert_eq!(found(&["node.role==manager", "NODE.ROLE == worker"]).len(), 1);
        for fine in [
            ["node.role != boss", "node.role==Manager"],
            ["engine.labels.x==1", "node.labels.x==2"],
            ["node.hostname==a", "node.hostname == A"],
            ["node.ip==10.0.0.0/8", "node.ip==10.1.0.0/16"],
            ["foo", "node.platform.os!=linux"],
        ] {
            assert_eq!(found(&fine), Vec::<String>::new(), "{fine:?}");
        }
    }
}
