//! The task template of a service: container, resources, restarts, placement, networks.
//!
//! Field names and emptiness rules follow moby's `api/types/swarm/task.go` and `runtime.go`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::container::ContainerSpec;
use super::elided::is_default;
use super::labels::Labels;
use super::mount::DriverConfig;
use super::nanos::Nanos;

/// What each task of a service runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskTemplate {
    /// The container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_spec: Option<ContainerSpec>,
    /// Limits and reservations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// What happens when a task ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// Where tasks may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Networks they are attached to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<NetworkAttachment>,
    /// Where their output goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_driver: Option<DriverConfig>,
    /// A counter that people and other tools bump to restart tasks; always taken from the live service.
    pub force_update: u64,
    /// Runtime; `container` unless it is a plugin.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runtime: String,
}

impl TaskTemplate {
    /// Whether the tasks of both run the same; where they may run, and how often somebody forced them to start again, is
    /// left out.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        let Self {
            container_spec,
            resources,
            restart_policy,
            placement: _,
            networks,
            log_driver,
            force_update: _,
            runtime,
        } = self;
        *container_spec == other.container_spec
            && *resources == other.resources
            && *restart_policy == other.restart_policy
            && *networks == other.networks
            && *log_driver == other.log_driver
            && *runtime == other.runtime
    }
}

/// Limits and reservations of a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Resources {
    /// What it may use at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What a node must have free for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reservations: Option<Reservations>,
    /// Swap in bytes; engines newer than 28.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap_bytes: Option<i64>,
    /// Swappiness, 0 to 100; engines newer than 28.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_swappiness: Option<i64>,
}

/// What a task may use at most.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Limits {
    /// CPU in billionths of a core.
    #[serde(rename = "NanoCPUs", skip_serializing_if = "is_default")]
    pub nano_cpus: i64,
    /// Memory in bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_bytes: i64,
    /// Processes.
    #[serde(skip_serializing_if = "is_default")]
    pub pids: i64,
}

/// What a node must have free for a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Reservations {
    /// CPU in billionths of a core.
    #[serde(rename = "NanoCPUs", skip_serializing_if = "is_default")]
    pub nano_cpus: i64,
    /// Memory in bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_bytes: i64,
    /// User-defined resources, such as GPUs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generic_resources: Vec<GenericResource>,
}

/// One user-defined resource; exactly one of the two is set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct GenericResource {
    /// A named one, such as a GPU by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_resource_spec: Option<NamedResource>,
    /// A number of equal ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discrete_resource_spec: Option<DiscreteResource>,
}

/// A named user-defined resource.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NamedResource {
    /// Its kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// A number of equal user-defined resources.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct DiscreteResource {
    /// Their kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// How many.
    #[serde(skip_serializing_if = "is_default")]
    pub value: i64,
}

/// What happens when a task ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestartPolicy {
    /// `none`, `on-failure` or `any`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Time before a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Nanos>,
    /// Restarts before giving up; zero is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u64>,
    /// Time in which attempts are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Nanos>,
}

/// Where tasks may run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Placement {
    /// Expressions that a node must satisfy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// How tasks are spread.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferences: Vec<Preference>,
    /// Tasks of the service on one node at most; zero is unlimited.
    #[serde(skip_serializing_if = "is_default")]
    pub max_replicas: u64,
    /// Platforms of the image, from its manifest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
}

/// One spreading rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Preference {
    /// Spread over the values of a label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
}

/// Spread over the values of a label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Spread {
    /// The label, such as `node.labels.zone`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub spread_descriptor: String,
}

/// A platform that an image runs on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct Platform {
    /// Such as `x86_64`; empty matches any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// Such as `linux`.
    #[serde(rename = "OS", skip_serializing_if = "String::is_empty")]
    pub os: String,
}

/// A network that tasks are attached to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkAttachment {
    /// The network's name on both sides of a comparison; an id only in requests to and answers from the Engine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// Additional names of the tasks on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Options for the network driver.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub driver_opts: Labels,
}
