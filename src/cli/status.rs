//! `skep status`: how the stacks are, asked of the engine.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use crate::diff::mask::Scrub;
use crate::diff::render::{Look, Role, clean};
use crate::local::Question;
use crate::model::name::StackName;
use crate::reconciler::logs;
use crate::reconciler::pass::{Reader, scrub};
use crate::reconciler::plan::Learned;
use crate::reconciler::policy::ResolveImage;
use crate::reconciler::status::{self, Health, OpenHold, ServiceStatus, StackStatus, Status, Sync};
use crate::swarm::Observer;

use super::args::{GlobalArgs, PolicyArgs, ReadingArgs};
use super::controller::{ask, shown, socket};
use super::ending::held;
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::{Format, json};
use super::load::Stacks;
use super::output::{self, Output};
use super::request::{Showing, fleet, request, retry};
use super::settings::Setup;
use super::trouble::paragraphs;

/// Show how the stacks are: in sync or not, healthy or not, and what is in the way
#[derive(Debug, Args)]
#[command(after_help = "\
The controller that runs on this machine is asked, else (or with --host) the engine. Without --path a service is in sync when it is as skep last applied it; with
--path it is compared with the stack files, and what is in the way of changes is shown.

Examples:
  skep status
  skep status shop --path stacks/
  skep status --exit-code || echo 'look at it'

Exit codes: 0; with --exit-code also 4 not healthy and 2 not in sync.")]
pub(super) struct StatusArgs {
    /// Stacks to show [default: all of the fleet]
    #[arg(value_name = "STACK")]
    names: Vec<StackName>,

    /// Stack files, or directories of stacks, to compare with
    #[arg(long, short = 'p', value_name = "PATH")]
    path: Vec<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,

    /// With --path: when to ask registries which image a tag means: always, changed (the reference in the file has) or
    /// never [default: changed]
    #[arg(long, value_name = "WHEN", hide_possible_values = true, requires = "path")]
    resolve_image: Option<ResolveImage>,

    /// Exit with 4 when something is not healthy, else with 2 when something is not in sync
    #[arg(long)]
    exit_code: bool,

    /// Form of the status: text or json
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

pub(super) async fn status(
    global: &GlobalArgs,
    args: &StatusArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let (status, engine, observed, scrub) = if args.path.is_empty() {
        let setup = Setup::load(global.config.as_deref(), &[])?;
        let fleet = fleet(global, &setup.settings)?;
        // Whoever names an engine wants to know how that one is.
        if global.host.is_none() {
            let socket = socket(&setup.settings, &fleet);
            let question = Question::Status { stacks: args.names.clone(), shown: shown(output) };
            if let Some(code) = ask(&socket, &question, args.format, output).await? {
                return Ok(if args.exit_code { code } else { ExitCode::Fine });
            }
        }
        let engine = Observer::new(engine::connect(global, &[]).await?)?;
        let mut observed = engine.observe().await?;
        observed.workload = Some(engine.workload(&observed).await?);
        let sensitivity = setup.settings.sensitivity();
        let mut status = status::fold(&observed, &fleet, None, &sensitivity);
        status::name_refusals(&mut status, &observed, &fleet, &retry(global, &fleet));
        (status, engine, observed, Scrub::new(sensitivity))
    } else {
        let mut stacks = Stacks::read(global, &args.path, &args.reading).await?;
        stacks.accept_emptiness();
        output::talk(&stacks.findings_text(output.talk_look()));
        let policy = PolicyArgs { resolve_image: args.resolve_image, ..PolicyArgs::default() };
        let showing = Showing::default();
        let request = request(global, &args.path, &args.reading, &policy, stacks, None, showing)?;
        let reader = Reader::new(engine::connect(global, &args.path).await?)?;
        let (plan, observed) = reader.judge(&request, &Learned::default()).await?;
        let status =
            status::fold(&observed, &request.scope.fleet, Some(&plan), &request.view.sensitivity);
        let scrub = scrub(&request, &observed);
        (status, reader.observer().clone(), observed, scrub)
    };
    check_names(&status, &args.names)?;
    let mut status = status.only(&args.names.iter().cloned().collect::<BTreeSet<_>>());
    logs::add(&engine, &observed, &scrub, status.judged()).await;
    output.result(&match args.format {
        Format::Text => text(&status, output.look()),
        Format::Json => json(&status)?,
    })?;
    Ok(if args.exit_code { exit(&status) } else { ExitCode::Fine })
}

fn check_names(status: &Status, names: &[StackName]) -> Result<(), CommandError> {
    let known: Vec<&str> = status.stacks.iter().map(|stack| stack.name.as_str()).collect();
    let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let message = format!("there is no stack \"{unknown}\" in fleet \"{}\"", status.fleet);
    let error = CommandError::failed(anyhow::Error::msg(message));
    Err(error.hint(if known.is_empty() {
        "it has no stacks at all; --fleet names another one".to_owned()
    } else {
        format!("its stacks are {}", known.join(", "))
    }))
}

pub(super) fn exit(status: &Status) -> ExitCode {
    let health =
        if status.health == Health::Healthy { ExitCode::Fine } else { ExitCode::NotHealthy };
    let sync = if status.sync == Sync::Synced { ExitCode::Fine } else { ExitCode::ChangesPending };
    health.worst(sync)
}

/// The status as people read it.
pub(super) fn text(status: &Status, look: Look) -> String {
    let Status { format_version: _, fleet, engine, observed_at, sync, health, stacks } = status;
    let strong = |words: &str| look.palette.paint(Role::Strong, words);
    let quiet = |words: &str| look.palette.paint(Role::Quiet, words);
    let origin = quiet(&format!("fleet {fleet}, Docker {}", clean(&engine.version)));
    if stacks.is_empty() {
        return format!("{} {origin}\n", strong("No stacks."));
    }
    let count =
        if stacks.len() == 1 { "1 stack".to_owned() } else { format!("{} stacks", stacks.len()) };
    let mut text = format!(
        "{} {}, {}   {origin}\n",
        strong(&format!("{count}:")),
        look.palette.paint(sync_role(*sync), &sync.to_string()),
        look.palette.paint(health_role(*health), &health.to_string()),
    );
    let services = || stacks.iter().flat_map(|stack| &stack.services);
    let widths = (
        services().map(|service| service.name.chars().count()).max().unwrap_or(0),
        services().map(|service| service.state.chars().count()).max().unwrap_or(0),
    );
    for stack in stacks {
        write_stack(&mut text, stack, widths, *observed_at, look);
    }
    text
}

fn write_stack(
    text: &mut String,
    stack: &StackStatus,
    widths: (usize, usize),
    now: Timestamp,
    look: Look,
) {
    let StackStatus { name, file, sync, health, services, holds } = stack;
    let file = file.as_ref().map_or_else(String::new, |file| format!("   {}", clean(file)));
    let _ = writeln!(
        text,
        "\n{}  {}  {}{}",
        look.palette.paint(Role::Strong, &format!("stack {}", clean(name))),
        look.palette.paint(sync_role(*sync), &sync.to_string()),
        look.palette.paint(health_role(*health), &health.to_string()),
        look.palette.paint(Role::Quiet, &file),
    );
    for service in services {
        write_service(text, service, widths, now, look);
    }
    for OpenHold { object, hold } in holds {
        text.push_str(&held(object.as_ref(), hold, look));
    }
}

fn write_service(
    text: &mut String,
    service: &ServiceStatus,
    (width, states): (usize, usize),
    now: Timestamp,
    look: Look,
) {
    let ServiceStatus { name, mode: _, image, sync, health, state, judged } = service;
    let image = image.as_deref().map(|image| image.split_once('@').map_or(image, |(name, _)| name));
    let image = image.map_or_else(String::new, |image| format!("  {}", clean(image)));
    let _ = writeln!(
        text,
        "  {:width$}  {}  {}  {:states$}{}",
        clean(name),
        look.palette.paint(sync_role(*sync), &format!("{sync:9}")),
        look.palette.paint(health_role(*health), &format!("{health:11}")),
        clean(state),
        look.palette.paint(Role::Quiet, &image),
    );
    if let Some(judged) = judged {
        text.push_str(&paragraphs(judged, Some(now), look));
    }
}

fn sync_role(sync: Sync) -> Role {
    match sync {
        Sync::Synced => Role::Added,
        Sync::Unknown => Role::Quiet,
        Sync::OutOfSync => Role::Changed,
    }
}

fn health_role(health: Health) -> Role {
    match health {
        Health::Healthy => Role::Added,
        Health::Progressing => Role::Waiting,
        Health::Unknown => Role::Quiet,
        Health::Paused | Health::Missing => Role::Changed,
        Health::Degraded => Role::Removed,
    }
}
