//! Updates that would wait for ever, harm data, or not see that they fail.

use crate::model::finding::Finding;
use crate::model::nanos::Nanos;
use crate::model::place::Place;
use crate::model::service::ModeKind;
use crate::spec::compose::deploy::{Deploy, Rollout};
use crate::spec::compose::healthcheck::Healthcheck;
use crate::spec::compose::mounts::MountKind;
use crate::spec::compose::{ComposeFile, Service};
use crate::spec::decode::{Located, Report};

/// How long an update watches a new task unless it is told (swarmkit `api/defaults/service.go`).
const MONITOR: Nanos = Nanos::seconds(5);
/// The time between probes unless it is told (moby `daemon/health.go`).
const INTERVAL: Nanos = Nanos::seconds(30);
/// How many probes must fail in a row unless it is told (moby `daemon/health.go`).
const RETRIES: u64 = 3;

pub(super) fn check(file: &ComposeFile, report: &mut Report) {
    for (key, service) in &file.services {
        let Some(deploy) = &service.deploy else { continue };
        let Some(update) = &deploy.update_config else { continue };
        if let Some(order) = update.order.as_ref().filter(|order| order.as_str() == "start-first") {
            if let Some(clash) = host_port(service) {
                report.push(clash.warning("start-first-host-port", key, order));
            }
            if let Some(clash) = volume(service, deploy, file) {
                report.push(clash.warning("start-first-volume", key, order));
            }
        }
        if let Some(health) = &service.healthcheck {
            monitor(key, update, health, report);
        }
    }
}

/// What a new task gets into trouble over with the old one, beside which it starts.
struct Clash<'a> {
    over: &'a Place,
    what: &'static str,
    because: String,
    unless: &'static str,
}

impl Clash<'_> {
    fn warning(self, code: &'static str, key: &str, order: &Located<String>) -> Finding {
        let Self { over, what, because, unless } = self;
        let message = format!("services.{key} starts new tasks first, {because}");
        Finding::warning(code, order.place.clone(), message)
            .related(over.clone(), what)
            .hint(format!("use `order: stop-first`, or {unless}"))
    }
}

/// A new task cannot start beside the old one when both need the same port of a node.
fn host_port(service: &Service) -> Option<Clash<'_>> {
    let mut ports = service.ports.iter().flat_map(|ports| &ports.0);
    let port = ports.find(|port| port.mode == "host" && port.published != 0)?;
    Some(Clash {
        over: &port.place,
        what: "the port",
        because: format!("but port {} of a node can be taken only once", port.published),
        unless: "let more nodes than tasks be eligible",
    })
}

/// With one task at a time nobody expects two of them to write to one volume. Who runs several does.
fn volume<'a>(service: &'a Service, deploy: &Deploy, file: &ComposeFile) -> Option<Clash<'a>> {
    let is_global = deploy.mode.as_ref().is_some_and(|mode| mode.value == ModeKind::Global);
    let replicas = deploy.replicas.as_ref().or(service.scale.as_ref());
    if !is_global && replicas.is_some_and(|replicas| replicas.value > 1) {
        return None;
    }
    let is_local = |source: &str| {
        file.volumes.get(source).is_some_and(|volume| {
            let driver = volume.driver.as_ref();
            !volume.is_external() && driver.is_none_or(|driver| driver.as_str() == "local")
        })
    };
    let mut mounts = service.volumes.iter().flat_map(|mounts| &mounts.0);
    let mount = mounts.find(|mount| {
        mount.kind == MountKind::Volume && !mount.read_only && is_local(&mount.source)
    })?;
    let shown = mount.quoted(&mount.source);
    Some(Clash {
        over: &mount.place,
        what: "the volume",
        because: format!("so that two tasks write to the volume {shown} at once"),
        unless: "mount the volume `read_only` if nothing is written",
    })
}

/// A task with a health check counts as running from its first good probe on. swarmkit watches it for `monitor` from
/// then; a failure is noticed after `retries` bad probes in a row. The start period has ended with the good probe.
fn monitor(key: &str, update: &Rollout, health: &Located<Healthcheck>, report: &mut Report) {
    let acts = |action: &&Located<String>| matches!(action.as_str(), "rollback" | "pause");
    let Some(action) = update.failure_action.as_ref().filter(acts) else { return };
    let test = health.test.as_ref().and_then(|test| test.value.0.first());
    if health.disable.as_ref().is_some_and(|disable| disable.value)
        || test.is_some_and(|word| word == "NONE")
    {
        return;
    }
    let interval = health.interval.as_ref().map(|interval| interval.value.0);
    let interval = interval.filter(|interval| interval.0 > 0).unwrap_or(INTERVAL);
    let retries = health.retries.as_ref().map(|retries| retries.value);
    let retries = retries.filter(|retries| *retries > 0).unwrap_or(RETRIES);
    let noticed = interval.0.saturating_mul(i64::try_from(retries).unwrap_or(i64::MAX));
    let (noticed, watched) =
        (Nanos(noticed), update.monitor.as_ref().map_or(MONITOR, |monitor| monitor.value.0));
    if noticed <= watched {
        return;
    }
    let (place, default) = match &update.monitor {
        Some(monitor) => (&monitor.place, ""),
        None => (&action.place, ", the default"),
    };
    let message = format!(
        "services.{key}.deploy.update_config watches a new task for {watched}{default}, but its health check takes {noticed} to fail ({retries} × {interval})"
    );
    report.push(
        Finding::warning("monitor-too-short", place.clone(), message)
            .related(health.place.clone(), "the health check")
            .hint(format!(
                "set `monitor: {noticed}` or more, or probe more often: the update does not see a task that is healthy at first and fails then"
            )),
    );
}
