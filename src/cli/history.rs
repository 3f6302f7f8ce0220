//! `skep history`: which revisions of stacks were tried, and how that ended.

use std::fmt::Write as _;

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;

use crate::diff::render::{Look, Role, clean};
use crate::history::Archive;
use crate::model::name::StackName;
use crate::reconciler::journal::{Entry, Outcome};

use super::args::GlobalArgs;
use super::controller::history_file;
use super::error::CommandError;
use super::events::{kept_at, local, unreadable};
use super::exit::ExitCode;
use super::format::{Format, json};
use super::output::Output;
use super::request::fleet;
use super::settings::Setup;

/// The version of the document's layout; it moves when a reader of the old one would misread the new one.
const FORMAT_VERSION: u32 = 1;

/// Show which revisions of stacks were tried, why, and how that ended
#[derive(Debug, Args)]
#[command(after_help = "\
The controller's history on this machine is read, whether it runs or not. Tries of one revision that
ended alike are one line with their number.

Examples:
  skep history shop
  skep history shop --format json

Exit codes: 0, or 1 when there is no history.")]
pub(super) struct HistoryArgs {
    /// Stack whose history is shown [default: all]
    #[arg(value_name = "STACK")]
    stack: Option<StackName>,

    /// How many releases of each stack are shown, the newest of them
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 10)]
    limit: usize,

    /// Form of the history: text or json
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

/// Releases of stacks, each stack's newest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "skep history")]
pub(super) struct History {
    /// Layout of this document.
    format_version: u32,
    /// The installation of skep.
    fleet: String,
    /// The releases by stack, each stack's newest first.
    releases: Vec<Entry>,
}

/// The schema of the document.
pub(super) fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<History>()
}

pub(super) fn history(
    global: &GlobalArgs,
    args: &HistoryArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let setup = Setup::load(global.config.as_deref(), &[])?;
    let fleet = fleet(global, &setup.settings)?;
    let path = kept_at(history_file(&setup, &fleet)?)?;
    let stack = args.stack.as_ref().map(StackName::as_str);
    let all = Archive::open(&path).and_then(|archive| archive.history(stack));
    let releases: Vec<Entry> = all
        .map_err(unreadable)?
        .chunk_by(|a, b| a.stack == b.stack)
        .flat_map(|of_stack| of_stack.iter().take(args.limit).cloned())
        .collect();
    output.result(&match args.format {
        Format::Text => text(&releases, output.look()),
        Format::Json => {
            let fleet = fleet.to_string();
            json(&History { format_version: FORMAT_VERSION, fleet, releases })?
        }
    })?;
    Ok(ExitCode::Fine)
}

fn text(releases: &[Entry], look: Look) -> String {
    if releases.is_empty() {
        return "No release was noted yet.\n".to_owned();
    }
    let mut text = String::new();
    for of_stack in releases.chunk_by(|a, b| a.stack == b.stack) {
        let Some(first) = of_stack.first() else { continue };
        let between = if text.is_empty() { "" } else { "\n" };
        let name = look.palette.paint(Role::Strong, &format!("stack {}", clean(&first.stack)));
        let _ = writeln!(text, "{between}{name}");
        for entry in of_stack {
            text.push_str(&line(entry, look));
        }
    }
    text
}

/// `  2026-11-21 18:04:12  4f2c9e1a0b7d  rolled-back  41s  git  Ada Lovelace  tried 3 times  web: rolled back…`
fn line(entry: &Entry, look: Look) -> String {
    let Entry { revision, author, causes, outcome, reason, ended, tried, .. } = entry;
    let revision = revision.as_deref().unwrap_or("-");
    let revision = revision.split_once(':').map_or(revision, |(_, name)| name);
    let revision: String = clean(revision).chars().take(12).collect();
    let role = match outcome {
        Outcome::Healthy => Role::Added,
        Outcome::RolledBack | Outcome::Paused | Outcome::Failed | Outcome::Blocked => Role::Removed,
        Outcome::Retrying | Outcome::Suspended => Role::Waiting,
        Outcome::Superseded | Outcome::Removed => Role::Quiet,
    };
    let causes: Vec<String> =
        causes.iter().map(|cause| format!("{cause:?}").to_lowercase()).collect();
    let author = author.as_ref().map(|author| format!("  {}", clean(author))).unwrap_or_default();
    let tried = if *tried > 1 { format!("  tried {tried} times") } else { String::new() };
    let reason = reason.as_ref().map(|reason| format!("  {}", clean(reason))).unwrap_or_default();
    format!(
        "  {}  {revision:12}  {}  {:>6}  {}{author}{tried}{reason}\n",
        look.palette.paint(Role::Quiet, &local(*ended)),
        look.palette.paint(role, &format!("{outcome:11}")),
        entry.took(),
        causes.join(", "),
    )
}
