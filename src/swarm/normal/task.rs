//! Defaults of a task template: resources, restarts, placement, networks, log driver.

use crate::model::nanos::Nanos;
use crate::model::task::{
    GenericResource, Limits, NetworkAttachment, Placement, Platform, Reservations, Resources,
    RestartPolicy, TaskTemplate,
};

use super::{container, fill, unless_default};

/// Time before a restart when nothing else is said.
const RESTART_DELAY: Nanos = Nanos::seconds(5);

/// Brings a task template into its normal form. `ForceUpdate` stays as it is.
pub fn template(template: &mut TaskTemplate) {
    let TaskTemplate {
        container_spec,
        resources,
        restart_policy,
        placement,
        networks,
        log_driver,
        force_update: _,
        runtime,
    } = template;
    if let Some(spec) = container_spec {
        container::container(spec);
    }
    if let Some(needs) = resources {
        self::resources(needs);
    }
    unless_default(resources);
    restart(restart_policy.get_or_insert_default());
    if let Some(rules) = placement {
        self::placement(rules);
    }
    unless_default(placement);
    networks.iter_mut().for_each(attachment);
    networks.sort_by(|a, b| a.target.cmp(&b.target));
    unless_default(log_driver);
    fill(runtime, "container");
}

fn resources(resources: &mut Resources) {
    let Resources { limits, reservations, swap_bytes: _, memory_swappiness: _ } = resources;
    if let Some(Limits { nano_cpus: _, memory_bytes: _, pids: _ }) = limits {
        unless_default(limits);
    }
    if let Some(Reservations { nano_cpus: _, memory_bytes: _, generic_resources }) = reservations {
        generic_resources.sort_by(|a, b| kind(a).cmp(&kind(b)));
        unless_default(reservations);
    }
}

fn kind(resource: &GenericResource) -> (&str, &str, i64) {
    let GenericResource { named_resource_spec, discrete_resource_spec } = resource;
    match (named_resource_spec, discrete_resource_spec) {
        (Some(named), _) => (&named.kind, &named.value, 0),
        (None, Some(discrete)) => (&discrete.kind, "", discrete.value),
        (None, None) => ("", "", 0),
    }
}

fn restart(policy: &mut RestartPolicy) {
    let RestartPolicy { condition, delay, max_attempts, window } = policy;
    fill(condition, "any");
    delay.get_or_insert(RESTART_DELAY);
    max_attempts.get_or_insert(0);
    window.get_or_insert(Nanos::default());
}

fn placement(placement: &mut Placement) {
    let Placement { constraints, preferences, max_replicas: _, platforms } = placement;
    for constraint in constraints.iter_mut() {
        *constraint = spaced(constraint);
    }
    constraints.sort();
    constraints.dedup();
    preferences.retain(|preference| preference.spread.is_some());
    platforms.sort_by(|a, b| platform(a).cmp(&platform(b)));
    platforms.dedup();
}

fn platform(platform: &Platform) -> (&str, &str) {
    let Platform { architecture, os } = platform;
    (os, architecture)
}

/// `node.role == manager` however it was spaced (swarmkit `manager/constraint`, `Parse` trims both sides).
fn spaced(constraint: &str) -> String {
    for operator in ["==", "!="] {
        if let Some((key, value)) = constraint.split_once(operator) {
            return format!("{} {operator} {}", key.trim(), value.trim());
        }
    }
    constraint.to_owned()
}

fn attachment(attachment: &mut NetworkAttachment) {
    let NetworkAttachment { target: _, aliases, driver_opts: _ } = attachment;
    aliases.sort();
    aliases.dedup();
}
