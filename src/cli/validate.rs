//! `skep validate`: everything that is wrong or doubtful in stack files, without an engine.

use clap::{Args, ValueEnum};

use crate::model::finding::{self, Finding};
use crate::model::name::FleetName;
use crate::proxy::{Features, Refused, compile};
use crate::spec::desired::{Identity, world};

use super::args::{GlobalArgs, ReadingArgs, StackArgs};
use super::error::CommandError;
use super::exit::ExitCode;
use super::findings;
use super::format::json;
use super::load::Stacks;
use super::output::Output;
use super::request::fleet;

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
    let mut stacks = Stacks::read(global, &args.stacks.paths, &args.stacks.reading).await?;
    let held = held_routes(&stacks, &fleet(global, &stacks.settings)?, &args.stacks.reading);
    stacks.findings.extend(held);
    finding::sort(&mut stacks.findings);
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

/// Routes that the settings do not allow as they are declared. Where they name no proxy, they say nothing about routes.
fn held_routes(stacks: &Stacks, fleet: &FleetName, reading: &ReadingArgs) -> Vec<Finding> {
    let Some(proxy) = &stacks.settings.proxy else { return Vec::new() };
    let identity = Identity { fleet, source: &stacks.source, key: None };
    let desired = world(&stacks.good, &identity);
    let refused = compile(&desired, fleet, &proxy.policy, Features::MODERN).refused;
    let finding = |Refused { stack: _, route, reason, place }| {
        let message = format!("the route {route} is held: {reason}");
        if reading.strict || stacks.settings.strict == Some(true) {
            Finding::error("held-route", place, message)
        } else {
            Finding::warning("held-route", place, message)
        }
    };
    // Of routes that two stacks have by the same name, the files alone tell more.
    let is_told = |refused: &Refused| {
        stacks.findings.iter().any(|finding| {
            finding.code == "same-route" && finding.place.as_ref() == Some(&refused.place)
        })
    };
    refused.into_iter().filter(|refused| !is_told(refused)).map(finding).collect()
}

fn counted(stacks: usize) -> String {
    if stacks == 1 { "1 stack".to_owned() } else { format!("{stacks} stacks") }
}
