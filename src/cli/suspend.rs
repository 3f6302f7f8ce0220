//! `skep suspend` and `skep resume`: stacks that the controller leaves alone for a while.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use clap::Args;
use jiff::{Timestamp, Unit};

use crate::local::Question;
use crate::model::name::StackName;
use crate::reconciler::known::stacks as fleet_stacks;
use crate::reconciler::pass::{Reader, Writer};
use crate::reconciler::record;
use crate::reconciler::suspension::{Suspension, Suspensions, Whom};

use super::args::GlobalArgs;
use super::controller::{Sockets, quietly, shown};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::known;
use super::output::Output;
use super::request::fleet;
use super::settings::Setup;

/// How often a write of the fleet record is tried when somebody else writes it at the same time.
const ATTEMPTS: usize = 5;

/// Have the controller leave stacks alone until they are resumed
#[derive(Debug, Args)]
#[command(after_help = "\
The Swarm remembers it, with who and since when, so that it outlives every restart. What the
controller is doing is finished first. skep plan and skep apply do not mind: they are for you.

Examples:
  skep suspend shop --reason 'the database moves'
  skep suspend --all")]
pub(super) struct SuspendArgs {
    #[command(flatten)]
    whom: WhomArgs,

    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Suspend stacks of these names once there are any, too
    #[arg(long, conflicts_with = "all")]
    force: bool,
}

/// Have the controller look after suspended stacks again
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skep resume shop
  skep resume --all                          those that were suspended one by one, too")]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    whom: WhomArgs,
}

/// Which stacks are meant.
#[derive(Debug, Args)]
struct WhomArgs {
    /// Stacks
    #[arg(value_name = "STACK", required_unless_present = "all")]
    names: Vec<StackName>,

    /// All stacks of the fleet, also those that come later
    #[arg(long, conflicts_with = "names")]
    all: bool,
}

pub(super) async fn suspend(
    global: &GlobalArgs,
    args: &SuspendArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let reason = args.reason.clone();
    let now = Timestamp::now();
    let since = now.round(Unit::Second).unwrap_or(now);
    let suspension = Suspension { by: whoami(), since, reason };
    let whom = args.whom.whom();
    let suspensions = Box::pin(write(global, &whom, Some(&suspension), args.force, output)).await?;
    let told = |what: &str, suspension: Option<&Suspension>| {
        let how = suspension.map_or_else(String::new, |suspension| format!(" {suspension}"));
        format!("{what} suspended{how}\n")
    };
    output.result(&match whom {
        Whom::All => told("all stacks are", suspensions.all.as_ref()),
        Whom::Stacks(stacks) => stacks
            .iter()
            .map(|stack| told(&format!("stack {stack} is"), suspensions.stacks.get(stack)))
            .collect(),
    })?;
    Ok(ExitCode::Fine)
}

pub(super) async fn resume(
    global: &GlobalArgs,
    args: &ResumeArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let whom = args.whom.whom();
    let left = Box::pin(write(global, &whom, None, false, output)).await?;
    output.result(&match whom {
        Whom::All => "all stacks are looked after again\n".to_owned(),
        Whom::Stacks(stacks) => {
            let told = |stack: &StackName| match &left.all {
                Some(all) => format!("stack {stack} stays suspended with all others {all}\n"),
                None => format!("stack {stack} is looked after again\n"),
            };
            stacks.iter().map(told).collect()
        }
    })?;
    Ok(ExitCode::Fine)
}

impl WhomArgs {
    fn whom(&self) -> Whom {
        if self.all { Whom::All } else { Whom::Stacks(self.names.clone()) }
    }
}

/// Writes it into the fleet record, and waits until a controller on this machine has seen it.
async fn write(
    global: &GlobalArgs,
    whom: &Whom,
    suspension: Option<&Suspension>,
    force: bool,
    output: &Output,
) -> Result<Suspensions, CommandError> {
    let settings = Setup::load(global.config.as_deref(), &[])?.settings;
    let fleet = fleet(global, &settings)?;
    let reader = Reader::new(engine::connect(global, &[]).await?)?;
    if let Whom::Stacks(stacks) = whom
        && !force
    {
        let observed = reader.observer().observe().await?;
        let record = record::find(&observed.configs, &fleet);
        let mut known = fleet_stacks(&observed, &fleet, record.as_ref());
        let suspended = record.map(|record| Suspensions::of(&record.labels).stacks);
        known.extend(suspended.into_iter().flatten().map(|(stack, _)| stack.to_string()));
        known::check(stacks.iter().map(StackName::as_str), &known, fleet.as_str()).map_err(
            |error| {
                if suspension.is_some() {
                    error.hint("--force suspends a stack that is still to come")
                } else {
                    error
                }
            },
        )?;
    }
    let writer = Writer::new(reader, engine::fresh_key()?);
    let mut attempts = 1;
    let suspensions = loop {
        match writer.suspend(&fleet, whom, suspension).await {
            Err(error) if error.is_conflict() && attempts < ATTEMPTS => attempts += 1,
            result => break result?,
        }
    };
    let shown = shown(output);
    let question = Question::Sync { stacks: Vec::new(), settled: false, shown };
    quietly(&Sockets::of(&settings, &fleet), &question).await;
    Ok(suspensions)
}

/// The person at the keyboard, as far as the process knows: services and containers have no `USER`.
fn whoami() -> String {
    let of = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let user = of("SUDO_USER").or_else(|| of("USER")).unwrap_or_else(|| {
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let own = fs::metadata("/proc/self").map(|process| process.uid());
        own.map_or_else(|_| "somebody".to_owned(), |id| user_of(id, &users))
    });
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    if host.is_empty() { user } else { format!("{user}@{host}") }
}

/// What a user is called in the lines of `/etc/passwd`, else the number.
fn user_of(id: u32, users: &str) -> String {
    let called = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(id) && !name.is_empty()).then(|| name.to_owned())
    };
    users.lines().find_map(called).unwrap_or_else(|| format!("uid-{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_a_name_has_a_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\n:x:7:7::/:\nada:x:1000:1000::/:\n";
        let called = [0, 1000, 7, 12].map(|id| user_of(id, users));
        assert_eq!(called, ["root", "ada", "uid-7", "uid-12"]);
    }
}
