//! `skep logs`: what the tasks of a stack write, without its secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::diff::mask::Scrub;
use crate::diff::render::{Look, Role, clean};
use crate::model::error::chain;
use crate::model::live::{LiveService, Observed, Task};
use crate::model::nanos::Nanos;
use crate::reconciler::lines::{Line, Lines};
use crate::reconciler::logs::seen;
use crate::reconciler::pass::scrub;
use crate::reconciler::status;
use crate::swarm::{LogWish, Logged, Observer, ServiceLog, SwarmError};

use super::apply::parse_timeout;
use super::args::{GlobalArgs, PolicyArgs, ReadingArgs};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::known;
use super::load::Stacks;
use super::output::{self, Output};
use super::request::{Showing, fleet, request};
use super::retry::Target;
use super::settings::Setup;

/// How many lines may wait to be printed.
const WAITING: usize = 1024;

/// Show what the tasks of a stack write
#[derive(Debug, Args)]
#[command(after_help = "\
Secrets are masked: values of variables with telling names and passwords in addresses, of the
services as they run; with --path also those of secrets that the stack files declare.

Examples:
  skep logs shop -f
  skep logs shop/web --tail 100 --since 1h

Exit codes: 0, or 1 when a log cannot be read.")]
pub(super) struct LogsArgs {
    /// Stack, or one service of it by its key in the file
    #[arg(value_name = "STACK[/SERVICE]")]
    target: Target,

    /// Go on with what is written from now on
    #[arg(long, short = 'f')]
    follow: bool,

    /// How many lines of each task, the newest [default: all]
    #[arg(long, short = 'n', value_name = "NUMBER")]
    tail: Option<u32>,

    /// Nothing that was written longer ago than this, such as 10m or 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_timeout)]
    since: Option<Nanos>,

    /// Stack files, or directories of stacks, whose secrets are masked, too
    #[arg(long, short = 'p', value_name = "PATH")]
    path: Vec<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,
}

pub(super) async fn logs(
    global: &GlobalArgs,
    args: &LogsArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let setup = Setup::load(global.config.as_deref(), &[])?;
    let fleet = fleet(global, &setup.settings)?;
    let engine = Observer::new(engine::connect(global, &args.path).await?)?;
    let mut observed = engine.observe().await?;
    observed.workload = Some(engine.workload(&observed).await?);
    let mut scrub = secrets(global, args, &observed, &setup, output.talk_look()).await?;
    let status = status::fold(&observed, &fleet, None, &setup.settings.sensitivity());
    let known = status.stacks.iter().map(|stack| stack.name.clone()).collect();
    known::check([args.target.stack.as_str()], &known, fleet.as_str())?;
    let names = services(&status, &args.target)?;
    let is_meant = |service: &&LiveService| names.contains(&service.spec.name);
    let services: Vec<&LiveService> = observed.services.iter().filter(is_meant).collect();
    let tasks = Tasks::of(&observed);
    for service in &services {
        scrub = scrub.with_service(&service.spec);
    }
    for task in observed.workload.iter().flat_map(|workload| &workload.tasks) {
        if services.iter().any(|service| service.id == task.service_id) {
            scrub = scrub.with_template(&task.template);
        }
    }
    let since = args.since.map(Nanos::to_std).map(ago);
    let wish = LogWish { follow: args.follow, tail: args.tail, since };
    let scrub = Arc::new(scrub);
    let (tell, mut told) = mpsc::channel(WAITING);
    for service in services {
        let container = service.spec.task_template.container_spec.as_ref();
        let has_terminal = container.is_some_and(|container| container.tty);
        let log = engine.service_log(&service.id, has_terminal, wish).await?;
        let name = short(&service.spec.name, &args.target);
        tokio::spawn(read(name, log, Lines::new(Arc::clone(&scrub)), tell.clone()));
    }
    drop(tell);
    let mut code = ExitCode::Fine;
    while let Some((name, told)) = told.recv().await {
        let fault = match told {
            Told::Line(line) => {
                let who = output.look().palette.paint(Role::Quiet, &tasks.who(&name, &line));
                output.result(&format!("{who} | {}\n", line.text))?;
                None
            }
            Told::Complaint(words) => {
                Some(format!("cannot be read whole: {}", seen(&words, &scrub)))
            }
            Told::Broken(error) => Some(format!("breaks off: {}", clean(&chain(&error)))),
        };
        if let Some(fault) = fault {
            code = ExitCode::Failed;
            output::talk(&format!("the log of {} {fault}\n", clean(&name)));
        }
        if output.is_closed() {
            break;
        }
    }
    Ok(code)
}

/// What takes secrets out of lines: it knows those that `--path` declares.
async fn secrets(
    global: &GlobalArgs,
    args: &LogsArgs,
    observed: &Observed,
    setup: &Setup,
    look: Look,
) -> Result<Scrub, CommandError> {
    if args.path.is_empty() {
        return Ok(Scrub::new(setup.settings.sensitivity()));
    }
    let stacks = Stacks::read(global, &args.path, &args.reading).await?;
    output::talk(&stacks.findings_text(look));
    let policy = PolicyArgs::default();
    let showing = Showing::default();
    let request = request(global, &args.path, &args.reading, &policy, stacks, None, showing)?;
    Ok(scrub(&request, observed))
}

/// The full names of the services that `target` means.
fn services(status: &status::Status, target: &Target) -> Result<BTreeSet<String>, CommandError> {
    let Target { stack, service } = target;
    let of_stack = status.stacks.iter().filter(|status| status.name == stack.as_str());
    let all: BTreeSet<String> =
        of_stack.flat_map(|stack| &stack.services).map(|service| service.name.clone()).collect();
    let Some(service) = service else { return Ok(all) };
    let name = format!("{stack}_{service}");
    if all.contains(&name) {
        return Ok(BTreeSet::from([name]));
    }
    let known: Vec<&str> = all.iter().map(String::as_str).collect();
    let message = format!("there is no service {name}");
    let error = CommandError::failed(anyhow::Error::msg(message));
    Err(error.hint(format!("those of stack {stack} are {}", known.join(", "))))
}

/// The moment that was this long ago.
fn ago(time: Duration) -> Timestamp {
    let now = Timestamp::now();
    now.checked_sub(time).unwrap_or(now)
}

/// The name of a service within its stack.
fn short(name: &str, target: &Target) -> String {
    let own = name.strip_prefix(target.stack.as_str()).and_then(|rest| rest.strip_prefix('_'));
    own.unwrap_or(name).to_owned()
}

/// What is told of a log.
enum Told {
    Line(Line),
    /// What the Engine cannot read of it, in its own words.
    Complaint(String),
    Broken(SwarmError),
}

/// Reads a log to its end, or until nobody listens.
async fn read(
    name: String,
    mut log: ServiceLog,
    mut lines: Lines,
    tell: mpsc::Sender<(String, Told)>,
) {
    let broken = loop {
        let logged = match log.next().await {
            Ok(Some(logged)) => logged,
            Ok(None) => break None,
            Err(error) => break Some(Told::Broken(error)),
        };
        for logged in logged {
            let told = match logged {
                Logged::Piece(piece) => lines.add(piece).map(Told::Line),
                Logged::Complaint(words) => Some(Told::Complaint(words)),
            };
            if let Some(told) = told
                && tell.send((name.clone(), told)).await.is_err()
            {
                return;
            }
        }
    };
    for told in lines.end().into_iter().map(Told::Line).chain(broken) {
        if tell.send((name.clone(), told)).await.is_err() {
            return;
        }
    }
}

/// The numbers of tasks among replicas, by id.
struct Tasks(BTreeMap<String, u64>);

impl Tasks {
    fn of(observed: &Observed) -> Self {
        let tasks = observed.workload.iter().flat_map(|workload| &workload.tasks);
        Self(tasks.map(|task: &Task| (task.id.clone(), task.slot)).collect())
    }

    /// Who wrote a line: `web.1`, or the beginning of the task's id where it has no number or is newer than we know.
    fn who(&self, service: &str, line: &Line) -> String {
        let Some(task) = &line.task else { return clean(service) };
        let known = self.0.get(task).filter(|slot| **slot > 0).map(ToString::to_string);
        let number = known.unwrap_or_else(|| clean(&task.chars().take(8).collect::<String>()));
        format!("{}.{number}", clean(service))
    }
}
