//! The engine that a command speaks with.

use crate::model::fleet::KEY_LENGTH;
use crate::reconciler::apply::FreshKey;
use crate::swarm::{Connection, Endpoint, Failure, Surroundings};

use super::args::GlobalArgs;
use super::error::CommandError;

/// Connects to the engine that the command line and its surroundings name.
pub(super) async fn connect(global: &GlobalArgs) -> Result<Connection, CommandError> {
    let endpoint = Endpoint::resolve(global.host.as_deref(), &Surroundings::of_process())?;
    let origin = endpoint.origin.clone();
    Connection::open(endpoint).await.map_err(|error| {
        let about_address = matches!(
            error.failure,
            Failure::NoEngine { .. }
                | Failure::PermissionDenied { .. }
                | Failure::Disconnected { .. }
                | Failure::TimedOut { .. }
        );
        let error = CommandError::from(error);
        if about_address { error.hint(format!("the address comes from {origin}")) } else { error }
    })
}

/// Random bytes in case the fleet has no key yet.
pub(super) fn fresh_key() -> Result<FreshKey, CommandError> {
    let mut bytes = [0; KEY_LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| {
        CommandError::failed(anyhow::Error::msg(error))
            .context("cannot get random bytes from the system")
    })?;
    Ok(FreshKey::new(bytes))
}
