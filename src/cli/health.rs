//! `skep health`: asks the running controller whether it lives, for whoever restarts it if it does not.

use std::time::Duration;

use clap::Args;
use tokio::time::timeout;

use crate::http;

use super::args::GlobalArgs;
use super::controller::access;
use super::error::CommandError;
use super::exit::ExitCode;
use super::output::Output;
use super::settings::Setup;

/// How long is waited for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ask the running controller whether it lives, as a health check of its container
#[derive(Debug, Args)]
#[command(after_help = "\
It asks where the key `status.listen` of the settings says, for /healthz or /readyz. On a unix
socket it shows the token of `status.token_file`, and is told why the controller is not ready. On a
TCP port it does not, as anybody may listen there while the controller is down, and with a token in
the settings it is told only what is missing; `skep status` says why. A controller that is not ready
needs an engine or a git server, and no restart.

Examples:
  skep health -c /etc/skep/skep.yaml
  skep health --ready

Exit codes: 0 yes, 1 no, or nobody answers.")]
pub(super) struct HealthArgs {
    /// Ask whether it is ready: everything was compared, and the engine is within reach
    #[arg(long)]
    ready: bool,
}

pub(super) async fn health(
    global: &GlobalArgs,
    args: &HealthArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let setup = Setup::load(global.config.as_deref(), &[])?;
    setup.refuse_errors()?;
    let listen = setup.settings.status.as_ref().and_then(|status| status.listen.as_ref());
    let listen = listen.ok_or_else(|| {
        CommandError::failed(anyhow::Error::msg("the settings do not say where it can be asked"))
            .hint("set `status.listen`, such as `127.0.0.1:9323`")
    })?;
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let failed = |error: anyhow::Error| {
        CommandError::failed(error)
            .context(format!("cannot ask the controller at {}", listen.value))
    };
    // Whether it lives, and is ready, is told to everybody: a token that cannot be read is no reason not to ask.
    let token = access(&setup).ok().and_then(|access| access.token);
    let answer = timeout(PATIENCE, http::ask(&listen.value, path, token.as_ref())).await;
    let answer = answer.map_err(|elapsed| failed(elapsed.into()))?.map_err(|e| failed(e.into()))?;
    output.result(&answer.text)?;
    Ok(if answer.is_well { ExitCode::Fine } else { ExitCode::Failed })
}
