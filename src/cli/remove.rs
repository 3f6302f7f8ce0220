//! `skep remove`: removes a whole stack, in the reverse order of its dependencies, and keeps its volumes.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::diff::document::Action;
use crate::diff::render::{Look, clean};
use crate::model::key::Kind;
use crate::model::live::Observed;
use crate::model::name::StackName;
use crate::model::nanos::Nanos;
use crate::reconciler::pass::{Reader, Wait};
use crate::reconciler::plan::{Learned, LeftVolume, Plan, left_volumes};
use crate::reconciler::policy::{RemoveStack, Unblock};
use crate::reconciler::status;
use crate::settings::Settings;

use super::apply::parse_timeout;
use super::args::{GlobalArgs, ReadingArgs, parse_unblock};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::Format;
use super::load::Stacks;
use super::output::{self, Output};
use super::request;
use super::settings::Setup;
use super::settle::{Manner, settle};

/// Remove a whole stack and keep its volumes
#[derive(Debug, Args)]
#[command(after_help = "\
The plan is shown first, and on a terminal you are asked. Routes go first, then services, those that
need others before those; networks, configs and secrets follow once no task uses them. Volumes stay, and are
named at the end. Nothing goes while a stack file still declares the stack, or while others use
something of it.

Examples:
  skep remove shop
  skep remove shop --yes --path stacks/      after its file is gone from stacks/

Exit codes: 0 removed, or there was no such stack, 1 failed or answered no, 3 the plan agreed to is
stale, 4 something of it is left, 5 blocked by a guard, 64 neither a terminal nor --yes,
130 interrupted.")]
pub(super) struct RemoveArgs {
    /// Stack to remove
    #[arg(value_name = "STACK")]
    stack: StackName,

    /// Stack files, or directories of stacks, that must not declare it any more [default: the sources in the settings,
    /// else "."]
    #[arg(long, short = 'p', value_name = "PATH")]
    path: Vec<PathBuf>,

    /// Lift a guard for this run, as a hold names it: guard-in-use:shop
    #[arg(long, value_name = "GUARD[:STACK]", value_parser = parse_unblock)]
    unblock: Vec<Unblock>,

    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,

    /// Remove what can go at once and end; exit with 4 if something still waits
    #[arg(long)]
    no_wait: bool,

    /// How long to wait when nothing moves any more, such as 90s or 10m [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout, conflicts_with = "no_wait")]
    timeout: Option<Nanos>,

    /// Form of the plan: text or json
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

pub(super) async fn remove(
    global: &GlobalArgs,
    args: &RemoveArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let setup = Setup::load(global.config.as_deref(), &args.path)?;
    let settings = &setup.settings;
    let (declared_in, looked_at) =
        declaring_file(global, args, settings, output.talk_look()).await?;
    if looked_at == 0 {
        output::talk(
            "There are no stack files to look at: one elsewhere may still declare the stack; --path looks there.\n",
        );
    }
    let asked = RemoveStack { stack: args.stack.clone(), declared_in };
    let request = request::removal(global, &args.path, &setup, asked, &args.unblock, args.timeout)?;
    let reader = Reader::new(engine::connect(global, &args.path).await?)?;
    let (plan, observed) = reader.judge(&request, &Learned::default()).await?;
    // Its services may be gone, and the fleet record remembers them.
    if args.format == Format::Text && is_nothing(&plan) && plan.steps.is_empty() {
        let fleet = &request.scope.fleet;
        let stack = &args.stack;
        output.result(&format!("There is no stack {stack} in fleet {fleet}: nothing to do.\n"))?;
        let status = status::fold(&observed, fleet, None, &settings.sensitivity());
        let known: Vec<&str> = status.stacks.iter().map(|stack| stack.name.as_str()).collect();
        if !known.is_empty() {
            output::talk(&format!("Its stacks are {}.\n", clean(&known.join(", "))));
        }
        return Ok(ExitCode::Fine);
    }
    let volumes = volumes(&plan, &observed);
    let manner = Manner {
        global,
        wait: if args.no_wait { Wait::No } else { Wait::UntilSettled },
        yes: args.yes,
        consent: None,
        question: &format!("Remove stack {}?", args.stack),
        hint: "--yes removes it without a question",
        format: args.format,
    };
    let code = settle(reader, &request, (plan, observed), manner, false, output).await?;
    if code == ExitCode::Fine && !volumes.is_empty() {
        let text = kept(&volumes);
        match args.format {
            Format::Text => output.result(&text)?,
            Format::Json => output::talk(&text),
        }
    }
    Ok(code)
}

/// The file that still declares the stack, wherever the stacks of this installation are said to be, and how many stacks
/// were looked at.
async fn declaring_file(
    global: &GlobalArgs,
    args: &RemoveArgs,
    settings: &Settings,
    look: Look,
) -> Result<(Option<String>, usize), CommandError> {
    let named = settings.sources.iter().map(|source| Some(source.name.value.clone()));
    let sources = if args.path.is_empty() { named.collect() } else { Vec::new() };
    let sources = if sources.is_empty() { vec![None] } else { sources };
    let mut looked_at = 0;
    for source in sources {
        let reading = ReadingArgs { source, ..ReadingArgs::default() };
        let stacks = Stacks::read(global, &args.path, &reading).await?;
        if stacks.settings_are_broken {
            output::talk(&stacks.findings_text(look));
            return Err(CommandError::failed(anyhow::Error::msg(
                "the settings have errors, and nobody knows what they declare",
            )));
        }
        looked_at += stacks.good.len() + stacks.invalid.len();
        if let Some(file) = stacks.declaring(&args.stack) {
            return Ok((Some(file), looked_at));
        }
    }
    Ok((None, looked_at))
}

/// Whether there is nothing of the stack, and nothing that carries its name.
fn is_nothing(plan: &Plan) -> bool {
    let mut stacks = plan.document.stacks.iter();
    stacks.all(|stack| {
        stack.changes.is_empty() && stack.holds.is_empty() && stack.retained.is_empty()
    })
}

/// The volumes that nothing uses any more after the plan.
fn volumes(plan: &Plan, observed: &Observed) -> Vec<LeftVolume> {
    left_volumes(observed, |name| {
        plan.document.changes().any(|change| {
            change.action == Action::Remove
                && change.object.kind == Kind::Service
                && change.object.name == name
        })
    })
}

/// Where the volumes are, and the command that removes them there.
fn kept(volumes: &[LeftVolume]) -> String {
    let mut text = "Volumes stay. Where nobody needs their data any more:\n".to_owned();
    for LeftVolume { name, nodes } in volumes {
        let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
        let place = if nodes.is_empty() {
            "on each node that has it".to_owned()
        } else {
            format!("on {}", nodes.join(", "))
        };
        let name = shlex::try_quote(name).unwrap_or_default();
        let _ = writeln!(text, "  docker volume rm {}   # {}", clean(&name), clean(&place));
    }
    text
}
