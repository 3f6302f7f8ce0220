//! Volumes that exist with other options than the declared ones: Swarm leaves them as they are.
//!
//! A volume is made on a node by the first task that needs it there, and never changed. The Engine lists those of the
//! node that answers, and of no other.

use std::collections::BTreeSet;

use crate::diff::document::Document;
use crate::model::desired::{Desired, DesiredService, FieldPath};
use crate::model::finding::Finding;
use crate::model::key::Kind;
use crate::model::labels;
use crate::model::mount::{DriverConfig, Mount};
use crate::model::volume::Volume;

/// The driver of volumes that name none.
const LOCAL: &str = "local";

/// Whether the plan writes a service that declares how a volume is made.
pub(super) fn matter(desired: &Desired, document: &Document) -> bool {
    declared(desired, document).next().is_some()
}

/// A warning for each volume that a written service declares in another way than it was made.
pub(super) fn findings(desired: &Desired, document: &Document, volumes: &[Volume]) -> Vec<Finding> {
    let mut told = BTreeSet::new();
    let mut findings = Vec::new();
    for (service, mount, declared) in declared(desired, document) {
        let Some(volume) = volumes.iter().find(|volume| volume.name == mount.source) else {
            continue;
        };
        let Some(difference) = difference(&declared, volume) else { continue };
        if !told.insert(&mount.source) {
            continue;
        }
        let field = FieldPath(format!("volumes.{}", mount.target));
        let place = service.origins.place(&field).unwrap_or(&service.place).clone();
        let message =
            format!("volume {} exists on this node with {difference}, and keeps it", volume.name);
        findings.push(Finding::warning("volume-differs", place, message).hint(format!(
            "Swarm never changes a volume, and other nodes were not looked at: save its data and \
             docker volume rm {} on each node, or give it another name",
            volume.name
        )));
    }
    findings
}

/// The volumes that written services declare, with how they are to be made.
fn declared<'a>(
    desired: &'a Desired,
    document: &Document,
) -> impl Iterator<Item = (&'a DesiredService, &'a Mount, DriverConfig)> {
    let written: BTreeSet<String> = document
        .changes()
        .filter(|change| change.object.kind == Kind::Service)
        .map(|change| change.object.name.clone())
        .collect();
    let services = desired.stacks.values().flat_map(|stack| &stack.services);
    services.filter(move |service| written.contains(&service.spec.name)).flat_map(|service| {
        let container = service.spec.task_template.container_spec.iter();
        let mounts = container.flat_map(|container| &container.mounts);
        mounts.filter_map(move |mount| {
            let options = mount.volume_options.as_ref()?;
            // One of another owner says nothing about how it is made.
            let is_own = options.labels.contains_key(labels::NAMESPACE);
            is_own.then(|| (service, mount, options.driver_config.clone().unwrap_or_default()))
        })
    })
}

/// What differs, without values: an option can be a password.
fn difference(declared: &DriverConfig, volume: &Volume) -> Option<String> {
    let DriverConfig { name, options } = declared;
    let driver = if name.is_empty() { LOCAL } else { name };
    if driver != volume.driver {
        return Some(format!("driver {} instead of {driver}", volume.driver));
    }
    let names: BTreeSet<&String> = options.keys().chain(volume.options.keys()).collect();
    let names = names.into_iter().filter(|name| options.get(*name) != volume.options.get(*name));
    let names: Vec<&str> = names.map(String::as_str).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("another option `{one}`")),
        several => Some(format!("other options `{}`", several.join("`, `"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_and_never_shown() {
        let options = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let declared = |name: &str, pairs: &[(&str, &str)]| DriverConfig {
            name: name.to_owned(),
            options: options(pairs),
        };
        let volume = |driver: &str, pairs: &[(&str, &str)]| Volume {
            name: "shop_data".to_owned(),
            driver: driver.to_owned(),
            options: options(pairs),
        };
        let nfs = [("type", "nfs"), ("o", "addr=10.0.0.1,password=canary")];
        let cases = [
            (declared("", &[]), volume("local", &[]), None),
            (declared("local", &nfs), volume("local", &nfs), None),
            (declared("", &nfs), volume("local", &[]), Some("other options `o`, `type`")),
            (declared("", &[]), volume("local", &nfs[..1]), Some("another option `type`")),
            (declared("", &[("o", "x")]), volume("local", &nfs[1..]), Some("another option `o`")),
            (declared("", &nfs), volume("rexray", &nfs), Some("driver rexray instead of local")),
        ];
        for (declared, volume, expected) in cases {
            assert_eq!(difference(&declared, &volume).as_deref(), expected, "{declared:?}");
        }
    }
}
