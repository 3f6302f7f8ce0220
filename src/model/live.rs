//! What was observed in a Swarm: live objects, tasks and nodes, at one moment.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::ObjectKey;
use super::nanos::Nanos;
use super::network::NetworkSpec;
use super::service::ServiceSpec;
use super::store::{ConfigSpec, SecretSpec};
use super::task::TaskTemplate;

/// The Swarm as one pass saw it: one list call for each kind.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The engine that answered.
    pub engine: Engine,
    /// Networks of every scope; only those whose `scope` is `swarm` can be named by services. `host` and `bridge`
    /// stand here twice once a service uses them: as the manager's own, and as the Swarm's predefined ones.
    pub networks: Vec<Live<NetworkSpec>>,
    /// Configs.
    pub configs: Vec<Live<ConfigSpec>>,
    /// Secrets; the Engine never gives their data.
    pub secrets: Vec<Live<SecretSpec>>,
    /// Services.
    pub services: Vec<LiveService>,
    /// Tasks and nodes, listed only when something is changing, unfinished or not at its wanted count.
    pub workload: Option<Workload>,
}

/// The part of an observation that is needed while something moves.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// Tasks of all services, historical ones included.
    pub tasks: Vec<Task>,
    /// Nodes.
    pub nodes: Vec<Node>,
}

/// The engine that answered, a Swarm manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Engine {
    /// The API version that is spoken with it.
    #[schemars(with = "String")]
    pub api: ApiVersion,
    /// Its own version, such as `28.5.2`.
    pub version: String,
    /// Its clock when it answered, to the second; deadlines are measured with it.
    #[schemars(with = "String")]
    pub now: Timestamp,
}

/// A version of the Engine's API, such as `1.51`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiVersion {
    /// Always 1 so far.
    pub major: u16,
    /// The part that counts.
    pub minor: u16,
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl From<ApiVersion> for String {
    fn from(version: ApiVersion) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for ApiVersion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.split_once('.')
            .and_then(|(major, minor)| {
                Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
            })
            .ok_or_else(|| format!("\"{text}\" is no API version"))
    }
}

/// A live object and its identity.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Live{S}")]
pub struct Live<S> {
    /// The Engine's id.
    pub id: String,
    /// `Version.Index`, which every write names; zero for networks, which cannot be updated.
    pub version: u64,
    /// When it was created.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// Its spec, normalised.
    pub spec: S,
}

/// A live service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct LiveService {
    /// The Engine's id.
    pub id: String,
    /// `Version.Index`, which every write names.
    pub version: u64,
    /// When it was created.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// When its spec was last written.
    #[schemars(with = "String")]
    pub updated: Timestamp,
    /// Its spec, normalised.
    pub spec: ServiceSpec,
    /// Its spec as the Engine sent it, from which a write takes whatever no model knows. It is never written down.
    #[serde(skip)]
    pub raw: RawSpec,
    /// What `PreviousSpec`, the target of a rollback, refers to; empty when there is none.
    pub previous: References,
    /// The stamp of what was applied in `PreviousSpec`, where that has one. Swarm keeps none when it rolls an update back
    /// by itself, and swaps the two specs when a person asks for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_applied: Option<String>,
    /// How the last update went; absent before the first one, and when it changed no task.
    pub update: Option<UpdateStatus>,
    /// Counts of tasks, from the list call.
    pub counts: TaskCounts,
    /// `JobStatus.JobIteration`, for jobs.
    pub job_iteration: Option<u64>,
}

impl LiveService {
    /// Whether it was read from a file of `skep observe`, in which secret values are masked.
    pub fn is_recorded(&self) -> bool {
        self.raw.0.is_empty()
    }

    /// Swarm's word on a rollback of a failed update that is under way or was the last thing that happened.
    pub fn rollback(&self) -> Option<&UpdateStatus> {
        self.any_rollback().filter(|_| self.previous_applied.is_none())
    }

    /// Whether a person put an older spec back, with `docker service rollback`, and nothing was written since.
    pub fn was_put_back_by_hand(&self) -> bool {
        self.any_rollback().is_some() && self.previous_applied.is_some()
    }

    /// Whether Swarm has stopped an update, or its rollback, half-way; any write would make it go on.
    pub fn is_paused(&self) -> bool {
        self.update.as_ref().is_some_and(|update| {
            matches!(update.state, UpdateState::Paused | UpdateState::RollbackPaused)
        })
    }

    fn any_rollback(&self) -> Option<&UpdateStatus> {
        self.update.as_ref().filter(|update| match update.state {
            UpdateState::RollbackStarted
            | UpdateState::RollbackPaused
            | UpdateState::RollbackCompleted => true,
            UpdateState::Updating
            | UpdateState::Paused
            | UpdateState::Completed
            | UpdateState::Other(_) => false,
        })
    }
}

/// JSON text as the Engine sent it, which may hold secrets; it does not print. Empty when it comes from a file.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawSpec(pub Box<str>);

impl fmt::Debug for RawSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawSpec(…)")
    }
}

/// Objects that a service spec refers to, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct References(pub BTreeSet<ObjectKey>);

/// `ServiceStatus` of a service: counts that say nothing about which spec a task runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskCounts {
    /// Tasks that run.
    pub running: u64,
    /// Tasks that are wanted.
    pub desired: u64,
    /// Tasks that have completed, for jobs.
    pub completed: u64,
}

/// How the last update of a service went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateStatus {
    /// Its state.
    pub state: UpdateState,
    /// When it began.
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub completed: Option<Timestamp>,
    /// Swarm's own words.
    pub message: String,
}

/// `UpdateStatus.State` of a service (swarmkit `api/types.proto`, `UpdateStatus.UpdateState`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdateState {
    /// Under way.
    Updating,
    /// Stopped after a failure; some tasks run the new spec.
    Paused,
    /// Done.
    Completed,
    /// Going back to the previous spec.
    RollbackStarted,
    /// Stopped while going back.
    RollbackPaused,
    /// Back at the previous spec; the update has failed.
    RollbackCompleted,
    /// A state of a newer Engine.
    #[serde(untagged)]
    Other(String),
}

/// A task of a service.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// The Engine's id.
    pub id: String,
    /// The id of its service.
    pub service_id: String,
    /// Its number among replicas; zero for global services.
    pub slot: u64,
    /// The node that it is assigned to.
    pub node_id: Option<String>,
    /// When it was created.
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// What it does.
    pub state: TaskState,
    /// What it is wanted to do.
    pub desired: TaskState,
    /// When its state last changed, as its node says, within what the managers say: neither before it was created nor
    /// after it was last written.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Swarm's own words on its state.
    pub message: String,
    /// Swarm's own words on what went wrong.
    pub error: Option<String>,
    /// Exit code of its container.
    pub exit_code: Option<i64>,
    /// The job iteration that it belongs to.
    pub job_iteration: Option<u64>,
    /// The template that it was made from, normalised like that of its service: equal ones mean the same.
    pub template: TaskTemplate,
}

/// The state of a task, in the order of its life (moby `api/types/swarm/task.go`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are Swarm's own and say all there is")]
pub enum TaskState {
    New,
    Allocated,
    Pending,
    Assigned,
    Accepted,
    Preparing,
    Ready,
    Starting,
    Running,
    Complete,
    Shutdown,
    Failed,
    Rejected,
    Remove,
    Orphaned,
}

/// A node of the Swarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// The Engine's id.
    pub id: String,
    /// Its host name.
    pub hostname: String,
    /// Whether it is a manager.
    pub manager: bool,
    /// `active`, `pause` or `drain`.
    pub availability: String,
    /// `ready`, `down`, `disconnected` or `unknown`.
    pub state: String,
    /// When it last changed: its settings, or whether it is there. Unknown in files of older versions of skep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub updated: Option<Timestamp>,
    /// Labels of the node (`node.labels.…`).
    pub labels: super::labels::Labels,
    /// Labels of its engine (`engine.labels.…`).
    pub engine_labels: super::labels::Labels,
    /// Operating system, such as `linux`.
    pub os: String,
    /// Architecture, such as `x86_64`.
    pub architecture: String,
    /// CPU in billionths of a core.
    pub nano_cpus: i64,
    /// Memory in bytes.
    pub memory_bytes: i64,
}

impl Node {
    /// Whether it takes new tasks.
    pub fn is_usable(&self) -> bool {
        self.availability == "active" && self.state == "ready"
    }

    /// A worker of two processors and 2 GiB that takes new tasks.
    #[cfg(test)]
    pub(crate) fn example(id: &str, hostname: &str) -> Self {
        Self {
            id: id.to_owned(),
            hostname: hostname.to_owned(),
            manager: false,
            availability: "active".to_owned(),
            state: "ready".to_owned(),
            updated: None,
            labels: super::labels::Labels::new(),
            engine_labels: super::labels::Labels::new(),
            os: "linux".to_owned(),
            architecture: "x86_64".to_owned(),
            nano_cpus: 2_000_000_000,
            memory_bytes: 2 << 30,
        }
    }
}

impl<S> Live<S> {
    /// How long ago it was created, by the engine's clock.
    pub fn age(&self, now: Timestamp) -> Nanos {
        let age = now.duration_since(self.created).as_nanos();
        Nanos(i64::try_from(age).unwrap_or(i64::MAX))
    }
}
