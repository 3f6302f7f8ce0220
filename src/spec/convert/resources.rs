//! Limits and reservations.

use super::origins::Recorder;
use crate::model::task;
use crate::spec::compose::Service;
use crate::spec::compose::resources::{GenericResource, Limits, Reservations};

/// Limits and reservations; `deploy.resources` wins over the service keys of the same meaning.
pub(super) fn resources(compose: &Service, origins: &mut Recorder) -> task::Resources {
    let resources = compose.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref());
    task::Resources {
        limits: limits(compose, resources.and_then(|r| r.limits.as_ref()), origins),
        reservations: reservations(
            compose,
            resources.and_then(|r| r.reservations.as_ref()),
            origins,
        ),
        ..task::Resources::default()
    }
}

fn limits(
    compose: &Service,
    limits: Option<&Limits>,
    origins: &mut Recorder,
) -> Option<task::Limits> {
    let cpus = limits.and_then(|l| l.cpus.as_ref()).or(compose.cpus.as_ref());
    let memory = limits.and_then(|l| l.memory.as_ref()).or(compose.mem_limit.as_ref());
    let pids = limits.and_then(|l| l.pids.as_ref()).or(compose.pids_limit.as_ref());
    origins.note_if("deploy.resources.limits.cpus", cpus);
    origins.note_if("deploy.resources.limits.memory", memory);
    origins.note_if("deploy.resources.limits.pids", pids);
    (limits.is_some() || cpus.is_some() || memory.is_some() || pids.is_some()).then(|| {
        task::Limits {
            nano_cpus: cpus.map_or(0, |cpus| cpus.value.0),
            memory_bytes: memory.map_or(0, |memory| memory.value.0),
            pids: pids.map_or(0, |pids| pids.value),
        }
    })
}

fn reservations(
    compose: &Service,
    reservations: Option<&Reservations>,
    origins: &mut Recorder,
) -> Option<task::Reservations> {
    let cpus = reservations.and_then(|r| r.cpus.as_ref());
    let memory = reservations.and_then(|r| r.memory.as_ref()).or(compose.mem_reservation.as_ref());
    let generic = reservations.and_then(|r| r.generic_resources.as_ref());
    origins.note_if("deploy.resources.reservations.cpus", cpus);
    origins.note_if("deploy.resources.reservations.memory", memory);
    origins.note_if("deploy.resources.reservations.generic_resources", generic);
    (reservations.is_some() || memory.is_some()).then(|| task::Reservations {
        nano_cpus: cpus.map_or(0, |cpus| cpus.value.0),
        memory_bytes: memory.map_or(0, |memory| memory.value.0),
        generic_resources: generic
            .into_iter()
            .flat_map(|list| &list.value)
            .map(generic_resource)
            .collect(),
    })
}

fn generic_resource(resource: &GenericResource) -> task::GenericResource {
    task::GenericResource {
        named_resource_spec: None,
        discrete_resource_spec: resource.discrete_resource_spec.as_ref().map(|discrete| {
            task::DiscreteResource {
                kind: discrete.kind.clone().unwrap_or_default(),
                value: discrete.value.unwrap_or_default(),
            }
        }),
    }
}
