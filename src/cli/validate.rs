//! `skep validate`: everything that is wrong or doubtful in stack files, without an engine.

use clap::Args;
use serde::Serialize;

use super::args::{GlobalArgs, StackArgs};
use super::error::CommandError;
use super::exit::ExitCode;
use super::findings;
use super::format::{Format, json};
use super::load::Stacks;
use super::output::Output;

/// The version of the JSON's layout.
const FORMAT_VERSION: u32 = 1;

/// Look for mistakes in stack files, without an engine
#[derive(Debug, Args)]
#[command(after_help = "\
Every finding is reported at once, with its file, line and column, and what to do about it.

Examples:
  skep validate stacks/
  skep validate shop/stack.yaml --var TAG=1.4 --strict
  skep validate stacks/ --format json | jq '.findings[].message'

Exit codes: 0 no errors, 1 errors.")]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    stacks: StackArgs,

    /// Form of the findings: text or json
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

#[derive(Serialize)]
struct Report {
    format_version: u32,
    stacks: Vec<String>,
    findings: serde_json::Value,
}

pub(super) fn validate(
    global: &GlobalArgs,
    args: &ValidateArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let stacks = Stacks::load(global, &args.stacks.paths, &args.stacks.reading)?;
    match args.format {
        Format::Text => {
            output.result(&stacks.findings_text(output.look()))?;
            if stacks.findings.is_empty() {
                output.result(&format!("{}: no findings\n", counted(stacks.good.len())))?;
            }
        }
        Format::Json => {
            let report = Report {
                format_version: FORMAT_VERSION,
                stacks: stacks.good.iter().map(|stack| stack.name.to_string()).collect(),
                findings: findings::json(&stacks.findings).map_err(CommandError::failed)?,
            };
            output.result(&json(&report)?)?;
        }
    }
    Ok(if stacks.has_errors() { ExitCode::Failed } else { ExitCode::Fine })
}

fn counted(stacks: usize) -> String {
    if stacks == 1 { "1 stack".to_owned() } else { format!("{stacks} stacks") }
}
