//! The managers of one Swarm, of which one is worked with: the next one as soon as that one is of no use.

use std::sync::Arc;

use serde::Deserialize;

use super::endpoint::Endpoint;
use super::error::{Failure, SwarmError};
use super::traffic::Traffic;
use super::transport::{Call, Connection};
use crate::model::error::chain;

const MEMBERSHIP: &str = "ask whether the engine is a manager";

/// The managers of one Swarm. One alone is taken as it is; of several, those that are no manager of it are passed over.
#[derive(Debug, Clone)]
pub struct Managers {
    known: Vec<Manager>,
    /// Which of them is worked with, or tried next.
    at: usize,
    /// The Swarm that they manage, since one of them told.
    cluster: Option<String>,
    traffic: Arc<Traffic>,
}

/// One manager, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manager {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Why it could not be worked with when it was last tried.
    pub problem: Option<String>,
}

impl Managers {
    /// The engines at these addresses, the first of which is preferred.
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        let of = |endpoint| Manager { endpoint, problem: None };
        Self {
            known: endpoints.into_iter().map(of).collect(),
            at: 0,
            cluster: None,
            traffic: Arc::default(),
        }
    }

    /// The same, and every request is counted in `traffic`.
    #[must_use]
    pub fn counted(self, traffic: Arc<Traffic>) -> Self {
        Self { traffic, ..self }
    }

    /// All of them, in the order in which they were given.
    pub fn known(&self) -> &[Manager] {
        &self.known
    }

    /// The one that is worked with, or tried next.
    pub fn current(&self) -> Option<&Manager> {
        self.known.get(self.at)
    }

    /// Connects to the one that was worked with last, or the next one that can be worked with.
    ///
    /// # Errors
    /// When there is none.
    pub async fn connect(&mut self) -> Result<Connection, SwarmError> {
        if let [only] = self.known.as_mut_slice() {
            let opened =
                Connection::open_counted(only.endpoint.clone(), Arc::clone(&self.traffic)).await;
            only.problem = opened.as_ref().err().map(|error| chain(error));
            return opened;
        }
        for _ in 0..self.known.len() {
            let Some(manager) = self.known.get(self.at) else { break };
            match self.open(manager.endpoint.clone()).await {
                Ok((connection, cluster)) => {
                    self.cluster = Some(cluster);
                    if let Some(manager) = self.known.get_mut(self.at) {
                        manager.problem = None;
                    }
                    return Ok(connection);
                }
                Err(error) => self.pass_over(&error),
            }
        }
        let problem = |manager: &Manager| {
            let problem = manager.problem.as_deref().unwrap_or("not tried");
            format!("{}: {problem}", manager.endpoint.address)
        };
        let tried: Vec<String> = self.known.iter().map(problem).collect();
        Err(SwarmError::new("reach a manager", Failure::NoManager { tried: tried.join("; ") }))
    }

    /// Takes note that the one that is worked with failed; says whether another one may do better.
    pub fn failed(&mut self, error: &SwarmError) -> bool {
        let is_of_engine = error.is_of_engine();
        if is_of_engine {
            self.pass_over(error);
        }
        is_of_engine && self.known.len() > 1
    }

    fn pass_over(&mut self, error: &SwarmError) {
        if let Some(manager) = self.known.get_mut(self.at) {
            manager.problem = Some(chain(error));
        }
        self.at = (self.at + 1) % self.known.len().max(1);
    }

    /// Connects to an engine, and finds out that it manages the Swarm of the others.
    async fn open(&self, endpoint: Endpoint) -> Result<(Connection, String), SwarmError> {
        let connection = Connection::open_counted(endpoint, Arc::clone(&self.traffic)).await?;
        let Info { swarm } = connection.json(Call::get(MEMBERSHIP, "/info")).await?;
        let failure = match swarm {
            Membership { control_available: false, local_node_state, .. } => {
                let message = match local_node_state.as_str() {
                    "active" => "it is a worker".to_owned(),
                    state => format!("its part in a swarm is `{state}`"),
                };
                Failure::NotManager { message }
            }
            Membership { cluster: Some(Cluster { id }), .. } if !id.is_empty() => {
                match &self.cluster {
                    Some(known) if *known != id => Failure::OtherSwarm,
                    _ => return Ok((connection, id)),
                }
            }
            Membership { error, .. } => Failure::NoLeader { message: error },
        };
        Err(SwarmError::new(MEMBERSHIP, failure))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    swarm: Membership,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Membership {
    #[serde(default)]
    control_available: bool,
    #[serde(default)]
    local_node_state: String,
    #[serde(default)]
    error: String,
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
struct Cluster {
    #[serde(rename = "ID", default)]
    id: String,
}
