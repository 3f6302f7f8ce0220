//! How long is waited for what: monitor period, progress deadline, graces.

use jiff::Timestamp;

use crate::model::nanos::Nanos;
use crate::model::service::{ServiceSpec, UpdateConfig};

/// Swarm's own monitor period where the file names none (swarmkit `api/defaults/service.go`).
const DEFAULT_MONITOR: Nanos = Nanos::seconds(5);
/// The least time without a new healthy task after which a rollout is given up.
const LEAST_DEADLINE: Nanos = Nanos::seconds(300);
/// How long it must go on that nodes refuse a task before that is final: the subnet of a network that has just gone is
/// free on a node only seconds later, and until then the node refuses tasks of the network that got it.
pub(super) const REFUSAL_GRACE: Nanos = Nanos::seconds(10);
/// How long a task may be gone without a successor before we say that Swarm gave up on it.
pub(super) const SUCCESSOR_GRACE: Nanos = Nanos::seconds(10);
/// How long after a write Swarm may take to say that an update is under way.
pub(super) const STATUS_GRACE: Nanos = Nanos::seconds(10);
/// A task that ended before it was this old was never well for good.
pub(super) const INFANCY: Nanos = LEAST_DEADLINE;

/// How long a new task must have been well.
pub(super) fn monitor(spec: &ServiceSpec) -> Nanos {
    let monitor = spec.update_config.as_ref().map_or(Nanos(0), |config| config.monitor);
    if monitor == Nanos(0) { DEFAULT_MONITOR } else { monitor }
}

/// How long a rollout may go without a new healthy task: what one batch may take by its own settings,
/// and five minutes at least.
pub(super) fn deadline(spec: &ServiceSpec) -> Nanos {
    let delay = spec.update_config.as_ref().map_or(Nanos(0), |UpdateConfig { delay, .. }| *delay);
    let health = spec
        .task_template
        .container_spec
        .as_ref()
        .and_then(|container| container.healthcheck.as_ref());
    let probing = health.map_or(0, |check| {
        let failures = check.interval.0.saturating_mul(check.retries.max(1));
        check.start_period.0.saturating_add(failures)
    });
    let batch = delay.0.saturating_add(monitor(spec).0).saturating_add(probing);
    Nanos(batch).max(LEAST_DEADLINE)
}

/// The time from `since` to `now`; negative when it is the other way round.
pub(super) fn elapsed(since: Timestamp, now: Timestamp) -> Nanos {
    Nanos(i64::try_from(now.duration_since(since).as_nanos()).unwrap_or(i64::MAX))
}
