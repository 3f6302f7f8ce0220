//! `skep sync`: asks the running controller to look now, and waits until it has.

use std::time::Duration;

use clap::Args;

use crate::diff::render::clean;
use crate::local::Question;
use crate::model::name::StackName;
use crate::model::nanos::Nanos;
use crate::swarm::Endpoint;

use super::apply::parse_timeout;
use super::args::GlobalArgs;
use super::controller::{Sockets, ask, shown};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::{Format, json};
use super::output::{self, Output};
use super::request::fleet;
use super::settings::Setup;

/// Have the running controller look at its sources now, and wait until it has
#[derive(Debug, Args)]
#[command(after_help = "\
The answer comes when every source was read after this request, and a pass was made with what was
read. What the engine refused before is tried again. Only the controller on this machine is asked,
on its local socket; what it does is what it would have done later by itself.

Examples:
  git push && skep sync
  skep sync shop --wait --timeout 10m

Exit codes: 0 done, 1 a source has errors or nobody could be asked, 2 suspended and not as declared,
4 not healthy yet or not at all, 5 blocked by a guard or an error.")]
pub(super) struct SyncArgs {
    /// Stacks that the answer is about [default: all]
    #[arg(value_name = "STACK")]
    names: Vec<StackName>,

    /// Wait until the stacks are healthy, or will not become so by themselves
    #[arg(long)]
    wait: bool,

    /// How long to wait for the answer, such as 90s or 10m [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout)]
    timeout: Option<Nanos>,

    /// Form of the answer: text or json
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

pub(super) async fn sync(
    global: &GlobalArgs,
    args: &SyncArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let settings = Setup::load(global.config.as_deref(), &[])?.settings;
    let fleet = fleet(global, &settings)?;
    let sockets = Sockets::of(&settings, &fleet);
    let question =
        Question::Sync { stacks: args.names.clone(), settled: args.wait, shown: shown(output) };
    let patience = args.timeout.map_or(Duration::from_secs(300), Nanos::to_std);
    let asked = ask(&sockets, &question);
    let Ok(answered) = tokio::time::timeout(patience, asked).await else {
        let message = format!("no answer within {} s", patience.as_secs());
        return Err(CommandError::failed(anyhow::Error::msg(message))
            .hint("the controller goes on; skep status shows how far it is"));
    };
    let answered = answered?.ok_or_else(|| {
        let message = format!("no controller of fleet {fleet} listens at {sockets}");
        CommandError::failed(anyhow::Error::msg(message))
            .hint("start one with skep run, or apply once with skep apply")
    })?;
    if let Some(Endpoint { address, origin }) = engine::named(global)?
        && !answered.knows(&address)
    {
        output::talk(&format!(
            "warning: this controller works with {}, not with {address}, which {origin} names\n",
            clean(&answered.named_engines())
        ));
    }
    output.result(&match args.format {
        Format::Text => answered.text,
        Format::Json => json(&answered.report)?,
    })?;
    Ok(answered.exit)
}
