//! The engine that a command speaks with.

use std::path::PathBuf;

use crate::diff::render::clean;
use crate::model::fleet::KEY_LENGTH;
use crate::reconciler::apply::FreshKey;
use crate::swarm::{Address, Connection, Endpoint, Failure, Managers, Surroundings, SwarmError};

use super::args::GlobalArgs;
use super::error::CommandError;
use super::output;
use super::settings::Setup;

/// Connects to the engine that the command line, its surroundings and the settings beside `paths` name; to the first
/// that can be worked with, where they name several.
pub(super) async fn connect(
    global: &GlobalArgs,
    paths: &[PathBuf],
) -> Result<Connection, CommandError> {
    let surroundings = Surroundings::of_process();
    let endpoints = if global.host.is_some() || surroundings.name_an_engine() {
        vec![Endpoint::resolve(global.host.as_deref(), &surroundings)?]
    } else {
        endpoints(global, &Setup::load(global.config.as_deref(), paths)?)?
    };
    let mut managers = Managers::new(endpoints);
    let connected = managers.connect().await;
    let connection = connected.map_err(|error| not_connected(error, &managers))?;
    for manager in managers.known() {
        if let Some(problem) = &manager.problem {
            let address = &manager.endpoint.address;
            output::talk(&format!("warning: {address} is passed over: {}\n", clean(problem)));
        }
    }
    Ok(connection)
}

/// The engines that the command line, its surroundings and the settings in `setup` name: the first, or several
/// managers of one Swarm.
///
/// # Errors
/// When nothing can be made of what they name.
pub(super) fn endpoints(global: &GlobalArgs, setup: &Setup) -> Result<Vec<Endpoint>, CommandError> {
    let surroundings = Surroundings::of_process();
    let is_told = global.host.is_some() || surroundings.name_an_engine();
    let declared = if is_told { None } else { setup.engine()? };
    Ok(Endpoint::resolve_all(global.host.as_deref(), declared.as_ref(), &surroundings)?)
}

/// The engine that the command line or its surroundings name, if they name one; the settings are those of the controller
/// on this machine, too.
///
/// # Errors
/// When nothing can be made of what they name.
pub(super) fn named(global: &GlobalArgs) -> Result<Option<Endpoint>, CommandError> {
    let surroundings = Surroundings::of_process();
    if global.host.is_none() && !surroundings.name_an_engine() {
        return Ok(None);
    }
    Ok(Some(Endpoint::resolve(global.host.as_deref(), &surroundings)?))
}

fn not_connected(error: SwarmError, managers: &Managers) -> CommandError {
    let about_address = matches!(
        error.failure,
        Failure::NoEngine { .. }
            | Failure::PermissionDenied { .. }
            | Failure::Disconnected { .. }
            | Failure::TimedOut { .. }
    );
    let error = CommandError::from(error);
    let Some(Endpoint { address, origin }) = managers.current().map(|manager| &manager.endpoint)
    else {
        return error;
    };
    if !about_address {
        return error;
    }
    let error = error.hint(format!("the address comes from {origin}"));
    match address {
        Address::Tls { host, .. } => error.hint(format!(
            "the engine must show a certificate for {host} by an authority in ca.pem, and believe ours"
        )),
        Address::Unix(_) | Address::Tcp { .. } | Address::Ssh(_) => error,
    }
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
