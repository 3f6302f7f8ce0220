//! Which stacks a fleet has: by what is live, and by what its record remembers of services that are gone. Pure.

use std::collections::BTreeSet;

use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::Labels;
use crate::model::live::Observed;
use crate::model::name::FleetName;

use super::ownership::owning_stack;
use super::record::FleetRecord;

/// The names of the stacks of `fleet`, those of which nothing is left but what the record remembers included.
pub fn stacks(
    observed: &Observed,
    fleet: &FleetName,
    record: Option<&FleetRecord>,
) -> BTreeSet<String> {
    let mut stacks = live(observed, fleet);
    let missing = record.map(|record| missing(observed, record, &stacks)).unwrap_or_default();
    stacks.extend(missing.into_iter().map(|Missing { stack, service: _ }| stack));
    stacks
}

/// A service that was applied, that skep did not remove, and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    /// The stack that it was of.
    pub(super) stack: String,
    /// Its full name.
    pub(super) service: String,
}

/// What `record` remembers and the Swarm does not have; `stacks` are those that are known otherwise. The record has names
/// of services only: one is of the known stack with the longest name that fits, else of the shortest that could be meant.
pub(super) fn missing(
    observed: &Observed,
    record: &FleetRecord,
    stacks: &BTreeSet<String>,
) -> Vec<Missing> {
    let live: BTreeSet<&str> =
        observed.services.iter().map(|service| service.spec.name.as_str()).collect();
    let gone = record.applied.keys().filter(|name| !live.contains(name.as_str()));
    let of = |service: &String| {
        let fits = |stack: &&String| {
            service.strip_prefix(stack.as_str()).is_some_and(|rest| rest.starts_with('_'))
        };
        let known = stacks.iter().filter(fits).max_by_key(|stack| stack.len());
        let stack = match known {
            Some(stack) => stack.clone(),
            None => service.split_once('_')?.0.to_owned(),
        };
        Some(Missing { stack, service: service.clone() })
    };
    gone.filter_map(of).collect()
}

/// The stacks of `fleet` of which there is any object.
pub(super) fn live(observed: &Observed, fleet: &FleetName) -> BTreeSet<String> {
    let of = |kind: Kind, name: &str, labels: &Labels| {
        owning_stack(&ObjectKey::new(kind, name), labels, fleet).map(|stack| stack.to_string())
    };
    let Observed { services, networks, configs, secrets, .. } = observed;
    let services = services.iter().map(|live| (Kind::Service, &live.spec.name, &live.spec.labels));
    let networks = networks.iter().map(|live| (Kind::Network, &live.spec.name, &live.spec.labels));
    let configs = configs.iter().map(|live| (Kind::Config, &live.spec.name, &live.spec.labels));
    let secrets = secrets.iter().map(|live| (Kind::Secret, &live.spec.name, &live.spec.labels));
    let all = services.chain(networks).chain(configs).chain(secrets);
    all.filter_map(|(kind, name, labels)| of(kind, name, labels)).collect()
}
