//! The engine that the controller works with: opened when it is needed, opened anew after trouble, listened to.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::model::error::chain;
use crate::reconciler::apply::FreshKey;
use crate::swarm::{Connection, Endpoint, Events, SwarmError, Traffic};

use super::backoff::Backoff;
use super::bell::{Bell, Trigger};
use super::pass::{Manner, Memory, Passed, Swarm, Work};
use super::reason::Reason;
use super::run::Passes;

/// The longest pause between attempts to hear the engine's events. One attempt is one small request.
const DEAF: Duration = Duration::from_secs(15);

/// The engine at one address.
#[derive(Debug)]
pub struct Engine {
    endpoint: Endpoint,
    fresh_key: FreshKey,
    traffic: Arc<Traffic>,
    swarm: Option<Swarm>,
}

impl Engine {
    /// The engine at `endpoint`, which need not be there yet. What passes ask it is counted in `traffic`.
    pub fn new(endpoint: Endpoint, fresh_key: FreshKey, traffic: Arc<Traffic>) -> Self {
        Self { endpoint, fresh_key, traffic, swarm: None }
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
        let swarm = if let Some(swarm) = self.swarm.take() {
            swarm
        } else {
            let traffic = Arc::clone(&self.traffic);
            let connection = Connection::open_counted(self.endpoint.clone(), traffic).await?;
            Swarm::new(connection, self.fresh_key.clone())?
        };
        // After trouble, another version of the engine may answer.
        let passed = swarm.pass(work, memory, manner, stop).await?;
        self.swarm = Some(swarm);
        Ok(passed)
    }
}

/// Rings `bell` whenever the engine at `endpoint` tells of a change, and after every gap in what it tells. It never ends.
pub async fn listen(endpoint: Endpoint, traffic: Arc<Traffic>, bell: Bell, chance: fn() -> f64) {
    let mut backoff = Backoff::transient(DEAF);
    loop {
        let error = match hear(&endpoint, &traffic, &bell, &mut backoff).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        tracing::debug!(reason = chain(&error), "the engine's events cannot be heard");
        tokio::time::sleep(backoff.next(chance())).await;
    }
}

async fn hear(
    endpoint: &Endpoint,
    traffic: &Arc<Traffic>,
    bell: &Bell,
    backoff: &mut Backoff,
) -> Result<std::convert::Infallible, SwarmError> {
    let connection = Connection::open_counted(endpoint.clone(), Arc::clone(traffic)).await?;
    let mut events = Events::open(&connection).await?;
    bell.ring(Trigger::Pass(Reason::Gap));
    loop {
        let event = events.next().await?;
        backoff.reset();
        tracing::trace!(
            kind = event.kind,
            action = event.action,
            name = event.object.attributes.name,
            "event"
        );
        bell.ring(Trigger::Pass(Reason::Event));
    }
}
