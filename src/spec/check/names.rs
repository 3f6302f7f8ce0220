//! Names that the Engine would refuse, and labels that are skep's own.

use crate::model::finding::Finding;
use crate::model::labels;
use crate::model::place::Place;
use crate::spec::compose::pairs::Pairs;
use crate::spec::convert::{
    DEFAULT_NETWORK, config_name, network_name, scoped, secret_name, used_networks,
};
use crate::spec::decode::{Located, Report};
use crate::spec::stack::Stack;

/// The longest name of a service or network (swarmkit `manager/controlapi/common.go`).
const LABEL: usize = 63;
/// The longest name of a config or secret (swarmkit `manager/controlapi/common.go`).
const STORE_NAME: usize = 64;

pub(super) fn check(stack: &Stack, report: &mut Report) {
    let name = stack.name.as_str();
    for (key, service) in &stack.compose.services {
        let full = scoped(name, key);
        let shown = shown(&full, None);
        let path = format!("services.{key}");
        let hint = "shorten the name of the service or of the stack";
        label_name(&path, &full, &shown, &service.place, hint, report);
        let labels = service.deploy.as_ref().and_then(|deploy| deploy.labels.as_ref());
        let replaced = [labels::NAMESPACE, labels::IMAGE];
        own_labels(&format!("{path}.deploy.labels"), labels, &replaced, report);
    }
    for key in used_networks(&stack.compose) {
        let declared = stack.compose.networks.get(&key);
        if declared.is_some_and(|network| network.is_external()) {
            continue;
        }
        let full = network_name(name, &key, declared.map(|network| &network.value));
        let path = format!("networks.{key}");
        if let Some(network) = declared {
            let shown = shown(&full, network.name.as_ref());
            let hint = "shorten the name of the network or of the stack";
            label_name(&path, &full, &shown, &network.place, hint, report);
            let labels = network.labels.as_ref();
            own_labels(&format!("{path}.labels"), labels, &[labels::NAMESPACE], report);
        } else if key == DEFAULT_NETWORK {
            let hint = "shorten the name of the stack, or give this network a `name` of its own";
            label_name(&path, &full, &shown(&full, None), &name_place(stack), hint, report);
        }
    }
    for (key, config) in &stack.compose.configs {
        let full = config_name(name, key, config, &[]).full;
        let shown = shown(&full, config.name.as_ref());
        store_name(&format!("configs.{key}"), &full, &shown, &config.place, report);
        let (path, labels) = (format!("configs.{key}.labels"), config.labels.as_ref());
        own_labels(&path, labels, &[labels::NAMESPACE], report);
    }
    for (key, secret) in &stack.compose.secrets {
        // The hash is as long as the eight digits that stand for it here.
        let full = secret_name(name, key, secret, &[], None).full.replace("<hash>", "01234567");
        let shown = shown(&full, secret.name.as_ref());
        store_name(&format!("secrets.{key}"), &full, &shown, &secret.place, report);
        let (path, labels) = (format!("secrets.{key}.labels"), secret.labels.as_ref());
        own_labels(&path, labels, &[labels::NAMESPACE], report);
    }
}

/// Where the name of the stack was written, if it was.
fn name_place(stack: &Stack) -> Place {
    let name = stack.compose.name.as_ref().filter(|name| name.value == stack.name);
    name.map_or_else(|| Place::file(stack.file.clone()), |name| name.place.clone())
}

/// A name that the Swarm takes for one label of a DNS name; `hint` is for one that is too long.
fn label_name(path: &str, full: &str, shown: &str, place: &Place, hint: &str, report: &mut Report) {
    if full.len() > LABEL {
        let message = format!(
            "{path} would be named {shown}, which has {} characters; a Swarm allows {LABEL}",
            full.len()
        );
        report.push(Finding::error("name-too-long", place.clone(), message).hint(hint));
    } else if !is_label(full) {
        let message = format!("{path} would be named {shown}, which the Engine refuses");
        report.push(Finding::error("invalid-name", place.clone(), message).hint(
            "names have letters, digits, '-' and '_' and begin and end with a letter or digit",
        ));
    }
}

/// The name of an object for a message, which may be the `name` that the file gives it.
fn shown(full: &str, given: Option<&Located<String>>) -> String {
    given.map_or_else(|| format!("`{full}`"), |given| given.quoted(full))
}

fn store_name(path: &str, full: &str, shown: &str, place: &Place, report: &mut Report) {
    let outer = |c: char| c.is_ascii_alphanumeric();
    let valid = full.starts_with(outer)
        && full.ends_with(outer)
        && full.chars().all(|c| outer(c) || matches!(c, '-' | '_' | '.'));
    if full.len() > STORE_NAME || !valid {
        let message = format!("{path} would be named {shown}, which the Engine refuses");
        report.push(Finding::error("invalid-name", place.clone(), message).hint(format!(
            "names have at most {STORE_NAME} letters, digits, '-', '_' and '.', and begin and end with a letter or digit"
        )));
    }
}

/// `^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$` (swarmkit `manager/controlapi/common.go`).
fn is_label(name: &str) -> bool {
    let outer = |c: char| c.is_ascii_alphanumeric();
    name.starts_with(outer)
        && name.ends_with(outer)
        && name.chars().all(|c| outer(c) || matches!(c, '-' | '_'))
}

/// Labels that skep sets itself. Those that docker sets, too, it puts in the place of what the file has (docker/cli
/// `cli/compose/convert`), and a file that was made from a running stack has them.
fn own_labels(path: &str, labels: Option<&Located<Pairs>>, replaced: &[&str], report: &mut Report) {
    for (name, value) in labels.iter().flat_map(|labels| &labels.0) {
        let shown = value.quoted(name);
        if labels::is_own(name) && name != labels::ROLE {
            let message = format!("{path} sets {shown}, which skep sets itself");
            report.push(
                Finding::error("reserved-label", value.place.clone(), message).hint("remove it"),
            );
        } else if replaced.contains(&name.as_str()) {
            let message = format!("{path} sets {shown}, whose value is replaced, as docker does");
            report.push(
                Finding::warning("reserved-label", value.place.clone(), message).hint("remove it"),
            );
        }
    }
}
