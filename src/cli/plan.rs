//! `skep plan`: what an apply would do, and what it would cost.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::diff::render;
use crate::model::live::Observed;
use crate::reconciler::outcome::{self, Verdict};
use crate::reconciler::pass::{self, Reader};
use crate::reconciler::plan::{Images, Learned, Plan};
use crate::swarm::snapshot;

use super::args::{GlobalArgs, PolicyArgs, StackArgs};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::json;
use super::load::Stacks;
use super::output::{self, Output};
use super::request::{Showing, request};

/// Show what would change, which tasks would restart, and why; nothing is written
#[derive(Debug, Args)]
#[command(after_help = "\
The stack files are compared with what the Swarm runs. Values of sensitive names are masked; equal
numbers stand for equal values.

Examples:
  skep plan stacks/                          everything in a directory of stacks
  skep plan shop/stack.yaml --name shop-eu   one stack, under another name
  skep plan stacks/ --format markdown        for a pull request
  skep plan stacks/ --live swarm.json        against a file of skep observe

Exit codes: 0 planned, 1 failed, or errors in stack files. With --detailed-exitcode also
2 changes are pending, 5 a guard blocks changes.")]
pub(super) struct PlanArgs {
    #[command(flatten)]
    stacks: StackArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    /// Form of the plan: text, json or markdown
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: PlanFormat,

    /// Exit with 2 when changes are pending, and with 5 when a guard blocks changes
    #[arg(long)]
    detailed_exitcode: bool,

    /// Plan against a file of skep observe instead of an engine
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    live: Option<PathBuf>,

    /// Show the lines of configs that differ
    #[arg(long)]
    diff_configs: bool,

    /// Show environment values of sensitive names; only on a terminal, and never the data of secrets
    #[arg(long)]
    show_sensitive: bool,
}

/// The forms of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people.
    Text,
    /// For programs; `skep schema plan` prints its layout.
    Json,
    /// For pull requests.
    Markdown,
}

pub(super) async fn plan(
    global: &GlobalArgs,
    args: &PlanArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    if args.show_sensitive && !(output.is_terminal() && args.format == PlanFormat::Text) {
        return Err(CommandError::usage("--show-sensitive is for text on a terminal only"));
    }
    let mut stacks = Stacks::load(global, &args.stacks.paths, &args.stacks.reading)?;
    stacks.accept_emptiness();
    let invalid = stacks.has_errors();
    let mut showing =
        Showing { reveal: args.show_sensitive, contents: args.diff_configs, findings: Vec::new() };
    match args.format {
        PlanFormat::Text => output::talk(&stacks.findings_text(output.talk_look())),
        PlanFormat::Json | PlanFormat::Markdown => showing.findings.clone_from(&stacks.findings),
    }
    let request = request(global, &args.stacks.paths, &args.policy, stacks, None, showing)?;
    let plan = if let Some(path) = &args.live {
        pass::decide(&request, &recorded(path)?, &Images::default(), &Learned::default())
    } else {
        let reader = Reader::new(engine::connect(global).await?, engine::credentials())?;
        reader.plan(&request, &Learned::default()).await?.0
    };
    output.result(&match args.format {
        PlanFormat::Text => render::text(&plan.document, output.look()),
        PlanFormat::Json => json(&plan.document)?,
        PlanFormat::Markdown => render::markdown(&plan.document),
    })?;
    Ok(exit(&plan, invalid, args.detailed_exitcode))
}

/// The observation in a file of `skep observe`.
fn recorded(path: &Path) -> Result<Observed, CommandError> {
    let observed = fs::read_to_string(path)
        .map_err(anyhow::Error::from)
        .and_then(|text| snapshot::read(&text).map_err(anyhow::Error::from));
    observed.map_err(|error| {
        CommandError::failed(error).context(format!("cannot read {}", path.display()))
    })
}

fn exit(plan: &Plan, invalid: bool, detailed: bool) -> ExitCode {
    let mut code = if invalid { ExitCode::Failed } else { ExitCode::Fine };
    if detailed && plan.document.summary.pending() > 0 {
        code = code.worst(ExitCode::ChangesPending);
    }
    match outcome::verdict(plan) {
        Verdict::Failed => code.worst(ExitCode::Failed),
        Verdict::Blocked if detailed => code.worst(ExitCode::Blocked),
        Verdict::Done | Verdict::Unhealthy | Verdict::Blocked => code,
    }
}
