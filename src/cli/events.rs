//! `skep events`: what happened, and with `-f` what happens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::sleep;

use crate::diff::render::{Look, Role, clean};
use crate::history::{Archive, Filter, HistoryError};
use crate::model::name::StackName;
use crate::reconciler::journal::{Event, Numbered, Severity};

use super::args::GlobalArgs;
use super::controller::history_file;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::{Format, json};
use super::output::Output;
use super::request::fleet;
use super::settings::Setup;

/// The version of the document's layout; it moves when a reader of the old one would misread the new one.
const FORMAT_VERSION: u32 = 1;
/// How often is looked for more.
const POLL: Duration = Duration::from_millis(500);

/// Show what happened to stacks, sources and the engine, as the controller on this machine noted it
#[derive(Debug, Args)]
#[command(after_help = "\
The controller's history on this machine is read, whether it runs or not. docs/events.md lists what
can happen.

Examples:
  skep events shop
  skep events -f --severity warning
  skep events -f --format json | jq .message       one object on each line

Exit codes: 0, or 1 when there is no history.")]
pub(super) struct EventsArgs {
    /// Stack whose events are shown [default: all, and those of sources and the engine]
    #[arg(value_name = "STACK")]
    stack: Option<StackName>,

    /// Go on with what happens from now on
    #[arg(long, short = 'f')]
    follow: bool,

    /// How much an event must matter: info, warning or error [default: info]
    #[arg(long, value_name = "SEVERITY", value_parser = parse_severity)]
    severity: Option<Severity>,

    /// How many are shown, the newest of them
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 50)]
    limit: u32,

    /// Form of the events: text or json; with --follow a line of JSON for each
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

/// Events, from the oldest.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "skep events")]
pub(super) struct Events {
    /// Layout of this document.
    format_version: u32,
    /// The installation of skep.
    fleet: String,
    /// The events, from the oldest.
    #[expect(clippy::struct_field_names, reason = "it is the name in the document")]
    events: Vec<Numbered>,
}

/// The schema of the document.
pub(super) fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Events>()
}

fn parse_severity(text: &str) -> Result<Severity, String> {
    let known = Severity::ALL.into_iter().find(|severity| severity.as_str() == text);
    known.ok_or_else(|| "it is info, warning or error".to_owned())
}

pub(super) async fn events(
    global: &GlobalArgs,
    args: &EventsArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let setup = Setup::load(global.config.as_deref(), &[])?;
    let fleet = fleet(global, &setup.settings)?;
    let path = kept_at(history_file(&setup, &fleet)?)?;
    let mut filter = Filter {
        stack: args.stack.as_ref().map(ToString::to_string),
        severity: args.severity,
        after: 0,
        // Whoever wants none of them wants those after the newest.
        limit: args.limit.max(1),
    };
    let first = match read(&path, &filter) {
        // What is not there yet may come.
        Err(HistoryError::Absent(_)) if args.follow => Vec::new(),
        read => read.map_err(unreadable)?,
    };
    filter.after = first.last().map_or(0, |newest| newest.id);
    let first = if args.limit == 0 { Vec::new() } else { first };
    if !args.follow && args.format == Format::Json {
        let document =
            Events { format_version: FORMAT_VERSION, fleet: fleet.to_string(), events: first };
        output.result(&json(&document)?)?;
        return Ok(ExitCode::Fine);
    }
    show(&first, args.format, output)?;
    filter.limit = u32::MAX;
    while args.follow && !output.is_closed() {
        sleep(POLL).await;
        // Whatever is wrong with the file for a moment: it may be deleted, and written anew.
        let Ok(more) = read(&path, &filter) else { continue };
        show(&more, args.format, output)?;
        filter.after = more.last().map_or(filter.after, |newest| newest.id);
    }
    Ok(ExitCode::Fine)
}

/// The file of the history.
///
/// # Errors
/// When the settings say that there is none.
pub(super) fn kept_at(path: Option<PathBuf>) -> Result<PathBuf, CommandError> {
    path.ok_or_else(|| {
        let message = "the settings say that no history is kept";
        CommandError::failed(anyhow::Error::msg(message)).hint("the key is `history.enabled`")
    })
}

/// An error about the file of the history, with what to do about it.
pub(super) fn unreadable(error: HistoryError) -> CommandError {
    let is_absent = matches!(error, HistoryError::Absent(_));
    let error = CommandError::failed(error);
    if is_absent {
        error.hint("skep run keeps one, on the machine where it runs; -c names its settings")
    } else {
        error
    }
}

fn read(path: &Path, filter: &Filter) -> Result<Vec<Numbered>, HistoryError> {
    Archive::open(path)?.events(filter)
}

fn show(events: &[Numbered], format: Format, output: &mut Output) -> Result<(), CommandError> {
    let mut text = String::new();
    for numbered in events {
        match format {
            Format::Text => text.push_str(&line(&numbered.event, output.look())),
            Format::Json => {
                let object = serde_json::to_string(numbered).map_err(CommandError::failed)?;
                text.push_str(&object);
                text.push('\n');
            }
        }
    }
    Ok(output.result(&text)?)
}

/// `2026-11-21 18:04:12  error    release-rolled-back  service shop_web rolled back…`
fn line(event: &Event, look: Look) -> String {
    let Event { at, severity, kind, recovered, message, .. } = event;
    let (word, role) = match (recovered, severity) {
        (true, _) => ("over", Role::Added),
        (false, Severity::Error) => ("error", Role::Removed),
        (false, Severity::Warning) => ("warning", Role::Waiting),
        (false, Severity::Info) => ("info", Role::Plain),
    };
    format!(
        "{}  {}  {kind:19}  {}\n",
        look.palette.paint(Role::Quiet, &local(*at)),
        look.palette.paint(role, &format!("{word:7}")),
        clean(message)
    )
}

/// A time as the clock on the wall shows it.
pub(super) fn local(at: jiff::Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
