//! `skep schema`: the published JSON Schemas, printed, checked against their files, or written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};

use crate::diff::document;
use crate::http::view;
use crate::local;
use crate::reconciler::controller::report;
use crate::reconciler::{route_status, status};
use crate::settings::Settings;
use crate::spec::schema::stack;
use crate::swarm::snapshot;

use super::error::CommandError;
use super::exit::ExitCode;
use super::findings;
use super::format::json;
use super::output::{self, Output};
use super::{events, history, render, saved};

/// Print the JSON Schema of a file that skep reads or writes
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["name", "check", "write"]),
    after_help = "\
Examples:
  skep schema stack > stack.schema.json
  # yaml-language-server: $schema=./stack.schema.json     as the first line of a stack file

Exit codes: 0, or 1 when --check finds files that are not up to date."
)]
pub(super) struct SchemaArgs {
    /// Which schema: stack, settings, render, plan, saved-plan, status,
    /// report, answer, api, events, history, observe or findings
    #[arg(hide_possible_values = true)]
    name: Option<Name>,

    /// Compare the files in the directory with what this skep would write
    #[arg(long)]
    check: bool,

    /// Write all schemas to the directory
    #[arg(long)]
    write: bool,

    /// Directory for --check and --write
    #[arg(long, value_name = "DIR", default_value = "schema", conflicts_with = "name")]
    dir: PathBuf,
}

/// The published schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// A stack file: Compose as a Swarm understands it, and x-skep.
    Stack,
    /// The settings file skep.yaml.
    Settings,
    /// The JSON of skep render.
    Render,
    /// The JSON of skep plan.
    Plan,
    /// The file of skep plan --out.
    SavedPlan,
    /// The JSON of skep status.
    Status,
    /// The JSON of skep sync: what a controller tells about itself.
    Report,
    /// A line that a controller answers on its local socket.
    Answer,
    /// The JSON of skep events.
    Events,
    /// The JSON of skep history.
    History,
    /// The documents that skep run serves.
    Api,
    /// The JSON of skep routes.
    Routes,
    /// The file of skep observe.
    Observe,
    /// The JSON of skep validate.
    Findings,
}

pub(super) fn schema(args: &SchemaArgs, output: &mut Output) -> Result<ExitCode, CommandError> {
    if let Some(name) = args.name {
        output.result(&text(name)?)?;
        return Ok(ExitCode::Fine);
    }
    let mut code = ExitCode::Fine;
    for name in Name::value_variants() {
        let path = args.dir.join(format!("{}.schema.json", word(*name)));
        let wanted = text(*name)?;
        if args.write {
            write(&path, &wanted)?;
        } else if read(&path)?.as_deref() != Some(&wanted) {
            output::talk(&format!("{} is not up to date\n", path.display()));
            code = ExitCode::Failed;
        }
    }
    if code == ExitCode::Failed {
        output::talk("hint: skep schema --write\n");
    }
    Ok(code)
}

fn text(name: Name) -> Result<String, CommandError> {
    match name {
        Name::Stack => json(&stack()),
        Name::Settings => json(&Settings::schema()),
        Name::Render => json(&render::schema()),
        Name::Plan => json(&document::schema()),
        Name::SavedPlan => json(&saved::schema()),
        Name::Status => json(&status::schema()),
        Name::Report => json(&report::schema()),
        Name::Answer => json(&local::schema()),
        Name::Events => json(&events::schema()),
        Name::History => json(&history::schema()),
        Name::Api => json(&view::schema()),
        Name::Routes => json(&route_status::schema()),
        Name::Observe => json(&snapshot::schema()),
        Name::Findings => json(&findings::schema()),
    }
}

fn word(name: Name) -> String {
    name.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn read(path: &Path) -> Result<Option<String>, CommandError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, error)),
    }
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(|error| failed("create", directory, error))?;
    }
    fs::write(path, text).map_err(|error| failed("write", path, error))
}

fn failed(operation: &str, path: &Path, error: io::Error) -> CommandError {
    CommandError::failed(error).context(format!("cannot {operation} {}", path.display()))
}
