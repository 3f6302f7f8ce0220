//! Observing a Swarm: four list calls for its objects, two more for what its services do.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::panic;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bollard::Docker;
use bollard::models;
use http::Method;

use super::decode;
use super::error::{Cause, Failure, SwarmError};
use super::listed;
use super::names::Names;
use super::transport::{Call, Connection};
use super::wire;
use crate::model::live::{Engine, Live, Observed, Workload};
use crate::model::network::NetworkSpec;
use crate::model::service::ServiceSpec;
use crate::model::store::ConfigSpec;
use crate::model::volume::Volume;

const LIST_CONFIGS: &str = "list configs";
const LIST_SERVICES: &str = "list services";
const LIST_NETWORKS: &str = "list networks";
const LIST_TASKS: &str = "list tasks";
/// `filters={"runtime":["container","","attachment"]}`: without a filter, containers that somebody attached to a network
/// by hand are left out (moby `daemon/cluster/tasks.go`).
const ALL_TASKS: &str =
    "/tasks?filters=%7B%22runtime%22%3A%5B%22container%22%2C%22%22%2C%22attachment%22%5D%7D";
const LIST_NODES: &str = "list nodes";
const LIST_VOLUMES: &str = "list volumes";

/// Reads a Swarm. It has no way to write.
///
/// Any failure fails the whole observation, and so does an empty list of what cannot be missing: what could not be seen
/// is never taken for absent.
#[derive(Debug, Clone)]
pub struct Observer {
    connection: Connection,
    bollard: Docker,
    /// The Swarm's predefined networks that services use, by id: the Engine leaves them out of its list.
    predefined: Arc<Mutex<BTreeMap<String, Live<NetworkSpec>>>>,
}

impl Observer {
    /// An observer of the Swarm behind `connection`.
    pub fn new(connection: Connection) -> Result<Self, SwarmError> {
        let bollard = connection.bollard()?;
        Ok(Self { connection, bollard, predefined: Arc::default() })
    }

    /// The objects of the Swarm, without [`Observed::workload`]: four list calls at the same time.
    ///
    /// The first time that a service turns out to use a predefined network (`host`, `bridge`), that network is
    /// looked up in addition.
    pub async fn observe(&self) -> Result<Observed, SwarmError> {
        self.observe_telling(|_| {}).await
    }

    /// The same. `tell` gets the configs as soon as they are there: the services of a large Swarm take much longer.
    pub async fn observe_telling(
        &self,
        tell: impl FnOnce(&[Live<ConfigSpec>]),
    ) -> Result<Observed, SwarmError> {
        let connection = &self.connection;
        let configs = async {
            let configs = self.bollard.list_configs(None);
            let configs = connection.by_bollard(LIST_CONFIGS, configs).await?;
            let configs = all(LIST_CONFIGS, configs, listed::config)?;
            tell(&configs);
            Ok(configs)
        };
        let (services, networks, configs, secrets) = tokio::try_join!(
            connection.send(Call::get(LIST_SERVICES, "/services?status=true")),
            connection.by_bollard(LIST_NETWORKS, self.bollard.list_networks(None)),
            configs,
            connection.by_bollard("list secrets", self.bollard.list_secrets(None)),
        )?;
        let now = services.date();
        let engine =
            Engine { api: connection.api(), version: connection.version().to_owned(), now };
        let mut observed = Observed {
            engine,
            networks: all(LIST_NETWORKS, networks, listed::network)?,
            configs,
            secrets: all("list secrets", secrets, listed::secret)?,
            services: Vec::new(),
            workload: None,
        };
        if observed.networks.is_empty() {
            return Err(unreadable(
                LIST_NETWORKS,
                "the engine names none, and every engine has some",
            ));
        }
        let services: Vec<wire::Service<'_>> =
            serde_json::from_slice(&services.body).map_err(|e| unreadable(LIST_SERVICES, e))?;
        let specs = specs(&services)?;
        self.add_predefined(&mut observed.networks, &specs).await?;
        let names = Names::of(&observed);
        observed.services = services
            .into_iter()
            .zip(specs)
            .map(|(service, spec)| decode::service(service, spec, &names))
            .collect();
        Ok(observed)
    }

    /// The tasks and nodes of the Swarm whose objects are `observed`: two list calls at the same time.
    pub async fn workload(&self, observed: &Observed) -> Result<Workload, SwarmError> {
        let (tasks, nodes) = tokio::try_join!(
            self.connection.send(Call::get(LIST_TASKS, ALL_TASKS)),
            self.connection.send(Call::get(LIST_NODES, "/nodes")),
        )?;
        let names = Names::of(observed);
        let tasks: Vec<wire::Task<'_>> =
            serde_json::from_slice(&tasks.body).map_err(|e| unreadable(LIST_TASKS, e))?;
        let tasks = all(LIST_TASKS, tasks, |task| decode::task(task, &names))?;
        let nodes: Vec<wire::Node> =
            serde_json::from_slice(&nodes.body).map_err(|e| unreadable(LIST_NODES, e))?;
        if nodes.is_empty() {
            return Err(unreadable(LIST_NODES, "the engine names none, and is one itself"));
        }
        Ok(Workload { tasks, nodes: nodes.into_iter().map(decode::node).collect() })
    }

    /// The volumes of the node that answers; those of other nodes are in no list.
    pub async fn volumes(&self) -> Result<Vec<Volume>, SwarmError> {
        let call = Call::get(LIST_VOLUMES, "/volumes");
        let volumes: wire::Volumes = self.connection.json(call).await?;
        Ok(volumes.volumes.unwrap_or_default().into_iter().map(decode::volume).collect())
    }

    /// Adds the predefined networks that `specs` use to those that were listed.
    async fn add_predefined(
        &self,
        networks: &mut Vec<Live<NetworkSpec>>,
        specs: &[ServiceSpec],
    ) -> Result<(), SwarmError> {
        let listed: BTreeSet<&str> = networks.iter().map(|network| network.id.as_str()).collect();
        let targets = specs.iter().flat_map(|spec| &spec.task_template.networks);
        let unknown: BTreeSet<String> = targets
            .map(|network| network.target.clone())
            .filter(|id| !listed.contains(id.as_str()))
            .collect();
        for id in unknown {
            let known = self.lock().get(&id).cloned();
            match known {
                Some(network) => networks.push(network),
                None => {
                    if let Some(network) = self.inspect_network(&id).await? {
                        self.lock().insert(id, network.clone());
                        networks.push(network);
                    }
                }
            }
        }
        Ok(())
    }

    /// The network with this id; `None` if it is gone.
    async fn inspect_network(&self, id: &str) -> Result<Option<Live<NetworkSpec>>, SwarmError> {
        const INSPECT: &str = "inspect a network";
        let call = Call::new(INSPECT, Method::GET, format!("/networks/{id}"));
        match self.connection.json::<models::Network>(call).await {
            Ok(network) => {
                listed::network(network).map(Some).map_err(|error| unreadable(INSPECT, error))
            }
            Err(error) if error.not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Live<NetworkSpec>>> {
        self.predefined.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn all<T, U, E: Into<Cause>>(
    operation: &'static str,
    items: Vec<T>,
    read: impl FnMut(T) -> Result<U, E>,
) -> Result<Vec<U>, SwarmError> {
    items
        .into_iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(operation, error))
}

fn unreadable(
    operation: impl Into<std::borrow::Cow<'static, str>>,
    error: impl Into<Cause>,
) -> SwarmError {
    SwarmError::new(operation, Failure::Unreadable { source: error.into() })
}
/// The specs of `services`, read on all processors: of a pass without changes over a thousand services, this part is
/// the one that all others wait for.
fn specs(services: &[wire::Service<'_>]) -> Result<Vec<ServiceSpec>, SwarmError> {
    /// So few services are read sooner than a thread is started.
    const FEW: usize = 64;
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let share = services.len().div_ceil(processors).max(FEW);
    let mut specs = Vec::with_capacity(services.len());
    thread::scope(|scope| {
        let mut shares = services.chunks(share);
        let first = shares.next().unwrap_or_default();
        let others: Vec<_> = shares.map(|share| scope.spawn(|| share_of_specs(share))).collect();
        specs.extend(share_of_specs(first)?);
        for other in others {
            specs.extend(other.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?);
        }
        Ok(specs)
    })
}

fn share_of_specs(services: &[wire::Service<'_>]) -> Result<Vec<ServiceSpec>, SwarmError> {
    let mut specs = Vec::with_capacity(services.len());
    for service in services {
        let spec = decode::spec(service.spec.get())
            .map_err(|error| unreadable(format!("read service {}", service.id), error))?;
        specs.push(spec);
    }
    Ok(specs)
}
