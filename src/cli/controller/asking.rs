//! Asking the controller that runs on this machine.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use crate::local::{self, Answer, AskError, Question};
use crate::model::name::FleetName;
use crate::settings::Settings;

use super::super::error::CommandError;
use super::super::exit::ExitCode;
use super::super::format::{Format, json};
use super::super::output::Output;

/// Where the controller of `fleet` listens.
pub(in crate::cli) fn socket(settings: &Settings, fleet: &FleetName) -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty()).map(PathBuf::from);
    let default = || local::default_path(fleet, runtime.as_deref());
    settings.socket.as_ref().map_or_else(default, PathBuf::from)
}

/// Asks the controller at `socket` and prints what it answers; `None` if there is none.
pub(in crate::cli) async fn ask(
    socket: &Path,
    question: &Question,
    format: Format,
    output: &mut Output,
) -> Result<Option<ExitCode>, CommandError> {
    let answer = match local::ask(socket, question).await {
        Ok(answer) => answer,
        Err(AskError::NobodyThere(_)) => return Ok(None),
        Err(error) => return Err(CommandError::failed(error)),
    };
    match answer {
        Answer::Report { document, text, exit } => {
            output.result(&match format {
                Format::Text => text,
                Format::Json => json(&document)?,
            })?;
            Ok(Some(ExitCode::of(exit)))
        }
        Answer::Refused(reason) => Err(CommandError::failed(anyhow::Error::msg(reason))),
    }
}

/// How long is waited for an answer that nobody reads.
const BRIEFLY: Duration = Duration::from_secs(30);

/// Has the controller at `socket` look, if there is one; what it answers does not matter.
pub(in crate::cli) async fn quietly(socket: &Path, question: &Question) {
    if !matches!(timeout(BRIEFLY, local::ask(socket, question)).await, Ok(Ok(_))) {
        tracing::debug!(socket = %socket.display(), "no controller was told");
    }
}
