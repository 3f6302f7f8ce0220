//! A Swarm as a file: what `skep observe` writes and `skep plan --live` reads.
//!
//! The file is meant to leave the machine. It holds no data of secrets, which the Engine never gives out, and none
//! of configs, of which it has the size and skep's fingerprint label; what else is secret in a service, the caller's
//! redaction replaces by [`MASK`](crate::model::secret::MASK). Read back, a config has no data and a service no raw
//! spec, so such an observation is good for planning and for nothing else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::live::{Engine, Live, LiveService, Observed, Workload};
use crate::model::network::NetworkSpec;
use crate::model::service::ServiceSpec;
use crate::model::store::{ConfigSpec, Data, SecretSpec};

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
        networks: networks.clone(),
        configs: configs.iter().map(ConfigObject::of).collect(),
        secrets: secrets.iter().map(without_data).collect(),
        services: services
            .iter()
            .map(|service| Ok(LiveService { spec: redact(&service.spec)?, ..service.clone() }))
            .collect::<Result<_, serde_json::Error>>()?,
        workload: match workload {
            Some(workload) => Some(redacted(workload, redact)?),
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
    let configs = configs.into_iter().map(|config| config.object).collect();
    Ok(Observed { engine, networks, configs, secrets, services, workload })
}

/// The JSON Schema of the file as it is written.
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<File>()
}

/// What a Swarm held at one moment, without its secrets.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(title = "skep observe")]
struct File {
    /// Layout of this file; it moves when a reader of the old one would misread the new one.
    format_version: u32,
    /// The manager that answered.
    engine: Engine,
    /// Networks of every scope.
    networks: Vec<Live<NetworkSpec>>,
    /// Configs, without their data.
    configs: Vec<ConfigObject>,
    /// Secrets, without their data.
    secrets: Vec<Live<SecretSpec>>,
    /// Services of every stack, and those of none, with sensitive values masked.
    services: Vec<LiveService>,
    /// Tasks and nodes.
    workload: Option<Workload>,
}

/// A config and how large it is.
#[derive(Serialize, Deserialize, JsonSchema)]
struct ConfigObject {
    /// Bytes of its data.
    size: usize,
    /// The config, without them.
    object: Live<ConfigSpec>,
}

impl ConfigObject {
    fn of(config: &Live<ConfigSpec>) -> Self {
        let Live { id, version, created, spec } = config;
        let ConfigSpec { name, labels, data, templating } = spec;
        let spec = ConfigSpec {
            name: name.clone(),
            labels: labels.clone(),
            data: Data::default(),
            templating: templating.clone(),
        };
        let object = Live { id: id.clone(), version: *version, created: *created, spec };
        Self { size: data.0.len(), object }
    }
}

fn without_data(secret: &Live<SecretSpec>) -> Live<SecretSpec> {
    let mut secret = secret.clone();
    secret.spec.data = None;
    secret
}

fn redacted(workload: &Workload, redact: &Redact<'_>) -> Result<Workload, serde_json::Error> {
    let mut workload = workload.clone();
    for task in &mut workload.tasks {
        let task_template = std::mem::take(&mut task.template);
        let spec = ServiceSpec { task_template, ..ServiceSpec::default() };
        task.template = redact(&spec)?.task_template;
    }
    Ok(workload)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::container::ContainerSpec;
    use crate::model::live::{ApiVersion, RawSpec, References, Task, TaskCounts, TaskState};
    use crate::model::secret::{EnvVar, MASK, Redacted};
    use crate::model::task::TaskTemplate;

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
