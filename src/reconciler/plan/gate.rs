//! Gates: what a service waits for before it is created or rolled.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{After, Hold, HoldClass, HoldCode, Need};
use crate::model::desired::{Condition, Dependency, DesiredService};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::TaskState;

use super::super::health::{ServiceHealth, Verdict, describe};
use super::context::Context;

/// Where a service stands in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing is to be written.
    Settled,
    /// A write is ready or waits.
    Pending,
    /// A write needs a person first.
    Held,
}

/// Services with those first that others depend on, otherwise in the order of the file.
///
/// Loading refuses cycles; if there were one, its services would come in the order of the file.
pub(super) fn in_order(services: &[DesiredService]) -> Vec<&DesiredService> {
    let mut placed = BTreeSet::new();
    let mut order = Vec::with_capacity(services.len());
    let declared: BTreeSet<&str> = services.iter().map(|s| s.spec.name.as_str()).collect();
    while order.len() < services.len() {
        let before = order.len();
        for service in services {
            let free = service.depends_on.iter().all(|dependency| {
                let name = dependency.service.as_str();
                placed.contains(name) || !declared.contains(name)
            });
            if free && placed.insert(service.spec.name.as_str()) {
                order.push(service);
            }
        }
        if order.len() == before {
            let rest =
                services.iter().filter(|service| !placed.contains(service.spec.name.as_str()));
            order.extend(rest);
            break;
        }
    }
    order
}

/// What a dependency makes its dependent wait for, if it does.
pub(super) fn check(
    context: &Context<'_>,
    dependency: &Dependency,
    standings: &BTreeMap<String, Standing>,
) -> Option<(After, Hold)> {
    let object = ObjectKey::new(Kind::Service, &dependency.service);
    let need = match dependency.condition {
        Condition::ServiceStarted => Need::Started,
        Condition::ServiceHealthy => Need::Healthy,
        Condition::ServiceCompletedSuccessfully => Need::Completed,
    };
    let after = After { object: object.clone(), need };
    let hold = |class: HoldClass, reason: String| {
        let hold = Hold { class, ..Hold::new(HoldCode::WaitsForHealth, reason) };
        Some((after.clone(), hold.needs(object.clone())))
    };
    match standings.get(&dependency.service) {
        Some(Standing::Held) => {
            return hold(HoldClass::Standing, format!("waits for {object}, which is held"));
        }
        Some(Standing::Pending) => {
            return hold(HoldClass::Waiting, format!("waits until {object} {need}"));
        }
        Some(Standing::Settled) | None => {}
    }
    let Some(health) = context.health.get(dependency.service.as_str()) else {
        return hold(HoldClass::Waiting, format!("waits until {object} exists"));
    };
    if is_met(dependency.condition, health)
        || (dependency.condition == Condition::ServiceStarted && is_starting(context, dependency))
    {
        return None;
    }
    let class =
        if health.verdict.is_progressing() { HoldClass::Waiting } else { HoldClass::Standing };
    hold(class, format!("waits for {object}: {}", describe(health)))
}

/// Whether a task of the needed service is up and its health is being looked at. Swarm calls such a task `starting`, and
/// does so for no longer than a moment where there is no health check.
fn is_starting(context: &Context<'_>, dependency: &Dependency) -> bool {
    let Some(live) = context.index.services.get(dependency.service.as_str()) else { return false };
    let container = live.spec.task_template.container_spec.as_ref();
    let is_checked = container.and_then(|container| container.healthcheck.as_ref()).is_some();
    let tasks = context.observed.workload.iter().flat_map(|workload| &workload.tasks);
    let mut tasks = tasks.filter(|task| task.service_id == live.id);
    is_checked
        && tasks.any(|task| task.state == TaskState::Starting && task.desired <= TaskState::Running)
}

fn is_met(condition: Condition, health: &ServiceHealth) -> bool {
    match condition {
        Condition::ServiceStarted => {
            health.running > 0 || health.wanted == 0 || health.verdict.is_healthy()
        }
        // Nothing is to be written for it, so a rollback that Swarm completed brought back what is declared.
        Condition::ServiceHealthy => {
            health.verdict.is_healthy() || health.verdict == Verdict::RolledBack
        }
        Condition::ServiceCompletedSuccessfully => health.verdict == Verdict::JobComplete,
    }
}
