//! The command line: its commands, and the help of the program as a whole.

use clap::{Parser, Subcommand};

use super::args::GlobalArgs;
use super::{
    apply, completions, events, health, history, init, lock, logs, notifications, observe, plan,
    remove, render, retry, routes, run, schema, status, suspend, sync, trace, validate,
};

/// Keeps a Docker Swarm in the state that stack files declare
#[derive(Debug, Parser)]
#[command(
    name = "skep",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  skep init --example                a settings file and a stack to begin with
  skep validate stacks/              look for mistakes, without an engine
  skep plan stacks/                  what would change, and which tasks would restart
  skep apply stacks/                 make it so, after asking
  skep status                        how the stacks are

Exit codes: 0 fine, 1 failed, 2 changes pending, 3 stale plan, 4 applied but not healthy,
5 blocked by a guard, 64 usage, 70 bug, 130 interrupted."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// One subcommand and its own options.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Render(render::RenderArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Remove(remove::RemoveArgs),
    Run(run::RunArgs),
    Sync(sync::SyncArgs),
    Suspend(suspend::SuspendArgs),
    Resume(suspend::ResumeArgs),
    Health(health::HealthArgs),
    Lock(lock::LockArgs),
    Status(status::StatusArgs),
    History(history::HistoryArgs),
    Events(events::EventsArgs),
    Logs(logs::LogsArgs),
    Trace(trace::TraceArgs),
    Routes(routes::RoutesArgs),
    Retry(retry::RetryArgs),
    Notify(notifications::NotifyArgs),
    Observe(observe::ObserveArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    /// Print the version, as --version does
    #[command(hide = true)]
    Version,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
