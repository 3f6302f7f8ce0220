//! The engine that the controller works with: opened when it is needed, left for another manager when it is of no use.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{Notify, watch};

use crate::reconciler::apply::FreshKey;
use crate::swarm::{Manager, Managers, SwarmError};

use super::pass::{Manner, Memory, Passed, Swarm, Work};
use super::passes::Passes;

/// One engine that the controller may work with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EngineReport {
    /// Where it is.
    pub address: String,
    /// Whether it is the one that is worked with.
    pub in_use: bool,
    /// Why it could not be worked with when it was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The managers of one Swarm, of which one is worked with.
#[derive(Debug)]
pub struct Engine {
    managers: Managers,
    fresh_key: FreshKey,
    swarm: Option<Swarm>,
    /// What was last told about each of several managers.
    told: Vec<EngineReport>,
    /// Whether any was opened yet.
    was_opened: bool,
    reopened: Arc<Notify>,
}

impl Engine {
    /// The engine that `managers` lead to; none of them need be there yet.
    pub fn new(managers: Managers, fresh_key: FreshKey) -> Self {
        let mut engine = Self {
            managers,
            fresh_key,
            swarm: None,
            told: Vec::new(),
            was_opened: false,
            reopened: Arc::default(),
        };
        engine.told = engine.standing(false);
        engine
    }

    /// Tells whenever an engine can be worked with again after one could not: what else hangs on that may be dead.
    pub fn reopened(&self) -> Arc<Notify> {
        Arc::clone(&self.reopened)
    }

    /// The Swarm behind the manager in use, or the next that can be worked with; `None` if it was stopped meanwhile.
    async fn open(&mut self, stop: &watch::Receiver<bool>) -> Result<Option<Swarm>, SwarmError> {
        let mut stopped = stop.clone();
        let opened = tokio::select! {
            opened = self.managers.connect() => opened,
            _ = stopped.wait_for(|stop| *stop) => return Ok(None),
        };
        self.note(opened.is_ok());
        if opened.is_ok() && std::mem::replace(&mut self.was_opened, true) {
            self.reopened.notify_one();
        }
        Swarm::new(opened?, self.fresh_key.clone()).map(Some)
    }

    /// How the managers stand; one of them is in use if it `is_open`.
    fn standing(&self, is_open: bool) -> Vec<EngineReport> {
        let of = |manager: &Manager| EngineReport {
            address: manager.endpoint.address.to_string(),
            in_use: is_open && self.managers.current() == Some(manager),
            problem: manager.problem.clone(),
        };
        self.managers.known().iter().map(of).collect()
    }

    /// Takes note of how the managers stand, and logs what has changed. Of one alone the loop tells.
    fn note(&mut self, is_open: bool) {
        let engines = self.standing(is_open);
        if engines.len() > 1 {
            for (now, before) in engines.iter().zip(&self.told) {
                let EngineReport { address, in_use, problem } = now;
                if let Some(problem) = problem.as_ref().filter(|_| *problem != before.problem) {
                    tracing::warn!(engine = address, "{address} is passed over: {problem}");
                }
                if *in_use && !before.in_use {
                    tracing::info!(engine = address, "working with {address}");
                }
            }
        }
        self.told = engines;
    }
}

impl Passes for Engine {
    async fn pass(
        &mut self,
        work: &mut [Work<'_>],
        memory: &mut Memory,
        manner: Manner<'_>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Option<Passed>, SwarmError> {
        let mut tries = self.managers.known().len();
        loop {
            let swarm = match self.swarm.take() {
                Some(swarm) => swarm,
                None => match self.open(stop).await? {
                    Some(swarm) => swarm,
                    None => return Ok(None),
                },
            };
            tries = tries.saturating_sub(1);
            // Nothing was written by a pass that failed. After trouble, another version of the engine may answer.
            match Box::pin(swarm.pass(work, memory, manner, stop)).await {
                Ok(passed) => {
                    self.swarm = Some(swarm);
                    return Ok(passed);
                }
                Err(error) => {
                    let may_help = self.managers.failed(&error);
                    self.note(false);
                    if !may_help || tries == 0 {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn engines(&self) -> Vec<EngineReport> {
        self.told.clone()
    }
}
