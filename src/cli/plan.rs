//! `skep plan`: what an apply would do, and what it would cost.

use std::fs;
use std::mem;
use std::panic;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use clap::{Args, ValueEnum};
use tokio::runtime::Runtime;

use crate::diff::render;
use crate::model::live::{Live, Observed};
use crate::model::store::ConfigSpec;
use crate::proxy::{self as caddy, Features};
use crate::reconciler::caddy::Sight;
use crate::reconciler::outcome::{self, Verdict};
use crate::reconciler::pass::{self, Reader, Request};
use crate::reconciler::plan::{Images, Learned, Plan};
use crate::reconciler::record;
use crate::swarm::snapshot;

use super::args::{GlobalArgs, PolicyArgs, StackArgs};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::json;
use super::load::Stacks;
use super::output::{self, Output};
use super::request::{Showing, request};
use super::saved::{self, Made};
use super::suspended;
use super::{block_on, runtime};

/// Show what would change, which tasks would restart, and why; nothing is written
#[derive(Debug, Args)]
#[command(after_help = "\
The stack files are compared with what the Swarm runs. Values of sensitive names are masked; equal
numbers stand for equal values.

Examples:
  skep plan stacks/                          everything in a directory of stacks
  skep plan shop/stack.yaml --name shop-eu   one stack, under another name
  skep plan stacks/ --format markdown        for a pull request
  skep plan stacks/ --live swarm.json        against a file of skep observe
  skep plan stacks/ --live swarm.json --live-caddy caddy.json
  skep plan stacks/ --out shop.plan          to be done later, by skep apply shop.plan

Exit codes: 0 planned, 1 failed, or errors in stack files. With --detailed-exitcode also
2 changes are pending, 5 a guard blocks changes.")]
pub(super) struct PlanArgs {
    #[command(flatten)]
    stacks: StackArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    /// Form of the plan: text, json or markdown
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: PlanFormat,

    /// Exit with 2 when changes are pending, and with 5 when a guard blocks changes
    #[arg(long)]
    detailed_exitcode: bool,

    /// Plan against a file of skep observe instead of an engine
    #[arg(long, value_name = "FILE", conflicts_with = "host")]
    live: Option<PathBuf>,

    /// With --live: plan routes against a file of Caddy's configuration, as GET /config/ of its admin API gives it
    #[arg(long, value_name = "FILE", requires = "live", conflicts_with = "caddy")]
    live_caddy: Option<PathBuf>,

    /// Save the plan to a file, for skep apply FILE to do just that
    #[arg(long, value_name = "FILE", conflicts_with_all = ["live", "show_sensitive"])]
    out: Option<PathBuf>,

    /// Show the lines of configs that differ
    #[arg(long)]
    diff_configs: bool,

    /// Show environment values of sensitive names; only on a terminal, and never the data of secrets
    #[arg(long)]
    show_sensitive: bool,
}

/// The forms of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// For people.
    Text,
    /// For programs; `skep schema plan` prints its layout.
    Json,
    /// For pull requests.
    Markdown,
}

pub(super) fn plan(
    global: &GlobalArgs,
    args: &PlanArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    if args.show_sensitive && !(output.is_terminal() && args.format == PlanFormat::Text) {
        return Err(CommandError::usage("--show-sensitive is for text on a terminal only"));
    }
    let engine = Arc::new(runtime()?);
    let (observing, records) = observe_aside(&engine, global, args);
    // In a runtime of their own: whoever waits in the other one would wait for the files to be read, too.
    let mut stacks = block_on(Stacks::read(global, &args.stacks.paths, &args.stacks.reading))?;
    stacks.accept_emptiness();
    let invalid = stacks.has_errors();
    let sources = stacks.sources();
    let mut showing =
        Showing { reveal: args.show_sensitive, contents: args.diff_configs, findings: Vec::new() };
    match args.format {
        PlanFormat::Text => output::talk(&stacks.findings_text(output.talk_look())),
        PlanFormat::Json | PlanFormat::Markdown => showing.findings.clone_from(&stacks.findings),
    }
    let request = request(
        global,
        &args.stacks.paths,
        &args.stacks.reading,
        &args.policy,
        stacks,
        None,
        showing,
    )?;
    // Without records there was no observation; what became of it comes next.
    let desired = records.recv().map(|records| pass::declare(&request, &records));
    let desired = desired.unwrap_or_default();
    let learned = Learned::default();
    let seen = observing.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
    let (plan, observed) = match seen? {
        (observed, Some(reader)) => {
            let sight = engine.block_on(reader.look_at_proxy(request.proxy.as_ref()));
            engine.block_on(reader.plan_from(observed, &sight, &desired, &request, &learned))?
        }
        (observed, None) => {
            let (images, sight) = (Images::default(), recorded_proxy(args, &request)?);
            (pass::decide(&request, &desired, &observed, &sight, &images, &learned), observed)
        }
    };
    output.result(&match args.format {
        PlanFormat::Text => render::text(&plan.document, output.look()),
        PlanFormat::Json => json(&plan.document)?,
        PlanFormat::Markdown => render::markdown(&plan.document),
    })?;
    suspended::tell(global, &request.scope.fleet, &plan.document, &observed);
    if let Some(path) = &args.out {
        if invalid {
            return Err(CommandError::failed(anyhow::Error::msg(
                "the plan was not saved: stack files have errors",
            )));
        }
        let made = Made { fleet: &request.scope.fleet, plan: &plan, observed: &observed };
        saved::save(path, global, &args.stacks, &args.policy, &sources, &made)?;
        let shown = path.display();
        output::talk(&format!("The plan is saved in {shown}; skep apply {shown} does it.\n"));
    }
    let code = exit(&plan, invalid, args.detailed_exitcode);
    // The program ends here, and the system takes all memory back at once; object by object takes longer.
    mem::forget((plan, desired, observed, request));
    Ok(code)
}

/// What a Swarm holds, and who asks it for more; nobody does where a file of `skep observe` stands for it.
type Seen = (Observed, Option<Reader>);

/// The configs that hold the records of fleets.
type Records = Vec<Live<ConfigSpec>>;

/// Observes the Swarm while the files are read: with many services either takes a while. What is wrong with the files
/// is told without waiting for an engine that may not even be there, and what they declare is worked out as soon as the
/// records are known.
fn observe_aside(
    runtime: &Arc<Runtime>,
    global: &GlobalArgs,
    args: &PlanArgs,
) -> (JoinHandle<Result<Seen, CommandError>>, Receiver<Records>) {
    let (runtime, global, live) = (Arc::clone(runtime), global.clone(), args.live.clone());
    let paths = args.stacks.paths.clone();
    let (sender, records) = mpsc::channel();
    let observing = move || runtime.block_on(observe(&global, &paths, live.as_deref(), sender));
    (thread::spawn(observing), records)
}

async fn observe(
    global: &GlobalArgs,
    paths: &[PathBuf],
    live: Option<&Path>,
    records: Sender<Records>,
) -> Result<Seen, CommandError> {
    // Nobody listens any more if something was wrong with the files.
    let tell = |found| drop(records.send(found));
    if let Some(path) = live {
        let observed = recorded(path)?;
        tell(record::only_records(&observed.configs));
        return Ok((observed, None));
    }
    let reader = Reader::new(engine::connect(global, paths).await?)?;
    Ok((reader.observe(tell).await?, Some(reader)))
}

/// The observation in a file of `skep observe`.
fn recorded(path: &Path) -> Result<Observed, CommandError> {
    let observed = fs::read_to_string(path)
        .map_err(anyhow::Error::from)
        .and_then(|text| snapshot::read(&text).map_err(anyhow::Error::from));
    observed.map_err(|error| {
        CommandError::failed(error).context(format!("cannot read {}", path.display()))
    })
}

/// What stands for the proxy where a file stands for the Swarm.
fn recorded_proxy(args: &PlanArgs, request: &Request) -> Result<Sight, CommandError> {
    let Some(path) = &args.live_caddy else {
        return Ok(if request.proxy.is_some() { Sight::Unseen } else { Sight::Nowhere });
    };
    let config = fs::read(path)
        .map_err(anyhow::Error::from)
        .and_then(|text| serde_json::from_slice(&text).map_err(anyhow::Error::from));
    let config = config.map_err(|error| {
        CommandError::failed(error).context(format!("cannot read {}", path.display()))
    })?;
    let live = caddy::Live { config, etag: None, features: Features::MODERN };
    Ok(Sight::Seen(Arc::new(live)))
}

fn exit(plan: &Plan, invalid: bool, detailed: bool) -> ExitCode {
    let mut code = if invalid { ExitCode::Failed } else { ExitCode::Fine };
    if detailed && plan.document.summary.pending() > 0 {
        code = code.worst(ExitCode::ChangesPending);
    }
    match outcome::verdict(plan) {
        Verdict::Failed => code.worst(ExitCode::Failed),
        Verdict::Blocked if detailed => code.worst(ExitCode::Blocked),
        Verdict::Done | Verdict::Unhealthy | Verdict::Blocked => code,
    }
}
