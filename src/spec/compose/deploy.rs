//! `deploy` of a service.

use schemars::JsonSchema;

use super::duration::Duration;
use super::pairs::Pairs;
use super::placement::Placement;
use super::resources::Resources;
use crate::model::service::ModeKind;
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// How a service runs in the Swarm.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Deploy {
    /// Whether a number of tasks runs, or one on each node, and whether they run to completion.
    #[schemars(with = "Option<String>", extend("enum" = MODES))]
    pub mode: Option<Located<ModeKind>>,
    /// How the service is reached by its name: one virtual address, or the addresses of its tasks.
    #[schemars(extend("enum" = ["vip", "dnsrr", "VIP", "DNSRR"]))]
    pub endpoint_mode: Option<Located<String>>,
    /// How many tasks run.
    #[schemars(example = 2)]
    pub replicas: Option<Located<u64>>,
    /// Labels of the service; changing one restarts nothing.
    pub labels: Option<Located<Pairs>>,
    /// How an update proceeds.
    pub update_config: Option<Located<Rollout>>,
    /// How a rollback proceeds.
    pub rollback_config: Option<Located<Rollout>>,
    /// What tasks may use, and what must be free for them.
    pub resources: Option<Resources>,
    /// What happens when a task ends.
    pub restart_policy: Option<Located<RestartPolicy>>,
    /// Where tasks may run.
    pub placement: Option<Placement>,
}

/// How an update or a rollback proceeds.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Rollout {
    /// Tasks at a time; 0 is all, 1 the default.
    #[schemars(example = 2)]
    pub parallelism: Option<Located<u64>>,
    /// Time between batches.
    #[schemars(example = &"10s")]
    pub delay: Option<Located<Duration>>,
    /// What happens when tasks fail.
    #[schemars(extend("enum" = ["pause", "continue", "rollback"]))]
    pub failure_action: Option<Located<String>>,
    /// How long a new task is watched for failure; 5s by default.
    #[schemars(example = &"30s")]
    pub monitor: Option<Located<Duration>>,
    /// The share of failed tasks that is tolerated.
    #[schemars(example = 0.1)]
    pub max_failure_ratio: Option<Located<f64>>,
    /// Whether a new task starts before the old one stops.
    #[schemars(extend("enum" = ["stop-first", "start-first"]))]
    pub order: Option<Located<String>>,
}

/// What happens when a task ends.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RestartPolicy {
    /// When it is started again.
    #[schemars(extend("enum" = ["none", "on-failure", "any"]))]
    pub condition: Option<Located<String>>,
    /// Time before it is started again; 5s by default.
    #[schemars(example = &"5s")]
    pub delay: Option<Located<Duration>>,
    /// Restarts before giving up; 0 is unlimited.
    pub max_attempts: Option<Located<u64>>,
    /// Time in which attempts are counted.
    #[schemars(example = &"2m")]
    pub window: Option<Located<Duration>>,
}

const MODES: [&str; 4] = ["replicated", "global", "replicated-job", "global-job"];

impl Decode for Deploy {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if at.node.is_null() {
            return Some(Self::default());
        }
        let mut fields = at.fields(report)?;
        let mode = fields.choice_or_blank("mode", &MODES, report).map(|word| {
            let kind = match word.as_str() {
                "global" => ModeKind::Global,
                "replicated-job" => ModeKind::ReplicatedJob,
                "global-job" => ModeKind::GlobalJob,
                _ => ModeKind::Replicated,
            };
            word.with(kind)
        });
        let deploy = Self {
            mode,
            endpoint_mode: endpoint_mode(fields.at("endpoint_mode").as_ref(), report),
            replicas: fields.get("replicas", report),
            labels: fields.get("labels", report),
            update_config: fields.get("update_config", report),
            rollback_config: fields.get("rollback_config", report),
            resources: fields.get("resources", report),
            restart_policy: fields.get("restart_policy", report),
            placement: fields.get("placement", report),
        };
        fields.finish(report);
        Some(deploy)
    }
}

/// docker takes the word in any case.
fn endpoint_mode(at: Option<&Cursor<'_>>, report: &mut Report) -> Option<Located<String>> {
    let mut mode: Located<String> = at?.get(report)?;
    mode.value = mode.value.to_lowercase();
    if !matches!(mode.as_str(), "vip" | "dnsrr" | "") {
        let says = format_args!("is {}", at?.quoted(&mode));
        report.push(at?.error("invalid-value", says).hint("use one of vip, dnsrr"));
    }
    Some(mode)
}

impl Decode for Rollout {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let rollout = Self {
            parallelism: fields.get("parallelism", report),
            delay: fields.get("delay", report),
            failure_action: fields.choice_or_blank(
                "failure_action",
                &["pause", "continue", "rollback"],
                report,
            ),
            monitor: fields.get("monitor", report),
            max_failure_ratio: fields.get("max_failure_ratio", report),
            order: fields.choice("order", &["stop-first", "start-first"], report),
        };
        if let (Some(at), Some(ratio)) =
            (fields.at("max_failure_ratio"), &rollout.max_failure_ratio)
            && !(0.0..=1.0).contains(&ratio.value)
        {
            let says = format_args!("must be between 0 and 1, not {}", at.number(ratio.value));
            report.push(at.error("out-of-range", says));
        }
        fields.finish(report);
        Some(rollout)
    }
}

impl Decode for RestartPolicy {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let policy = Self {
            condition: fields.choice_or_blank("condition", &["none", "on-failure", "any"], report),
            delay: fields.get("delay", report),
            max_attempts: fields.get("max_attempts", report),
            window: fields.get("window", report),
        };
        fields.finish(report);
        Some(policy)
    }
}
