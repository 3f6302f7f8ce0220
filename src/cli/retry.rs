//! `skep retry`: allows a release that Swarm rolled back to be tried once more.

use std::str::FromStr;

use clap::Args;

use crate::model::name::{NameError, StackName};
use crate::reconciler::pass::{Reader, Writer};
use crate::reconciler::retry::Retried;

use super::args::GlobalArgs;
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::known;
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
pub(super) struct Target {
    pub(super) stack: StackName,
    pub(super) service: Option<String>,
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
    let what = service
        .as_ref()
        .map_or_else(|| format!("stack {stack}"), |service| format!("service {stack}_{service}"));
    let refuse = |message: String| CommandError::failed(anyhow::Error::msg(message));
    match writer.retry(&fleet, stack, service.as_deref()).await? {
        Retried::Allowed(services) => {
            for name in services {
                output.result(&format!(
                    "the next apply tries the release of service {name} again\n"
                ))?;
            }
        }
        Retried::AllowedBefore(services) => {
            for name in services {
                output.result(&format!(
                    "another try of service {name} is allowed already: the next apply makes it\n"
                ))?;
            }
        }
        Retried::RollingBack(services) => {
            let message = format!("the rollback of {} is still under way", services.join(", "));
            return Err(refuse(message).hint("retry when it has ended; skep status tells"));
        }
        Retried::NoStack(known) => known::check([stack.as_str()], &known, fleet.as_str())?,
        Retried::NoService(services) => {
            let error = refuse(format!("there is no {what} in fleet {fleet}"));
            return Err(error.hint(if services.is_empty() {
                format!("stack {stack} has no services")
            } else {
                format!("those of stack {stack} are {}", services.join(", "))
            }));
        }
        Retried::NotRefused => {
            let message = format!("Swarm has refused no release of {what} in fleet {fleet}");
            return Err(refuse(message).hint("skep plan PATH names those that it has refused"));
        }
    }
    Ok(ExitCode::Fine)
}
