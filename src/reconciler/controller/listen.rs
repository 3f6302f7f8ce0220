//! Listening to the engine's events, for as long as the controller runs, and to another manager's when one falls silent.

use std::time::Duration;

use crate::model::error::chain;
use crate::swarm::{Events, Managers, SwarmError};

use super::backoff::Backoff;
use super::bell::{Bell, Trigger};
use super::reason::Reason;

/// The longest pause between attempts to hear the engine's events. One attempt is one small request.
const DEAF: Duration = Duration::from_secs(15);

/// Rings `bell` whenever one of `managers` tells of a change, and after every gap in what they tell. It never ends.
pub async fn listen(mut managers: Managers, bell: Bell, chance: fn() -> f64) {
    let mut backoff = Backoff::transient(DEAF);
    loop {
        let error = match hear(&mut managers, &bell, &mut backoff).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        tracing::debug!(reason = chain(&error), "the engine's events cannot be heard");
        tokio::time::sleep(backoff.next(chance())).await;
    }
}

async fn hear(
    managers: &mut Managers,
    bell: &Bell,
    backoff: &mut Backoff,
) -> Result<std::convert::Infallible, SwarmError> {
    let connection = managers.connect().await?;
    let told = async {
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
    };
    let told: Result<std::convert::Infallible, SwarmError> = told.await;
    told.inspect_err(|error| {
        managers.failed(error);
    })
}
