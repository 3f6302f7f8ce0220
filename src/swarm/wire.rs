//! Services, tasks and nodes as the Engine's JSON has them.
//!
//! bollard's models lose the health check, `PreviousSpec` and every field that they don't know, and fail on a
//! state that they don't know. Specs stay text until they are needed whole.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::labels::Labels;
use crate::model::live::{TaskCounts, TaskState, UpdateState};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Service<'a> {
    #[serde(rename = "ID")]
    pub(super) id: String,
    pub(super) version: Version,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    #[serde(borrow)]
    pub(super) spec: &'a RawValue,
    pub(super) previous_spec: Option<PreviousSpec>,
    pub(super) update_status: Option<UpdateStatus>,
    #[serde(rename = "ServiceStatus")]
    pub(super) counts: Option<ServiceStatus>,
    pub(super) job_status: Option<JobStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    pub(super) index: u64,
}

/// What a rollback would need.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreviousSpec {
    pub(super) labels: Option<PreviousLabels>,
    pub(super) task_template: PreviousTemplate,
}

#[derive(Deserialize)]
pub(super) struct PreviousLabels {
    /// [`crate::model::labels::APPLIED`].
    #[serde(rename = "skep.applied")]
    pub(super) applied: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreviousTemplate {
    pub(super) container_spec: Option<PreviousContainer>,
    pub(super) networks: Option<Vec<PreviousNetwork>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreviousContainer {
    pub(super) secrets: Option<Vec<PreviousSecret>>,
    pub(super) configs: Option<Vec<PreviousConfig>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreviousSecret {
    pub(super) secret_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreviousConfig {
    pub(super) config_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PreviousNetwork {
    pub(super) target: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateStatus {
    /// Absent where the Engine has no word for the state.
    pub(super) state: Option<UpdateState>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) completed_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ServiceStatus {
    #[serde(rename = "RunningTasks")]
    running: u64,
    #[serde(rename = "DesiredTasks")]
    desired: u64,
    #[serde(rename = "CompletedTasks")]
    completed: u64,
}

impl From<ServiceStatus> for TaskCounts {
    fn from(status: ServiceStatus) -> Self {
        let ServiceStatus { running, desired, completed } = status;
        Self { running, desired, completed }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct JobStatus {
    pub(super) job_iteration: Iteration,
}

/// An iteration of a job; the first one has no index.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Iteration {
    #[serde(default)]
    pub(super) index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Task<'a> {
    #[serde(rename = "ID")]
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    #[serde(borrow)]
    pub(super) spec: &'a RawValue,
    #[serde(rename = "ServiceID", default)]
    pub(super) service_id: String,
    #[serde(default)]
    pub(super) slot: u64,
    #[serde(rename = "NodeID")]
    pub(super) node_id: Option<String>,
    pub(super) status: TaskStatus,
    pub(super) desired_state: TaskState,
    pub(super) job_iteration: Option<Iteration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskStatus {
    pub(super) timestamp: Timestamp,
    pub(super) state: TaskState,
    #[serde(default)]
    pub(super) message: String,
    pub(super) err: Option<String>,
    pub(super) container_status: Option<ContainerStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerStatus {
    #[serde(rename = "ContainerID", default)]
    pub(super) container_id: String,
    #[serde(default)]
    pub(super) exit_code: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Node {
    #[serde(rename = "ID")]
    pub(super) id: String,
    pub(super) updated_at: Timestamp,
    pub(super) spec: NodeSpec,
    pub(super) description: NodeDescription,
    pub(super) status: NodeStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NodeSpec {
    pub(super) labels: Option<Labels>,
    #[serde(default)]
    pub(super) role: String,
    #[serde(default)]
    pub(super) availability: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NodeDescription {
    #[serde(default)]
    pub(super) hostname: String,
    #[serde(default)]
    pub(super) platform: NodePlatform,
    #[serde(default)]
    pub(super) resources: NodeResources,
    #[serde(default)]
    pub(super) engine: NodeEngine,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NodePlatform {
    pub(super) architecture: String,
    #[serde(rename = "OS")]
    pub(super) os: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NodeResources {
    #[serde(rename = "NanoCPUs")]
    pub(super) nano_cpus: i64,
    pub(super) memory_bytes: i64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct NodeEngine {
    pub(super) labels: Option<Labels>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NodeStatus {
    #[serde(default)]
    pub(super) state: String,
}

/// The answer to a list of volumes.
#[derive(Deserialize)]
pub(super) struct Volumes {
    #[serde(rename = "Volumes")]
    pub(super) volumes: Option<Vec<Volume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) driver: String,
    pub(super) options: Option<Labels>,
}
