//! Why a roll fails requests although Swarm could do without, as far as the spec tells.

use std::fmt;

use crate::diff::document::{Effect, RolloutOrder};
use crate::model::container::Healthcheck;
use crate::model::service::ServiceSpec;

/// What keeps a roll from serving all the time. `docs/zero-downtime.md` lists each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// The only task stops before there is another one.
    OnlyTask,
    /// Every task stops before there is another one.
    AllAtOnce,
    /// Nothing says when a new task can serve.
    NoHealthCheck,
    /// The update starts tasks first, and its rollback would not.
    RollbackStopsFirst,
}

impl Shortfall {
    /// Each of them, in the order of the documentation.
    pub const ALL: [Self; 4] =
        [Self::OnlyTask, Self::AllAtOnce, Self::NoHealthCheck, Self::RollbackStopsFirst];
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OnlyTask => {
                "the only task stops first: `order: start-first` or a second one would keep serving"
            }
            Self::AllAtOnce => {
                "all tasks stop at once: `order: start-first` or less `parallelism` would keep some"
            }
            Self::NoHealthCheck => {
                "no `healthcheck`, unless the image has one: new tasks get requests at once"
            }
            Self::RollbackStopsFirst => {
                "a rollback would stop tasks first: `rollback_config` has an `order` of its own"
            }
        })
    }
}

/// What keeps the roll of a service that becomes `spec` from serving all the time.
pub(super) fn of(spec: &ServiceSpec, effect: &Effect) -> Vec<Shortfall> {
    let Effect::Rolls { tasks, parallelism, order, keep_serving: _ } = *effect else {
        return Vec::new();
    };
    let starts_first = order == RolloutOrder::StartFirst;
    let stops_all = !starts_first && (parallelism == 0 || parallelism >= tasks);
    let is_partial = spec.mode.replicated.is_some() && tasks < spec.mode.replicas();
    let update = spec.update_config.as_ref();
    let rollback = spec.rollback_config.as_ref();
    let rolls_back = update.is_some_and(|update| update.failure_action == "rollback");
    let rollback_starts_first = rollback.is_some_and(|rollback| rollback.order == "start-first");
    let container = spec.task_template.container_spec.as_ref();
    let check = container.and_then(|container| container.healthcheck.as_ref());
    let holds = |shortfall: &Shortfall| match shortfall {
        Shortfall::OnlyTask => stops_all && !is_partial && tasks == 1,
        Shortfall::AllAtOnce => stops_all && !is_partial && tasks > 1,
        Shortfall::NoHealthCheck => !stops_all && !check.is_some_and(probes),
        Shortfall::RollbackStopsFirst => starts_first && rolls_back && !rollback_starts_first,
    };
    Shortfall::ALL.into_iter().filter(holds).collect()
}

fn probes(check: &Healthcheck) -> bool {
    // Without a test of its own it takes that of the image.
    check.test.first().is_none_or(|word| word != "NONE")
}
