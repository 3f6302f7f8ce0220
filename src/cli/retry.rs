//! `skep retry`: allows a release that Swarm rolled back to be tried once more.

use std::str::FromStr;

use clap::Args;

use crate::model::name::{NameError, StackName};
use crate::reconciler::pass::{Reader, Writer};

use super::args::GlobalArgs;
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::output::Output;
use super::request::fleet;
use super::settings::Setup;

/// Allow a release that Swarm rolled back to be tried once more
#[derive(Debug, Args)]
#[command(after_help = "\
skep remembers such releases and does not try them again by itself. This allows one more try, which
the next apply makes.

Examples:
  skep retry shop/web && skep apply stacks/
  skep retry shop                            every refused release of the stack")]
pub(super) struct RetryArgs {
    /// Stack, or one service of it by its key in the file
    #[arg(value_name = "STACK[/SERVICE]")]
    target: Target,
}

/// A stack, or one of its services.
#[derive(Debug, Clone)]
struct Target {
    stack: StackName,
    service: Option<String>,
}

impl FromStr for Target {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Ok(match text.split_once('/') {
            Some((stack, service)) => {
                Self { stack: stack.parse()?, service: Some(service.to_owned()) }
            }
            None => Self { stack: text.parse()?, service: None },
        })
    }
}

pub(super) async fn retry(
    global: &GlobalArgs,
    args: &RetryArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let Target { stack, service } = &args.target;
    let settings = Setup::load(global.config.as_deref(), &[])?.settings;
    let fleet = fleet(global, &settings)?;
    let connection = engine::connect(global, &[]).await?;
    let writer = Writer::new(Reader::new(connection)?, engine::fresh_key()?);
    let allowed = writer.retry(&fleet, stack, service.as_deref()).await?;
    if allowed.is_empty() {
        let what = service.as_ref().map_or_else(
            || format!("stack {stack}"),
            |service| format!("service {stack}_{service}"),
        );
        let message = format!("Swarm has refused no release of {what} in fleet {fleet}");
        return Err(CommandError::failed(anyhow::Error::msg(message))
            .hint("skep plan PATH names those that it has refused"));
    }
    for name in allowed {
        output.result(&format!("the next apply tries the release of service {name} again\n"))?;
    }
    Ok(ExitCode::Fine)
}
