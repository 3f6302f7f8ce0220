//! Mode, rollouts, restarts and placement.

use super::origins::Recorder;
use crate::model::nanos::Nanos;
use crate::model::service::{
    Global, GlobalJob, ModeKind, ReplicatedJob, ServiceMode, UpdateConfig,
};
use crate::model::task;
use crate::spec::compose::Service;
use crate::spec::compose::deploy::{RestartPolicy, Rollout};
use crate::spec::compose::duration::Duration;
use crate::spec::compose::restart::Restart;
use crate::spec::decode::Located;

/// How many tasks there are. A job with `replicas` runs that many at a time and in all.
pub(super) fn mode(compose: &Service, origins: &mut Recorder) -> ServiceMode {
    let deploy = compose.deploy.as_ref();
    let mode = deploy.and_then(|deploy| deploy.mode.as_ref());
    let replicas = deploy.and_then(|deploy| deploy.replicas.as_ref()).or(compose.scale.as_ref());
    origins.note_if("deploy.mode", mode);
    origins.note_if("deploy.replicas", replicas);
    let replicas = replicas.map(|replicas| replicas.value);
    match mode.map_or(ModeKind::Replicated, |mode| mode.value) {
        ModeKind::Replicated => ServiceMode::replicated(replicas),
        ModeKind::Global => ServiceMode { global: Some(Global {}), ..ServiceMode::default() },
        ModeKind::ReplicatedJob => {
            let job = ReplicatedJob { max_concurrent: replicas, total_completions: replicas };
            ServiceMode { replicated_job: Some(job), ..ServiceMode::default() }
        }
        ModeKind::GlobalJob => {
            ServiceMode { global_job: Some(GlobalJob {}), ..ServiceMode::default() }
        }
    }
}

/// How an update or a rollback proceeds; one task at a time unless the file says otherwise.
#[expect(clippy::cast_possible_truncation, reason = "the Engine's API has a 32-bit ratio")]
pub(super) fn rollout(
    field: &'static str,
    compose: Option<&Located<Rollout>>,
    origins: &mut Recorder,
) -> Option<UpdateConfig> {
    origins.note_if(field, compose);
    let Rollout { parallelism, delay, failure_action, monitor, max_failure_ratio, order } =
        &compose?.value;
    origins.note_if(format!("{field}.parallelism"), parallelism.as_ref());
    origins.note_if(format!("{field}.delay"), delay.as_ref());
    origins.note_if(format!("{field}.failure_action"), failure_action.as_ref());
    origins.note_if(format!("{field}.monitor"), monitor.as_ref());
    origins.note_if(format!("{field}.max_failure_ratio"), max_failure_ratio.as_ref());
    origins.note_if(format!("{field}.order"), order.as_ref());
    Some(UpdateConfig {
        parallelism: parallelism.as_ref().map_or(1, |n| n.value),
        delay: nanos(delay.as_ref()).unwrap_or_default(),
        failure_action: text(failure_action.as_ref()),
        monitor: nanos(monitor.as_ref()).unwrap_or_default(),
        max_failure_ratio: max_failure_ratio.as_ref().map_or(0.0, |ratio| ratio.value as f32),
        order: text(order.as_ref()),
    })
}

/// What happens when a task ends: `deploy.restart_policy`, else `restart`.
pub(super) fn restart(compose: &Service, origins: &mut Recorder) -> Option<task::RestartPolicy> {
    let policy = compose.deploy.as_ref().and_then(|deploy| deploy.restart_policy.as_ref());
    if let Some(policy) = policy {
        origins.note("deploy.restart_policy", &policy.place);
        let RestartPolicy { condition, delay, max_attempts, window } = &policy.value;
        origins.note_if("deploy.restart_policy.condition", condition.as_ref());
        origins.note_if("deploy.restart_policy.delay", delay.as_ref());
        origins.note_if("deploy.restart_policy.max_attempts", max_attempts.as_ref());
        origins.note_if("deploy.restart_policy.window", window.as_ref());
        return Some(task::RestartPolicy {
            condition: text(condition.as_ref()),
            delay: nanos(delay.as_ref()),
            max_attempts: max_attempts.as_ref().map(|n| n.value),
            window: nanos(window.as_ref()),
        });
    }
    origins.note_if("deploy.restart_policy", compose.restart.as_ref());
    let (condition, max_attempts) = match compose.restart.as_ref()?.value {
        Restart::No => return None,
        Restart::Always => ("any", None),
        Restart::OnFailure(count) => ("on-failure", Some(count)),
    };
    Some(task::RestartPolicy {
        condition: condition.to_owned(),
        max_attempts,
        ..task::RestartPolicy::default()
    })
}

/// Where tasks may run.
pub(super) fn placement(compose: &Service, origins: &mut Recorder) -> task::Placement {
    let Some(placement) = compose.deploy.as_ref().and_then(|deploy| deploy.placement.as_ref())
    else {
        return task::Placement::default();
    };
    origins.note_if("deploy.placement.constraints", placement.constraints.as_ref());
    origins.note_if("deploy.placement.preferences", placement.preferences.as_ref());
    origins.note_if(
        "deploy.placement.max_replicas_per_node",
        placement.max_replicas_per_node.as_ref(),
    );
    let constraints = placement.constraints.iter().flat_map(|list| &list.value);
    let preferences = placement.preferences.iter().flat_map(|list| &list.value);
    task::Placement {
        constraints: constraints.map(|constraint| constraint.value.clone()).collect(),
        preferences: preferences
            .map(|preference| task::Preference {
                spread: Some(task::Spread { spread_descriptor: preference.spread.value.clone() }),
            })
            .collect(),
        max_replicas: placement.max_replicas_per_node.as_ref().map_or(0, |n| n.value),
        platforms: Vec::new(),
    }
}

fn nanos(duration: Option<&Located<Duration>>) -> Option<Nanos> {
    duration.map(|duration| duration.value.0)
}

fn text(text: Option<&Located<String>>) -> String {
    text.map(|text| text.value.clone()).unwrap_or_default()
}
