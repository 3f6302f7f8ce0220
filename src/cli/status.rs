//! `skep status`: how the stacks are, asked of the engine.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use unicode_width::UnicodeWidthStr as _;

use crate::diff::mask::Scrub;
use crate::diff::render::{Look, Palette, Role, clean};
use crate::local::Question;
use crate::model::name::{FleetName, StackName};
use crate::reconciler::logs;
use crate::reconciler::pass::{Reader, scrub};
use crate::reconciler::plan::Learned;
use crate::reconciler::policy::ResolveImage;
use crate::reconciler::refusals;
use crate::reconciler::status::{self, Health, OpenHold, ServiceStatus, StackStatus, Status, Sync};
use crate::swarm::{Endpoint, Observer};

use super::args::{GlobalArgs, PolicyArgs, ReadingArgs};
use super::controller::{Answered, Sockets, ask, shown};
use super::ending::held;
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::{Format, json};
use super::headline::{headline, health_role, sync_role};
use super::known;
use super::load::Stacks;
use super::output::{self, Output};
use super::paragraph::{lines, paragraph};
use super::request::{Showing, fleet, request, retry};
use super::settings::Setup;
use super::trouble::paragraphs;

/// How long is waited before it is shown again.
const PAUSE: Duration = Duration::from_secs(2);
/// The columns for states. One that is longer moves what stands behind it, or is wrapped.
const STATE: usize = 28;

/// Show how the stacks are: in sync or not, healthy or not, and what is in the way
#[derive(Debug, Args)]
#[command(after_help = "\
The controller that runs on this machine is asked, else the engine; the engine, too, where --host,
DOCKER_HOST or a context names another one than the controller's. Without --path a service is in
sync when it is as skep last applied it, and Missing when it was applied and is gone; with --path it
is compared with the stack files, and what is in the way of changes is shown.

Examples:
  skep status
  skep status shop --path stacks/
  skep status --exit-code || echo 'look at it'

Exit codes: 0; with --exit-code also 4 not healthy and 2 not in sync, and where the controller
answers 5 for a stack that is stalled and 1 for a source or an engine that it cannot read.")]
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

    /// Exit with another code than 0 when something is not as it should be
    #[arg(long)]
    exit_code: bool,

    /// Show it again and again, every two seconds, until it is interrupted
    #[arg(long, conflicts_with_all = ["exit_code", "format"])]
    watch: bool,

    /// Form of the status: text or json
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

pub(super) async fn status(
    global: &GlobalArgs,
    args: &StatusArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    if !args.watch {
        return Box::pin(once(global, args, output)).await;
    }
    loop {
        if output.is_terminal() {
            // Home, and nothing below.
            output.result("\u{1b}[H\u{1b}[2J\u{1b}[3J")?;
        }
        Box::pin(once(global, args, output)).await?;
        if output.is_closed() {
            return Ok(ExitCode::Fine);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn once(
    global: &GlobalArgs,
    args: &StatusArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let (status, engine, observed, scrub) = if args.path.is_empty() {
        let setup = Setup::load(global.config.as_deref(), &[])?;
        let fleet = fleet(global, &setup.settings)?;
        if let Some(answered) = of_controller(global, args, &setup, &fleet, output).await? {
            let shown = match args.format {
                Format::Text => Some(answered.text),
                // While the controller has seen nothing, the engine is asked.
                Format::Json => answered.document().as_ref().map(json).transpose()?,
            };
            if let Some(shown) = shown {
                output.result(&shown)?;
                return Ok(if args.exit_code { answered.exit } else { ExitCode::Fine });
            }
        }
        let engine = Observer::new(engine::connect(global, &[]).await?)?;
        let mut observed = engine.observe().await?;
        observed.workload = Some(engine.workload(&observed).await?);
        let sensitivity = setup.settings.sensitivity();
        let mut status = status::fold(&observed, &fleet, None, &sensitivity);
        refusals::name(&mut status, &observed, &fleet, &retry(global, &fleet));
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
        Format::Text => text(&status, &[], output.look()),
        Format::Json => json(&status)?,
    })?;
    Ok(if args.exit_code { exit(&status) } else { ExitCode::Fine })
}

/// What the controller on this machine answers. Whoever names an engine wants to know how that one is: if the controller
/// works with another one, it is not asked.
async fn of_controller(
    global: &GlobalArgs,
    args: &StatusArgs,
    setup: &Setup,
    fleet: &FleetName,
    output: &Output,
) -> Result<Option<Answered>, CommandError> {
    if global.host.is_some() {
        return Ok(None);
    }
    let named = engine::named(global)?;
    let sockets = Sockets::of(&setup.settings, fleet);
    let shown = shown(output);
    if let Some(Endpoint { address, origin }) = &named {
        // Its stacks are not those that are meant.
        let question = Question::Status { stacks: Vec::new(), shown };
        let Some(answered) = ask(&sockets, &question).await? else { return Ok(None) };
        if !answered.knows(address) {
            output::talk(&format!(
                "The controller on this machine works with {}; {address} is asked itself, as {origin} says.\n",
                clean(&answered.named_engines())
            ));
            return Ok(None);
        }
    }
    ask(&sockets, &Question::Status { stacks: args.names.clone(), shown }).await
}

fn check_names(status: &Status, names: &[StackName]) -> Result<(), CommandError> {
    let known = status.stacks.iter().map(|stack| stack.name.clone()).collect();
    known::check(names.iter().map(StackName::as_str), &known, &status.fleet)
}

pub(super) fn exit(status: &Status) -> ExitCode {
    let health =
        if status.health == Health::Healthy { ExitCode::Fine } else { ExitCode::NotHealthy };
    let sync = if status.sync == Sync::Synced { ExitCode::Fine } else { ExitCode::ChangesPending };
    health.worst(sync)
}

/// The status as people read it; `troubles` are those that only the controller knows of.
pub(super) fn text(status: &Status, troubles: &[String], look: Look) -> String {
    let Status { format_version: _, fleet, engine, observed_at, sync: _, health: _, stacks } =
        status;
    let strong = |words: &str| look.palette.paint(Role::Strong, words);
    let quiet = |words: &str| look.palette.paint(Role::Quiet, words);
    let origin = format!("fleet {fleet}, Docker {}", clean(&engine.version));
    if stacks.is_empty() {
        let mut headline = strong("No stacks.");
        for trouble in troubles {
            let _ = write!(headline, " {}.", clean(trouble));
        }
        return format!("{headline} {}\n", quiet(&origin));
    }
    let plain = headline(status, troubles, Look { palette: Palette::Plain, ..look });
    let fits = plain.width() + 3 + origin.width() <= look.width;
    let gap = if fits { "   " } else { "\n  " };
    let mut text = format!("{}{gap}{}\n", headline(status, troubles, look), quiet(&origin));
    let services = || stacks.iter().flat_map(|stack| &stack.services);
    let widths = (
        services().map(|service| service.name.chars().count()).max().unwrap_or(0),
        services()
            .map(|service| service.state.width())
            .filter(|width| *width <= STATE)
            .max()
            .unwrap_or(0),
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
    let StackStatus { name, file, sync, health, services, holds, suspended } = stack;
    let file = file.as_ref().map_or_else(String::new, |file| format!("   {}", clean(file)));
    let _ = writeln!(
        text,
        "\n{}  {}  {}{}",
        look.palette.paint(Role::Strong, &format!("stack {}", clean(name))),
        look.palette.paint(sync_role(*sync), &sync.to_string()),
        look.palette.paint(health_role(*health), &health.to_string()),
        look.palette.paint(Role::Quiet, &file),
    );
    if let Some(suspended) = suspended {
        let words = look.palette.paint(Role::Standing, "suspended");
        let _ = writeln!(text, "  {words} {}", clean(&suspended.to_string()));
    }
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
    let image = image.map_or_else(String::new, clean);
    let _ = write!(
        text,
        "  {:width$}  {}  {}",
        clean(name),
        look.palette.paint(sync_role(*sync), &format!("{sync:9}")),
        look.palette.paint(health_role(*health), &format!("{health:11}")),
    );
    let (state, column) = (clean(state), width + 28);
    let quiet = |words: &str| look.palette.paint(Role::Quiet, words);
    if column + state.width().max(states) + 2 + image.width() <= look.width {
        let image = quiet(&image);
        let _ = writeln!(text, "{}", format!("  {state:states$}  {image}").trim_end());
    } else if column + STATE <= look.width {
        // Below each other in the rest of the line.
        let lines = lines(&state, look.width - column, 0);
        let _ = writeln!(text, "  {}", lines.join(&format!("\n{:column$}", "")));
        if !image.is_empty() {
            let _ = writeln!(text, "{:column$}{}", "", quiet(&image));
        }
    } else {
        text.push('\n');
        text.push_str(&paragraph(&state, 4, Role::Plain, look));
        text.push_str(&paragraph(&image, 4, Role::Quiet, look));
    }
    if let Some(judged) = judged {
        text.push_str(&paragraphs(judged, Some(now), look));
    }
}
