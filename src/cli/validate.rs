//! `skep validate`: everything that is wrong or doubtful in stack files, without an engine.

use clap::{Args, ValueEnum};

use super::args::{GlobalArgs, StackArgs};
use super::error::CommandError;
use super::exit::ExitCode;
use super::findings;
use super::format::json;
use super::load::Stacks;
use super::output::Output;

/// Look for mistakes in stack files, without an engine
#[derive(Debug, Args)]
#[command(after_help = "\
Every finding is reported at once, with its file, line and column, and what to do about it.

Examples:
  skep validate stacks/
  skep validate shop/stack.yaml --var TAG=1.4 --strict
  skep validate stacks/ --format json | jq '.findings[].message'
  skep validate stacks/ --format github    in a workflow: findings at their lines in a pull request

Exit codes: 0 no errors, 1 errors.")]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    stacks: StackArgs,

    /// Form of the findings: text, json or github
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: ValidateFormat,
}

/// The forms of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ValidateFormat {
    /// For people.
    Text,
    /// For programs; `skep schema findings` prints its layout.
    Json,
    /// For GitHub Actions, which shows them in a pull request.
    Github,
}

pub(super) async fn validate(
    global: &GlobalArgs,
    args: &ValidateArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let stacks = Stacks::read(global, &args.stacks.paths, &args.stacks.reading).await?;
    match args.format {
        ValidateFormat::Text => {
            output.result(&stacks.findings_text(output.look()))?;
            if stacks.findings.is_empty() {
                output.result(&format!("{}: no findings\n", counted(stacks.good.len())))?;
            }
        }
        ValidateFormat::Json => {
            let good = stacks.good.iter().map(|stack| stack.name.as_str()).collect();
            output.result(&json(&findings::document(good, &stacks.findings))?)?;
        }
        ValidateFormat::Github => output.result(&findings::github(&stacks.findings))?,
    }
    Ok(if stacks.has_errors() { ExitCode::Failed } else { ExitCode::Fine })
}

fn counted(stacks: usize) -> String {
    if stacks == 1 { "1 stack".to_owned() } else { format!("{stacks} stacks") }
}
