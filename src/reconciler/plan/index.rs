//! Live objects by name, and who uses what.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::{self, Labels};
use crate::model::live::{Live, LiveService, Observed, References, Task, TaskState, Workload};
use crate::model::network::NetworkSpec;
use crate::model::store::{ConfigSpec, SecretSpec};
use crate::model::task::TaskTemplate;

/// Networks that every node has and no list shows (docker/cli `cli/compose/convert`, `IsUserDefined`).
const PREDEFINED: [&str; 3] = ["bridge", "host", "none"];

/// Live objects by name, and who uses what.
pub(super) struct Index<'a> {
    pub(super) services: BTreeMap<&'a str, &'a LiveService>,
    pub(super) networks: BTreeMap<&'a str, &'a Live<NetworkSpec>>,
    pub(super) configs: BTreeMap<&'a str, &'a Live<ConfigSpec>>,
    pub(super) secrets: BTreeMap<&'a str, &'a Live<SecretSpec>>,
    users: BTreeMap<ObjectKey, Users<'a>>,
    /// A task that is wanted, of a service that was not listed: then nobody knows who uses what. Such a list is wrong,
    /// or older than the service.
    pub(super) stray: Option<&'a str>,
    /// A task that is still stopping, of a service that was removed, by stack.
    pub(super) stopping: BTreeMap<&'a str, &'a str>,
    /// A task of a service that was not listed, by stack, whether Swarm has told it to stop yet or not.
    pub(super) unlisted: BTreeMap<&'a str, &'a str>,
}

/// The services that use an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Users<'a> {
    /// By their current spec.
    pub(super) current: BTreeSet<&'a str>,
    /// By the spec that they would roll back to.
    pub(super) previous: BTreeSet<&'a str>,
    /// By a task that has not ended.
    pub(super) tasks: BTreeSet<&'a str>,
    /// By a container that somebody attached to it, which is no task of a service.
    pub(super) by_hand: bool,
}

/// A live object, as far as those of all kinds are alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a> {
    kind: Kind,
    pub(super) name: &'a str,
    pub(super) id: &'a str,
    pub(super) created: Timestamp,
    pub(super) labels: &'a Labels,
}

impl<'a> Object<'a> {
    /// Its kind and name.
    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey::new(self.kind, self.name)
    }

    /// The value of one of its labels.
    pub(super) fn label(&self, name: &str) -> Option<&'a str> {
        self.labels.get(name).map(String::as_str)
    }
}

impl<'a> From<&'a LiveService> for Object<'a> {
    fn from(live: &'a LiveService) -> Self {
        let (name, labels) = (&live.spec.name, &live.spec.labels);
        Self { kind: Kind::Service, name, id: &live.id, created: live.created, labels }
    }
}

macro_rules! object_from {
    ($($spec:ty => $kind:expr),+) => {
        $(impl<'a> From<&'a Live<$spec>> for Object<'a> {
            fn from(live: &'a Live<$spec>) -> Self {
                let (name, labels) = (&live.spec.name, &live.spec.labels);
                Self { kind: $kind, name, id: &live.id, created: live.created, labels }
            }
        })+
    };
}

object_from!(NetworkSpec => Kind::Network, ConfigSpec => Kind::Config, SecretSpec => Kind::Secret);

impl<'a> Index<'a> {
    /// Indexes an observation.
    pub(super) fn new(observed: &'a Observed) -> Self {
        let mut index = Self {
            services: observed.services.iter().map(|s| (s.spec.name.as_str(), s)).collect(),
            networks: observed
                .networks
                .iter()
                .filter(|network| network.spec.scope == "swarm")
                .map(|network| (network.spec.name.as_str(), network))
                .collect(),
            configs: observed.configs.iter().map(|c| (c.spec.name.as_str(), c)).collect(),
            secrets: observed.secrets.iter().map(|s| (s.spec.name.as_str(), s)).collect(),
            users: BTreeMap::new(),
            stray: None,
            stopping: BTreeMap::new(),
            unlisted: BTreeMap::new(),
        };
        for service in &observed.services {
            let name = service.spec.name.as_str();
            for object in references(&service.spec.task_template).0 {
                index.users.entry(object).or_default().current.insert(name);
            }
            for object in &service.previous.0 {
                index.users.entry(object.clone()).or_default().previous.insert(name);
            }
        }
        index.add_tasks(observed);
        index
    }

    fn add_tasks(&mut self, observed: &'a Observed) {
        let Some(workload) = &observed.workload else { return };
        let names: BTreeMap<&str, &str> = observed
            .services
            .iter()
            .map(|service| (service.id.as_str(), service.spec.name.as_str()))
            .collect();
        for task in workload.tasks.iter().filter(|task| task.state <= TaskState::Running) {
            let known = names.get(task.service_id.as_str()).copied();
            // Containers that were attached to a network by hand are tasks of no service.
            let is_by_hand = task.service_id.is_empty();
            if known.is_none() && !is_by_hand && is_left_behind(task) {
                continue;
            }
            if known.is_none() && !is_by_hand {
                let stack = namespace(task).filter(|_| can_stop(task, workload));
                self.unlisted.extend(stack.map(|stack| (stack, task.id.as_str())));
                if task.desired <= TaskState::Complete {
                    self.stray = Some(&task.id);
                } else {
                    self.stopping.extend(stack.map(|stack| (stack, task.id.as_str())));
                }
            }
            for object in references(&task.template).0 {
                let users = self.users.entry(object).or_default();
                if is_by_hand {
                    users.by_hand = true;
                } else {
                    users.tasks.insert(known.unwrap_or("a removed service"));
                }
            }
        }
    }

    /// Every object of one kind, by name.
    pub(super) fn objects(&self, kind: Kind) -> Vec<Object<'a>> {
        match kind {
            Kind::Network => self.networks.values().copied().map(Object::from).collect(),
            Kind::Config => self.configs.values().copied().map(Object::from).collect(),
            Kind::Secret => self.secrets.values().copied().map(Object::from).collect(),
            Kind::Service => self.services.values().copied().map(Object::from).collect(),
            Kind::Route | Kind::Proxy => Vec::new(),
        }
    }

    /// Who uses `object`.
    pub(super) fn users(&self, object: &ObjectKey) -> Users<'a> {
        self.users.get(object).cloned().unwrap_or_default()
    }

    /// Whether there is an object of this kind and name.
    pub(super) fn has(&self, object: &ObjectKey) -> bool {
        let name = object.name.as_str();
        match object.kind {
            Kind::Network => PREDEFINED.contains(&name) || self.networks.contains_key(name),
            Kind::Config => self.configs.contains_key(name),
            Kind::Secret => self.secrets.contains_key(name),
            Kind::Service => self.services.contains_key(name),
            Kind::Route | Kind::Proxy => false,
        }
    }
}

/// Whether a task is what Docker 20.10 leaves for ever of a job that is removed while no node takes it. It uses nothing,
/// and Swarm takes it for no user either.
fn is_left_behind(task: &Task) -> bool {
    task.node_id.is_none() && task.desired == TaskState::Complete
}

/// The stack whose containers a task makes.
fn namespace(task: &Task) -> Option<&str> {
    let container = task.template.container_spec.as_ref()?;
    container.labels.get(labels::NAMESPACE).map(String::as_str)
}

/// Whether a task will be reported as stopped soon: nobody reports from a node that is down.
fn can_stop(task: &Task, workload: &Workload) -> bool {
    let node = workload.nodes.iter().find(|node| task.node_id.as_ref() == Some(&node.id));
    node.is_some_and(|node| node.state == "ready")
}

/// The networks, configs and secrets that tasks of a template use.
pub(super) fn references(template: &TaskTemplate) -> References {
    let mut found = BTreeSet::new();
    for network in &template.networks {
        found.insert(ObjectKey::new(Kind::Network, &network.target));
    }
    if let Some(container) = &template.container_spec {
        for config in &container.configs {
            found.insert(ObjectKey::new(Kind::Config, &config.config_name));
        }
        for secret in &container.secrets {
            found.insert(ObjectKey::new(Kind::Secret, &secret.secret_name));
        }
    }
    References(found)
}
