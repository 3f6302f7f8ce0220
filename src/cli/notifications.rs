//! `skep notify test`: whether messages arrive.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::diff::render::clean;
use crate::model::error::chain;
use crate::notify::{Delivery, Message};

use super::args::GlobalArgs;
use super::controller::Telling;
use super::error::CommandError;
use super::exit::ExitCode;
use super::output::Output;
use super::request::fleet;
use super::settings::Setup;

/// Try the targets of notifications
#[derive(Debug, Args)]
pub(super) struct NotifyArgs {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    Test(TestArgs),
}

/// Send a message to the targets of notifications, and say what became of it
#[derive(Debug, Args)]
#[command(after_help = "\
Nobody else is asked: no controller need run, and each target is tried once.

Examples:
  skep notify test -c /etc/skep/skep.yaml
  skep notify test chat

Exit codes: 0 all of them took it, 1 one did not.")]
struct TestArgs {
    /// Targets to try [default: all]
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

pub(super) async fn notify(
    global: &GlobalArgs,
    args: &NotifyArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let NotifyCommand::Test(TestArgs { targets: wanted }) = &args.command;
    let setup = Setup::load(global.config.as_deref(), &[])?;
    let fleet = fleet(global, &setup.settings)?;
    let refused = |message: String| CommandError::failed(anyhow::Error::msg(message));
    let Some(telling) = Telling::of(&setup)? else {
        return Err(refused("the settings have no targets of notifications".to_owned())
            .hint("docs/notifications.md shows how they look"));
    };
    let known: Vec<&str> = telling.targets().map(|(name, _)| name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(refused(format!("there is no target \"{unknown}\""))
            .hint(format!("targets are {}", known.join(", "))));
    }
    let message = Message::test(fleet.as_str(), Timestamp::now());
    let mut code = ExitCode::Fine;
    for (name, target) in telling.targets() {
        if !wanted.is_empty() && wanted.iter().all(|wanted| wanted != name) {
            continue;
        }
        let mut delivery = Delivery::default();
        let sent = target.send(&message, telling.wire(), &mut delivery).await;
        let result = match (sent, delivery.refusals()) {
            (Ok(()), None) => "took it".to_owned(),
            (Ok(()), Some(refusals)) => {
                code = ExitCode::Failed;
                format!("took it, but not for {refusals}")
            }
            (Err(error), _) => {
                code = ExitCode::Failed;
                format!("failed: {}", chain(&error))
            }
        };
        output.result(&format!("{} {}\n", clean(name), clean(&result)))?;
    }
    Ok(code)
}
