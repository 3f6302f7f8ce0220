//! A service: its template, mode, update policy and endpoint.
//!
//! Field names and emptiness rules follow moby's `api/types/swarm/service.go`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::elided::is_default;
use super::labels::Labels;
use super::nanos::Nanos;
use super::task::TaskTemplate;

/// The body of `POST /services/create`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceSpec {
    /// Full name, with the stack's prefix.
    pub name: String,
    /// Labels of the service; changing one restarts nothing.
    pub labels: Labels,
    /// What each task runs; changing it restarts tasks, placement excepted.
    pub task_template: TaskTemplate,
    /// How many tasks there are.
    pub mode: ServiceMode,
    /// How an update proceeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_config: Option<UpdateConfig>,
    /// How a rollback proceeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_config: Option<UpdateConfig>,
    /// How it is reached; changing it restarts tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_spec: Option<EndpointSpec>,
}

/// Exactly one of the four is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceMode {
    /// A number of equal tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicated: Option<Replicated>,
    /// One task on each eligible node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global: Option<Global>,
    /// Tasks that run to completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicated_job: Option<ReplicatedJob>,
    /// One task to completion on each eligible node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_job: Option<GlobalJob>,
}

/// A number of equal tasks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Replicated {
    /// How many; absent means one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u64>,
}

/// One task on each eligible node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Global {}

/// Tasks that run to completion.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct ReplicatedJob {
    /// How many run at a time; absent means one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u64>,
    /// How many must complete; absent means `max_concurrent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_completions: Option<u64>,
}

/// One task to completion on each eligible node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct GlobalJob {}

/// How an update or a rollback proceeds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateConfig {
    /// Tasks at a time; zero is all.
    pub parallelism: u64,
    /// Time between batches.
    #[serde(skip_serializing_if = "is_default")]
    pub delay: Nanos,
    /// `pause`, `continue` or `rollback`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub failure_action: String,
    /// How long a new task is watched for failure.
    #[serde(skip_serializing_if = "is_default")]
    pub monitor: Nanos,
    /// Share of failed tasks that is tolerated.
    #[serde(serialize_with = "as_go_writes_it")]
    #[schemars(with = "f32")]
    pub max_failure_ratio: f32,
    /// `stop-first` or `start-first`.
    pub order: String,
}

/// Go writes the shortest digits of a 32-bit number, and none behind the point of a whole one.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_go_writes_it<S: Serializer>(ratio: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    if *ratio == 0.0 {
        serializer.serialize_u64(0)
    } else if (ratio - 1.0).abs() < f32::EPSILON {
        serializer.serialize_u64(1)
    } else {
        let shortest = ratio.to_string().parse().unwrap_or_else(|_| f64::from(*ratio));
        serializer.serialize_f64(shortest)
    }
}

/// How a service is reached.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct EndpointSpec {
    /// `vip` or `dnsrr`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Published ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortConfig>,
}

/// One published port.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortConfig {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `tcp`, `udp` or `sctp`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub protocol: String,
    /// Port in the container.
    #[serde(skip_serializing_if = "is_default")]
    pub target_port: u32,
    /// Port on the nodes; zero lets the Swarm choose.
    #[serde(skip_serializing_if = "is_default")]
    pub published_port: u32,
    /// `ingress` or `host`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub publish_mode: String,
}

/// The mode of a service as one word of Compose's `deploy.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeKind {
    /// A number of equal tasks.
    Replicated,
    /// One task on each eligible node.
    Global,
    /// Tasks that run to completion.
    ReplicatedJob,
    /// One task to completion on each eligible node.
    GlobalJob,
}

impl ModeKind {
    /// Whether tasks run to completion. Any write to such a service runs it again.
    pub fn is_job(self) -> bool {
        matches!(self, Self::ReplicatedJob | Self::GlobalJob)
    }
}

impl fmt::Display for ModeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Replicated => "replicated",
            Self::Global => "global",
            Self::ReplicatedJob => "replicated-job",
            Self::GlobalJob => "global-job",
        })
    }
}

impl ServiceMode {
    /// Which of the four it is; a mode that says nothing is `replicated`, as the Engine reads it.
    pub fn kind(&self) -> ModeKind {
        let Self { replicated: _, global, replicated_job, global_job } = self;
        if global.is_some() {
            ModeKind::Global
        } else if replicated_job.is_some() {
            ModeKind::ReplicatedJob
        } else if global_job.is_some() {
            ModeKind::GlobalJob
        } else {
            ModeKind::Replicated
        }
    }

    /// How many equal tasks are asked for; one in modes that do not say.
    pub fn replicas(&self) -> u64 {
        self.replicated.as_ref().and_then(|mode| mode.replicas).unwrap_or(1)
    }

    /// How many completions a replicated job needs; one in modes that do not say.
    pub fn completions(&self) -> u64 {
        let job = self.replicated_job.as_ref();
        job.and_then(|job| job.total_completions.or(job.max_concurrent)).unwrap_or(1)
    }

    /// A replicated mode with `replicas` tasks.
    pub fn replicated(replicas: Option<u64>) -> Self {
        Self { replicated: Some(Replicated { replicas }), ..Self::default() }
    }
}
