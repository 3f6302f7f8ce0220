//! `skep run`: the controller, which keeps a Swarm as the stack files declare it for as long as it runs.

use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::history::{Keeper, Kept};
use crate::http::Shown;
use crate::local::{BindError, Socket, serve};
use crate::model::error::chain;
use crate::model::name::FleetName;
use crate::reconciler::controller::bell::{Bell, Trigger};
use crate::reconciler::controller::drift::DriftMode;
use crate::reconciler::controller::engine::Engine;
use crate::reconciler::controller::listen::listen;
use crate::reconciler::controller::metrics::{Exposition, Metrics};
use crate::reconciler::controller::pulse::Pulse;
use crate::reconciler::controller::run::{Controller, Identity, Instruments};
use crate::swarm::{Managers, Traffic};

use super::args::{GlobalArgs, PolicyArgs, StackArgs};
use super::controller::{
    Chronicle, RunSources, SettingsWatch, Sockets, Telling, Wanted, Web, access, history_file,
    in_small_pages, open_hooks, page, present, service,
};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::request::{fleet, resume};
use super::settings::Setup;
use super::signals::Signals;

/// Keep the Swarm as the stack files declare it, for as long as this runs
#[derive(Debug, Args)]
#[command(after_help = "\
It looks whenever there may be something to do: when a source changes, when the engine tells of a
change, while something is on its way, and every few minutes anyway. It says in the log what it
writes and why. What `skep plan` shows is what it would do; nothing is asked.

SIGHUP reads everything anew. The first SIGINT or SIGTERM ends it after the write that is under way,
the second at once. Nothing is lost in either case: it remembers nothing that matters.

Examples:
  skep run -c /etc/skep/skep.yaml
  skep run stacks/ --prune
  skep run stacks/ --drift report            show what somebody changes by hand, and leave it

Exit codes: 0 ended by a signal, 1 could not start, 64 usage, 130 ended at once.")]
pub(super) struct RunArgs {
    #[command(flatten)]
    stacks: StackArgs,

    #[command(flatten)]
    policy: PolicyArgs,

    /// What to do about changes that somebody made by hand: correct, report or off [default: the settings', else correct]
    #[arg(long, value_name = "MODE", hide_possible_values = true)]
    drift: Option<DriftMode>,
}

pub(super) async fn run(global: &GlobalArgs, args: &RunArgs) -> Result<ExitCode, CommandError> {
    in_small_pages();
    let StackArgs { paths, reading } = &args.stacks;
    let settings_watch = SettingsWatch::begin(global.config.as_deref(), paths);
    let setup = Setup::load(global.config.as_deref(), paths)?;
    setup.refuse_errors()?;
    let fleet = fleet(global, &setup.settings)?;
    let telling = Telling::of(&setup)?;
    let wanted = Wanted {
        global: global.clone(),
        fleet: fleet.clone(),
        paths: paths.clone(),
        reading: reading.clone(),
        policy: args.policy.clone(),
        drift: args.drift,
    };
    let socket = listener(&Sockets::of(&setup.settings, &fleet))?;
    let (bell, reading) = (Bell::default(), CancellationToken::new());
    let sources = RunSources::new(wanted, &setup, bell.clone(), reading.clone())?;
    let managers = Managers::new(engine::endpoints(global, &setup)?);
    let traffic: [Arc<Traffic>; 3] = Default::default();
    let [passed, heard, shown] = &traffic;
    let engine = Engine::new(managers.clone().counted(Arc::clone(passed)), engine::fresh_key()?);
    let instruments =
        Instruments { metrics: Metrics::default(), pulse: Pulse::new(Arc::clone(passed)) };
    let identity = Identity { resume: resume(global, &fleet), fleet: fleet.clone(), chance };
    let mut signals = Signals::new()?;
    let mut hang_up = signal(SignalKind::hangup())
        .map_err(|error| CommandError::failed(error).context("cannot wait for signals"))?;
    let (reopened, (stop, stopped)) = (engine.reopened(), watch::channel(false));
    let (asks, asked) = mpsc::channel(16);
    let addresses = managers.known().iter().map(|manager| manager.endpoint.address.to_string());
    let addresses = addresses.collect::<Vec<_>>().join(", ");
    tracing::info!(fleet = %identity.fleet, engine = addresses, "skep {} begins", env!("CARGO_PKG_VERSION"));
    let (controller, mut reports) = Controller::new(identity, sources, engine, instruments.clone());
    let kept = keeper(&setup, &fleet, &instruments.metrics).await?;
    let chronicle = Chronicle::start(reports.clone(), kept, |known| {
        let metrics = &instruments.metrics;
        telling.map(|telling| telling.notifier(&fleet, metrics, chance, known))
    });
    let answered = reports.clone();
    let counts = setup.settings.status.as_ref().and_then(|of| of.metrics).unwrap_or(true);
    let metrics = counts
        .then(|| Exposition::new(&instruments.metrics, reports.clone(), traffic.clone().into()));
    let pulse = instruments.pulse;
    let shown = Shown {
        reports: reports.clone(),
        pulse: pulse.clone(),
        metrics,
        access: access(&setup)?,
        hooks: open_hooks(&setup, &bell)?,
        page: page(&setup.settings, managers.clone().counted(Arc::clone(shown)), chronicle.news()),
    };
    let web = Web::start(&setup.settings, shown).await?;
    let interrupted = async {
        signals.next().await;
        tracing::info!("stopping after the write that is under way; once more stops at once");
        service::stopping();
        stop.send_replace(true);
        reading.cancel();
        signals.next().await;
    };
    let reloads = async {
        while hang_up.recv().await.is_some() {
            tracing::info!("reading the settings and every source anew");
            service::reloading();
            bell.ring(Trigger::Everything);
            service::ready();
        }
        std::future::pending::<()>().await;
    };
    let tells = async {
        service::ready();
        while reports.changed().await.is_ok() {
            let line = reports.borrow_and_update().line();
            service::status(&line);
        }
        std::future::pending::<()>().await;
    };
    let answers = async {
        match &socket {
            Some(socket) => serve(socket, answered, asks, present).await,
            None => std::future::pending().await,
        }
    };
    let code = tokio::select! {
        () = controller.run(&bell, asked, stopped) => ExitCode::Fine,
        () = interrupted => ExitCode::Interrupted,
        () = reloads => ExitCode::Bug,
        () = tells => ExitCode::Bug,
        () = service::live(&pulse) => ExitCode::Bug,
        () = answers => ExitCode::Bug,
        () = settings_watch.ring(&bell) => ExitCode::Bug,
        () = listen(managers.counted(Arc::clone(heard)), bell.clone(), &reopened, chance) => ExitCode::Bug,
    };
    chronicle.end().await;
    web.end().await;
    tracing::info!("skep ends");
    Ok(code)
}

/// What keeps the history, unless the settings say that nothing is kept.
async fn keeper(
    setup: &Setup,
    fleet: &FleetName,
    metrics: &Metrics,
) -> Result<Option<(Keeper, Kept)>, CommandError> {
    let history = setup.settings.history.clone().unwrap_or_default();
    let Some(path) = history_file(setup, fleet)? else { return Ok(None) };
    Ok(Some(Keeper::start(path, history.limits(), metrics.clone()).await))
}

/// The socket on which the controller is asked. Without one it works all the same, but not twice.
fn listener(sockets: &Sockets) -> Result<Option<Socket>, CommandError> {
    match Socket::bind(&sockets.own, &sockets.others) {
        Ok(socket) => Ok(Some(socket)),
        Err(error @ BindError::Taken(_)) => Err(CommandError::failed(error)
            .hint("one controller looks after all sources of a fleet; skep status asks it")),
        Err(error @ BindError::Bind { .. }) => {
            let reason = chain(&error);
            tracing::warn!(
                "nobody can ask this controller: {reason} (the key `socket` names another place)"
            );
            Ok(None)
        }
    }
}

/// A number from 0 to 1. It spreads times; nothing secret depends on it.
fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
