//! `deploy` settings that exclude each other.

use crate::model::finding::Finding;
use crate::model::service::ModeKind;
use crate::spec::compose::ComposeFile;
use crate::spec::compose::deploy::Deploy;
use crate::spec::decode::{Located, Report};

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    for (key, service) in &file.services {
        let Some(deploy) = &service.deploy else { continue };
        mode(key, deploy, report);
        constraints(key, deploy, report);
    }
    extensions(file, report);
}

fn mode(key: &str, deploy: &Deploy, report: &mut Report) {
    let Some(mode) = &deploy.mode else { return };
    let counted = matches!(mode.value, ModeKind::Replicated | ModeKind::ReplicatedJob);
    if let Some(replicas) = deploy.replicas.as_ref().filter(|_| !counted) {
        let message =
            format!("services.{key}.deploy.replicas does not go with the mode `{}`", mode.value);
        report.push(
            Finding::error("conflicting-keys", replicas.place.clone(), message)
                .related(mode.place.clone(), "the mode")
                .hint("remove `replicas`, or use a replicated mode"),
        );
    }
    if mode.value.is_job() {
        let rollouts = [
            ("update_config", &deploy.update_config),
            ("rollback_config", &deploy.rollback_config),
        ];
        for (name, rollout) in rollouts {
            if let Some(rollout) = rollout {
                let message = format!("services.{key}.deploy.{name} does not go with a job");
                report.push(
                    Finding::error("conflicting-keys", rollout.place.clone(), message)
                        .related(mode.place.clone(), "the mode")
                        .hint(format!("remove `{name}`: a job is not updated but run again")),
                );
            }
        }
    }
}

/// An expression is `key == value` or `key != value` (swarmkit `manager/constraint`).
fn constraints(key: &str, deploy: &Deploy, report: &mut Report) {
    let placement = deploy.placement.as_ref();
    for constraint in placement.and_then(|p| p.constraints.as_ref()).iter().flat_map(|c| &c.value) {
        if let Some(problem) = constraint_problem(constraint) {
            let message = format!(
                "services.{key}.deploy.placement has the constraint {}: {problem}",
                constraint.quoted(&constraint.value)
            );
            let finding = Finding::error("invalid-constraint", constraint.place.clone(), message);
            let meant = one_equals_sign(constraint).filter(|_| !constraint.interpolated);
            report.push(match meant {
                Some(meant) => finding.hint(format!("did you mean `{meant}`?")),
                None => {
                    finding.hint("write it as `node.labels.zone == a` or `node.role != manager`")
                }
            });
        }
    }
}

/// What is meant by a constraint that has one equals sign instead of two.
fn one_equals_sign(constraint: &str) -> Option<String> {
    let (key, value) = constraint.split_once('=')?;
    let meant = format!("{} == {}", key.trim(), value.trim());
    let is_one = !key.ends_with('!') && !value.starts_with('=');
    (is_one && constraint_problem(&meant).is_none()).then_some(meant)
}

fn constraint_problem(constraint: &str) -> Option<&'static str> {
    let operator = constraint.find("==").or_else(|| constraint.find("!="));
    let Some((left, right)) = operator.and_then(|at| constraint.split_at_checked(at)) else {
        return Some("it has neither == nor !=");
    };
    let (left, right) = (left.trim(), right.get(2..).unwrap_or_default().trim());
    if !is_key(left) {
        Some("the part before the operator is no key")
    } else if right.is_empty() {
        Some("nothing stands behind the operator")
    } else if !right.chars().all(is_of_value) {
        Some("the part behind the operator has characters that cannot stand there")
    } else {
        None
    }
}

/// `^(?i)[a-z_][a-z0-9\-_.]+$` (swarmkit `manager/constraint`). A slash cannot stand in it, so that no constraint can be
/// about a label whose name has one.
fn is_key(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut rest = text.chars();
    let begins_well = rest.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    begins_well && text.len() > 1 && rest.all(is_inner)
}

/// `[a-z0-9:\-_\s\.\*\(\)\?\+\[\]\\\^\$\|\/]` without regard to case (swarmkit `manager/constraint`).
fn is_of_value(c: char) -> bool {
    c.is_ascii_alphanumeric() || " \t\n\r\x0c:-_.*()?+[]\\^$|/".contains(c)
}

/// docker's schemas before 3.7 know no `x-` keys on services, so that only skep could deploy such a file.
fn extensions(file: &ComposeFile, report: &mut Report) {
    let Some(version) = &file.version else { return };
    if !is_before_3_7(version) {
        return;
    }
    for (key, service) in &file.services {
        if let Some(place) = &service.first_extension {
            let message = format!(
                "services.{key} has an `x-` key, which `docker stack deploy` refuses in a file of version {}",
                version.quoted(&version.value)
            );
            report.push(
                Finding::warning("extension-needs-version", place.clone(), message)
                    .related(version.place.clone(), "the version")
                    .hint("remove `version`, or make it \"3.8\""),
            );
        }
    }
}

fn is_before_3_7(version: &Located<String>) -> bool {
    let (major, minor) = version.split_once('.').unwrap_or((version, "13"));
    major == "3" && minor.parse::<u32>().is_ok_and(|minor| minor < 7)
}
