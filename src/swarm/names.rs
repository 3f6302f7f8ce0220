//! The Engine's ids and the names that everything else uses, in both directions.

use std::collections::HashMap;

use crate::model::key::{Kind, ObjectKey};
use crate::model::live::Observed;

/// The scope of networks that services can be attached to.
pub(super) const SWARM_SCOPE: &str = "swarm";

/// Ids of networks, configs and secrets by name, and their names by id.
#[derive(Debug, Clone, Default)]
pub struct Names {
    ids: HashMap<ObjectKey, String>,
    networks: HashMap<String, String>,
    configs: HashMap<String, String>,
}

impl Names {
    /// Those of an observation.
    pub fn of(observed: &Observed) -> Self {
        let Observed { engine: _, networks, configs, secrets, services: _, workload: _ } = observed;
        let mut names = Self::default();
        for network in networks.iter().filter(|network| network.spec.scope == SWARM_SCOPE) {
            names.insert(Kind::Network, &network.spec.name, &network.id);
        }
        for config in configs {
            names.insert(Kind::Config, &config.spec.name, &config.id);
        }
        for secret in secrets {
            names.insert(Kind::Secret, &secret.spec.name, &secret.id);
        }
        names
    }

    /// Adds an object.
    pub fn insert(&mut self, kind: Kind, name: &str, id: &str) {
        match kind {
            Kind::Network => {
                self.networks.insert(id.to_owned(), name.to_owned());
            }
            Kind::Config => {
                self.configs.insert(id.to_owned(), name.to_owned());
            }
            // References to secrets carry their name, and nothing refers to the others.
            Kind::Secret | Kind::Service | Kind::Route | Kind::Proxy => {}
        }
        self.ids.insert(ObjectKey::new(kind, name), id.to_owned());
    }

    /// The id of an object.
    pub fn id(&self, object: &ObjectKey) -> Option<&str> {
        self.ids.get(object).map(String::as_str)
    }

    /// The name of the network with this id.
    pub fn network(&self, id: &str) -> Option<&str> {
        self.networks.get(id).map(String::as_str)
    }

    /// The name of the config with this id.
    pub fn config(&self, id: &str) -> Option<&str> {
        self.configs.get(id).map(String::as_str)
    }
}
