//! Volumes of services that go: they stay, and whoever wants them gone is told where they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::Action;
use crate::model::key::Kind;
use crate::model::live::{LiveService, Observed};

use super::context::Context;
use super::draft::StackDraft;

/// A named volume that nothing uses any more once some services are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftVolume {
    /// Its name.
    pub name: String,
    /// Host names of the nodes on which tasks have used it, as far as their history goes.
    pub nodes: BTreeSet<String>,
}

/// The named volumes of services `is_going` tells, but for those that other services use too.
pub fn left_volumes(observed: &Observed, is_going: impl Fn(&str) -> bool) -> Vec<LeftVolume> {
    let (going, staying): (Vec<&LiveService>, Vec<&LiveService>) =
        observed.services.iter().partition(|live| is_going(&live.spec.name));
    let used: BTreeSet<&str> = staying.iter().flat_map(|live| volumes(live)).collect();
    let mut left: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for live in going {
        for name in volumes(live).filter(|name| !used.contains(name)) {
            left.entry(name).or_default().extend(nodes(observed, live));
        }
    }
    let left = left.into_iter().map(|(name, nodes)| LeftVolume { name: name.to_owned(), nodes });
    left.collect()
}

/// Notes with each service that goes which volumes stay.
pub(super) fn tell(context: &Context<'_>, draft: &mut StackDraft<'_>) {
    let going: BTreeSet<String> = draft
        .entries
        .iter()
        .filter(|entry| entry.change.action == Action::Remove)
        .filter(|entry| entry.change.object.kind == Kind::Service)
        .map(|entry| entry.change.object.name.clone())
        .collect();
    let left = left_volumes(context.observed, |name| going.contains(name));
    for entry in &mut draft.entries {
        let Some(live) = context.index.services.get(entry.change.object.name.as_str()) else {
            continue;
        };
        if entry.change.object.kind != Kind::Service {
            continue;
        }
        let own: BTreeSet<&str> = volumes(live).collect();
        for volume in left.iter().filter(|volume| own.contains(volume.name.as_str())) {
            entry.change.notes.push(volume.to_string());
        }
    }
}

/// The named volumes that tasks of a service mount.
fn volumes(live: &LiveService) -> impl Iterator<Item = &str> {
    let container = live.spec.task_template.container_spec.iter();
    let mounts = container.flat_map(|container| &container.mounts);
    let named = mounts.filter(|mount| mount.r#type == "volume" && !mount.source.is_empty());
    named.map(|mount| mount.source.as_str())
}

fn nodes<'a>(observed: &'a Observed, live: &'a LiveService) -> impl Iterator<Item = String> + 'a {
    observed.workload.iter().flat_map(move |workload| {
        let tasks = workload.tasks.iter().filter(|task| task.service_id == live.id);
        tasks.filter_map(|task| {
            let id = task.node_id.as_ref()?;
            let node = workload.nodes.iter().find(|node| node.id == *id);
            Some(node.map_or_else(|| id.clone(), |node| node.hostname.clone()))
        })
    })
}

impl std::fmt::Display for LeftVolume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, nodes } = self;
        write!(f, "volume {name} stays")?;
        for (index, node) in nodes.iter().enumerate() {
            write!(f, "{}{node}", if index == 0 { " on " } else { ", " })?;
        }
        Ok(())
    }
}
