//! `skep observe`: the live Swarm as a file.

use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::diff::mask::{Scrub, redact_service};
use crate::swarm::{Observer, snapshot};

use super::args::GlobalArgs;
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::output::{self, Output};
use super::settings::Setup;

/// Write what the Swarm holds as JSON, sensitive values masked
#[derive(Debug, Args)]
#[command(after_help = "\
The file has services, networks, configs and secrets, tasks and nodes, without the data of configs
and secrets, and with a mark for sensitive values. skep plan --live plans against it instead of an
engine, so that it makes a good report of a problem.
`skep schema observe` prints its layout.

Examples:
  skep observe --out swarm.json
  skep plan stacks/ --live swarm.json")]
pub(super) struct ObserveArgs {
    /// File to write [default: standard output]
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn observe(
    global: &GlobalArgs,
    args: &ObserveArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let reader = Observer::new(engine::connect(global, &[]).await?)?;
    let mut observed = reader.observe().await?;
    observed.workload = Some(reader.workload(&observed).await?);
    let sensitivity = Setup::load(global.config.as_deref(), &[])?.settings.sensitivity();
    for task in observed.workload.iter_mut().flat_map(|workload| &mut workload.tasks) {
        // It may repeat what the task was made from.
        let Some(error) = &mut task.error else { continue };
        *error = Scrub::new(sensitivity.clone()).with_template(&task.template).scrub(error);
    }
    let redact = |spec: &_| redact_service(spec, &sensitivity);
    let text = snapshot::write(&observed, &redact)
        .map_err(|error| CommandError::failed(error).context("cannot write the JSON"))?;
    match &args.out {
        None => output.result(&(text + "\n"))?,
        Some(path) => {
            fs::write(path, text + "\n").map_err(|error| {
                CommandError::failed(error).context(format!("cannot write {}", path.display()))
            })?;
            output::talk(&format!(
                "{} services, {} tasks: {}\n",
                observed.services.len(),
                observed.workload.as_ref().map_or(0, |workload| workload.tasks.len()),
                path.display()
            ));
        }
    }
    Ok(ExitCode::Fine)
}
