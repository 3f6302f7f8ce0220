//! `skep trace`: from a service to the line, the commit and the source that it comes from.

use clap::Args;

use crate::local::Question;

use super::args::GlobalArgs;
use super::controller::{Sockets, ask, shown};
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::{Format, json};
use super::output::Output;
use super::request::fleet;
use super::settings::Setup;

/// Show where a service comes from: file and line, commit, source, and how it went
#[derive(Debug, Args)]
#[command(after_help = "\
The controller that runs on this machine is asked.

Examples:
  skep trace shop_web
  skep trace shop/web --format json | jq '.fields[] | {path, place}'

Exit codes: 0, or 1 when there is no such service or no controller.")]
pub(super) struct TraceArgs {
    /// The service: its full name, or STACK/SERVICE
    #[arg(value_name = "SERVICE")]
    service: String,

    /// Form of the answer: text or json
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

pub(super) async fn trace(
    global: &GlobalArgs,
    args: &TraceArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let setup = Setup::load(global.config.as_deref(), &[])?;
    let sockets = Sockets::of(&setup.settings, &fleet(global, &setup.settings)?);
    let service = args.service.replacen('/', "_", 1);
    let question = Question::Trace { service, shown: shown(output) };
    let Some(answered) = ask(&sockets, &question).await? else {
        let message = format!("no controller listens at {sockets}");
        return Err(CommandError::failed(anyhow::Error::msg(message))
            .hint("skep run is the one who knows; skep plan shows places, too"));
    };
    output.result(&match args.format {
        Format::Text => answered.text,
        Format::Json => json(&answered.report)?,
    })?;
    Ok(answered.exit)
}
