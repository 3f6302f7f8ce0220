//! Images, mounts and limits of containers.

use crate::model::finding::Finding;
use crate::spec::compose::mounts::MountKind;
use crate::spec::compose::{ComposeFile, Service};
use crate::spec::decode::Report;
use crate::spec::image::Reference;

/// The least memory of a limit or reservation (swarmkit `manager/controlapi/service.go`).
const LEAST_MEMORY: i64 = 4 << 20;
/// The least share of cores (swarmkit `manager/controlapi/service.go`).
const LEAST_NANO_CPUS: i64 = 1_000_000;

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    for (key, service) in &file.services {
        image(key, service, report);
        mounts(key, service, report);
        resources(key, service, report);
    }
}

fn image(key: &str, service: &Service, report: &mut Report) {
    let Some(image) = &service.image else { return };
    if let Err(error) = Reference::parse(image) {
        let why = if image.interpolated { error.rule().to_owned() } else { error.to_string() };
        let message = format!("services.{key}.image is no image reference: {why}");
        report.push(
            Finding::error("invalid-image", image.place.clone(), message)
                .hint("write it as `registry.example.com/team/app:1.2`"),
        );
    }
}

fn mounts(key: &str, service: &Service, report: &mut Report) {
    let Some(mounts) = &service.volumes else { return };
    for mount in &mounts.0 {
        let windows = mount.target.chars().nth(1) == Some(':') || mount.target.starts_with('\\');
        if !mount.target.starts_with('/') && !windows && mount.kind != MountKind::Npipe {
            let message = format!(
                "services.{key}.volumes has the target {}, which is not absolute",
                mount.quoted(&mount.target)
            );
            report.push(
                Finding::error("invalid-mount", mount.place.clone(), message)
                    .hint("begin the path in the container with a slash"),
            );
        }
    }
}

fn resources(key: &str, service: &Service, report: &mut Report) {
    let resources = service.deploy.as_ref().and_then(|deploy| deploy.resources.as_ref());
    let limits = resources.and_then(|resources| resources.limits.as_ref());
    let reservations = resources.and_then(|resources| resources.reservations.as_ref());
    let memory = [
        ("deploy.resources.limits.memory", limits.and_then(|limits| limits.memory.as_ref())),
        (
            "deploy.resources.reservations.memory",
            reservations.and_then(|reserved| reserved.memory.as_ref()),
        ),
        ("mem_limit", service.mem_limit.as_ref()),
        ("mem_reservation", service.mem_reservation.as_ref()),
    ];
    for (field, memory) in memory {
        if let Some(memory) = memory.filter(|memory| (1..LEAST_MEMORY).contains(&memory.value.0)) {
            let message =
                format!("services.{key}.{field} is below 4 MiB, the least a Swarm allows");
            report.push(
                Finding::error("out-of-range", memory.place.clone(), message)
                    .hint("give it a unit: `64M`, `1G`"),
            );
        }
    }
    let cpus = [
        ("deploy.resources.limits.cpus", limits.and_then(|limits| limits.cpus.as_ref())),
        (
            "deploy.resources.reservations.cpus",
            reservations.and_then(|reserved| reserved.cpus.as_ref()),
        ),
        ("cpus", service.cpus.as_ref()),
    ];
    for (field, cpus) in cpus {
        if let Some(cpus) = cpus
            && cpus.value.0 != 0
            && cpus.value.0 < LEAST_NANO_CPUS
        {
            let message =
                format!("services.{key}.{field} is below 0.001, the least a Swarm allows");
            report.push(Finding::error("out-of-range", cpus.place.clone(), message));
        }
    }
}
