//! A Swarm as a file: what `skep observe` writes and `skep plan --live` reads.
//!
//! The file is meant to leave the machine. It holds no data of secrets, which the Engine never gives out, and none
//! of configs, of which it has the size and skep's fingerprint label; what else is secret in a service, the caller's
//! redaction replaces by [`MASK`](crate::model::secret::MASK). Read back, a config has no data and a service no raw
//! spec, so such an observation is good for planning and for nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::live::{
    Engine, Live, LiveService, Node, Observed, RawSpec, References, Task, TaskCounts, TaskState,
    UpdateStatus, Workload,
};
use crate::model::network::NetworkSpec;
use crate::model::service::ServiceSpec;
use crate::model::store::{ConfigSpec, Data, SecretSpec};
use crate::model::task::TaskTemplate;

/// The version of the file's layout.
pub const FORMAT_VERSION: u32 = 1;

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is no JSON of the right layout.
    #[error("this is no file that skep observe writes")]
    Parse(#[source] serde_json::Error),
    /// It was written by a newer skep.
    #[error("the file has format {found}, this skep reads format {FORMAT_VERSION}")]
    Format {
        /// Its format.
        found: u32,
    },
}

/// Replaces the secrets of a service by the mark.
pub type Redact<'a> = dyn Fn(&ServiceSpec) -> Result<ServiceSpec, serde_json::Error> + 'a;

/// `observed` as JSON text, indented, with every service spec passed through `redact`.
pub fn write(observed: &Observed, redact: &Redact<'_>) -> Result<String, serde_json::Error> {
    let Observed { engine, networks, configs, secrets, services, workload } = observed;
    let file = File {
        format_version: FORMAT_VERSION,
        engine: engine.clone(),
        networks: networks
            .iter()
            .map(|network| Object::of(network, network.spec.clone()))
            .collect(),
        configs: configs.iter().map(ConfigObject::of).collect(),
        secrets: secrets
            .iter()
            .map(|secret| Object::of(secret, SecretSpec { data: None, ..secret.spec.clone() }))
            .collect(),
        services: services
            .iter()
            .map(|service| ServiceObject::of(service, redact))
            .collect::<Result<_, _>>()?,
        workload: match workload {
            Some(workload) => Some(WorkloadPart::of(workload, redact)?),
            None => None,
        },
    };
    serde_json::to_string_pretty(&file)
}

/// The observation in a file's `text`.
pub fn read(text: &str) -> Result<Observed, SnapshotError> {
    #[derive(Deserialize)]
    struct Head {
        format_version: u32,
    }
    let Head { format_version: found } =
        serde_json::from_str(text).map_err(SnapshotError::Parse)?;
    if found != FORMAT_VERSION {
        return Err(SnapshotError::Format { found });
    }
    let file: File = serde_json::from_str(text).map_err(SnapshotError::Parse)?;
    let File { format_version: _, engine, networks, configs, secrets, services, workload } = file;
    Ok(Observed {
        engine,
        networks: networks.into_iter().map(Object::live).collect(),
        configs: configs.into_iter().map(|config| config.object.live()).collect(),
        secrets: secrets.into_iter().map(Object::live).collect(),
        services: services.into_iter().map(ServiceObject::live).collect(),
        workload: workload.map(WorkloadPart::live),
    })
}

#[derive(Serialize, Deserialize)]
struct File {
    format_version: u32,
    engine: Engine,
    networks: Vec<Object<NetworkSpec>>,
    configs: Vec<ConfigObject>,
    secrets: Vec<Object<SecretSpec>>,
    services: Vec<ServiceObject>,
    workload: Option<WorkloadPart>,
}

#[derive(Serialize, Deserialize)]
struct Object<S> {
    id: String,
    version: u64,
    created: Timestamp,
    spec: S,
}

impl<S> Object<S> {
    fn of(live: &Live<S>, spec: S) -> Self {
        let Live { id, version, created, spec: _ } = live;
        Self { id: id.clone(), version: *version, created: *created, spec }
    }

    fn live(self) -> Live<S> {
        let Self { id, version, created, spec } = self;
        Live { id, version, created, spec }
    }
}

#[derive(Serialize, Deserialize)]
struct ConfigObject {
    /// Bytes of its data.
    size: usize,
    object: Object<ConfigSpec>,
}

impl ConfigObject {
    fn of(config: &Live<ConfigSpec>) -> Self {
        let spec = ConfigSpec { data: Data::default(), ..config.spec.clone() };
        Self { size: config.spec.data.0.len(), object: Object::of(config, spec) }
    }
}

#[derive(Serialize, Deserialize)]
struct ServiceObject {
    id: String,
    version: u64,
    created: Timestamp,
    updated: Timestamp,
    spec: ServiceSpec,
    previous: References,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_applied: Option<String>,
    update: Option<UpdateStatus>,
    counts: TaskCounts,
    job_iteration: Option<u64>,
}

impl ServiceObject {
    fn of(service: &LiveService, redact: &Redact<'_>) -> Result<Self, serde_json::Error> {
        let LiveService {
            id,
            version,
            created,
            updated,
            spec,
            raw: _,
            previous,
            previous_applied,
            update,
            counts,
            job_iteration,
        } = service;
        Ok(Self {
            id: id.clone(),
            version: *version,
            created: *created,
            updated: *updated,
            spec: redact(spec)?,
            previous: previous.clone(),
            previous_applied: previous_applied.clone(),
            update: update.clone(),
            counts: *counts,
            job_iteration: *job_iteration,
        })
    }

    fn live(self) -> LiveService {
        let Self {
            id,
            version,
            created,
            updated,
            spec,
            previous,
            previous_applied,
            update,
            counts,
            job_iteration,
        } = self;
        let raw = RawSpec::default();
        LiveService {
            id,
            version,
            created,
            updated,
            spec,
            raw,
            previous,
            previous_applied,
            update,
            counts,
            job_iteration,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct WorkloadPart {
    tasks: Vec<TaskObject>,
    nodes: Vec<Node>,
}

impl WorkloadPart {
    fn of(workload: &Workload, redact: &Redact<'_>) -> Result<Self, serde_json::Error> {
        let Workload { tasks, nodes } = workload;
        let tasks = tasks.iter().map(|task| TaskObject::of(task, redact));
        Ok(Self { tasks: tasks.collect::<Result<_, _>>()?, nodes: nodes.clone() })
    }

    fn live(self) -> Workload {
        let Self { tasks, nodes } = self;
        Workload { tasks: tasks.into_iter().map(TaskObject::live).collect(), nodes }
    }
}

#[derive(Serialize, Deserialize)]
struct TaskObject {
    id: String,
    service_id: String,
    slot: u64,
    node_id: Option<String>,
    created: Timestamp,
    state: TaskState,
    desired: TaskState,
    since: Timestamp,
    message: String,
    error: Option<String>,
    exit_code: Option<i64>,
    job_iteration: Option<u64>,
    template: TaskTemplate,
}

impl TaskObject {
    fn of(task: &Task, redact: &Redact<'_>) -> Result<Self, serde_json::Error> {
        let Task {
            id,
            service_id,
            slot,
            node_id,
            created,
            state,
            desired,
            since,
            message,
            error,
            exit_code,
            job_iteration,
            template,
        } = task;
        let spec = ServiceSpec { task_template: template.clone(), ..ServiceSpec::default() };
        Ok(Self {
            id: id.clone(),
            service_id: service_id.clone(),
            slot: *slot,
            node_id: node_id.clone(),
            created: *created,
            state: *state,
            desired: *desired,
            since: *since,
            message: message.clone(),
            error: error.clone(),
            exit_code: *exit_code,
            job_iteration: *job_iteration,
            template: redact(&spec)?.task_template,
        })
    }

    fn live(self) -> Task {
        let Self {
            id,
            service_id,
            slot,
            node_id,
            created,
            state,
            desired,
            since,
            message,
            error,
            exit_code,
            job_iteration,
            template,
        } = self;
        Task {
            id,
            service_id,
            slot,
            node_id,
            created,
            state,
            desired,
            since,
            message,
            error,
            exit_code,
            job_iteration,
            template,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::container::ContainerSpec;
    use crate::model::live::ApiVersion;
    use crate::model::secret::{EnvVar, MASK, Redacted};

    fn observed() -> Observed {
        let at = Timestamp::UNIX_EPOCH;
        let container = ContainerSpec {
            env: vec![EnvVar::parse("KEY=canary-env"), EnvVar::parse("LEVEL=info")],
            ..ContainerSpec::default()
        };
        let template = TaskTemplate { container_spec: Some(container), ..TaskTemplate::default() };
        let spec = ServiceSpec {
            name: "s".into(),
            task_template: template.clone(),
            ..ServiceSpec::default()
        };
        let config = ConfigSpec {
            name: "c".into(),
            data: Data(b"canary-config".to_vec()),
            ..ConfigSpec::default()
        };
        let secret = SecretSpec {
            name: "k".into(),
            data: Some(Redacted::new(b"canary-secret".to_vec())),
            ..SecretSpec::default()
        };
        let task = Task {
            id: "t1".into(),
            service_id: "s1".into(),
            slot: 1,
            node_id: None,
            created: at,
            state: TaskState::Running,
            desired: TaskState::Running,
            since: at,
            message: "started".into(),
            error: None,
            exit_code: None,
            job_iteration: None,
            template,
        };
        Observed {
            engine: Engine {
                api: ApiVersion { major: 1, minor: 51 },
                version: "28.5.2".into(),
                now: at,
            },
            networks: vec![Live {
                id: "n1".into(),
                version: 0,
                created: at,
                spec: NetworkSpec { name: "n".into(), ..NetworkSpec::default() },
            }],
            configs: vec![Live { id: "c1".into(), version: 2, created: at, spec: config }],
            secrets: vec![Live { id: "k1".into(), version: 3, created: at, spec: secret }],
            services: vec![LiveService {
                id: "s1".into(),
                version: 4,
                created: at,
                updated: at,
                spec,
                raw: RawSpec("canary-raw".into()),
                previous: References::default(),
                previous_applied: None,
                update: None,
                counts: TaskCounts::default(),
                job_iteration: None,
            }],
            workload: Some(Workload { tasks: vec![task], nodes: Vec::new() }),
        }
    }

    fn redacted(spec: &ServiceSpec) -> ServiceSpec {
        let mut spec = spec.clone();
        for variable in spec.task_template.container_spec.iter_mut().flat_map(|c| &mut c.env) {
            if variable.name == "KEY" {
                variable.value = Some(MASK.to_owned());
            }
        }
        spec
    }

    fn written(observed: &Observed) -> String {
        write(observed, &|spec| Ok(redacted(spec))).unwrap()
    }

    #[test]
    fn a_snapshot_comes_back_without_its_secrets() {
        let text = written(&observed());
        assert!(!text.contains("canary"), "{text}");
        let back = read(&text).unwrap();
        assert_eq!(written(&back).replace("\"size\": 0", "\"size\": 13"), text);
        let container = back.services[0].spec.task_template.container_spec.as_ref().unwrap();
        let env: Vec<String> = container.env.iter().map(EnvVar::to_engine).collect();
        assert_eq!(env, ["KEY=(sensitive)", "LEVEL=info"]);
        assert!(back.configs[0].spec.data.is_empty());
    }

    #[test]
    fn a_file_of_another_format_is_refused_by_its_number() {
        let text = written(&observed());
        let newer = text.replace("\"format_version\": 1", "\"format_version\": 9");
        let error = read(&newer).unwrap_err();
        assert_eq!(error.to_string(), "the file has format 9, this skep reads format 1");
        assert!(matches!(read("{}"), Err(SnapshotError::Parse(_))));
    }
}
