//! `skep routes`: who answers for which host and path, and whether Caddy has it as declared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use crate::diff::document::StackSection;
use crate::model::error::chain;
use crate::model::name::{FleetName, StackName};
use crate::proxy::{Compiled, EntryAddress, HandshakeError, reach, shown_certificate};
use crate::reconciler::caddy::{ProxyAim, Sight};
use crate::reconciler::pass::Reader;
use crate::reconciler::plan::Learned;
use crate::reconciler::policy::ResolveImage;
use crate::reconciler::record;
use crate::reconciler::route_status::{
    self, CertificateStatus, Declared, Known, RouteState, RouteStatus, Routes,
};
use crate::reconciler::status::{self, Status};
use crate::swarm::Observer;

use super::args::{GlobalArgs, PolicyArgs, ReadingArgs};
use super::engine;
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::{Format, json};
use super::known;
use super::load::Stacks;
use super::output::{self, Output};
use super::proxy::DeclaredProxy;
use super::request::{Showing, fleet, request};
use super::routes_text::text;
use super::settings::Setup;

/// Why there are no routes where nobody says which Caddy is meant.
const NO_PROXY: &str = "no proxy is configured: --caddy URL, or `proxy` in the settings";
/// How many handshakes are made at a time.
const HANDSHAKES: usize = 8;

/// Show the routes: who answers, whether Caddy has them as declared, and their certificates
#[derive(Debug, Args)]
#[command(after_help = "\
Caddy and the engine are asked, and nothing is written. With --path, or where the settings name a
source, routes are compared with what the stack files declare; otherwise those are shown that Caddy
has. Certificates are read from a TLS handshake with the entry point, whoever issued them.

States: live, drifted (Caddy has it otherwise), missing (it comes with the next apply), held
(something is in the way of it), undeclared (no stack file has it any more), unknown.

Examples:
  skep routes
  skep routes shop --path stacks/
  skep routes --entry 203.0.113.7 --format json

Exit codes: 0; with --exit-code also 4 a target that is not healthy, a certificate that clients do
not take or an entry point that is not there, 2 a route that is not live, and 1 where Caddy cannot be
asked.")]
pub(super) struct RoutesArgs {
    /// Stacks to show [default: all of the fleet]
    #[arg(value_name = "STACK")]
    names: Vec<StackName>,

    /// Stack files, or directories of stacks, to compare with [default: the source in the settings]
    #[arg(long, short = 'p', value_name = "PATH")]
    path: Vec<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,

    /// Where clients reach Caddy with TLS [default: `proxy.entry` of the settings, else the
    /// machine of its admin API; and the port in the settings]
    #[arg(long, value_name = "HOST[:PORT]")]
    entry: Option<EntryAddress>,

    /// Exit with another code than 0 when something is not as it should be
    #[arg(long)]
    exit_code: bool,

    /// Form of the routes: text or json
    #[arg(long, value_name = "FORM", default_value = "text", hide_possible_values = true)]
    format: Format,
}

/// What the stack files, the settings, the engine and Caddy tell.
struct Told {
    fleet: FleetName,
    aim: Option<ProxyAim>,
    sight: Sight,
    status: Status,
    /// What is declared, and the plan of it, if there are stack files to compare with.
    declared: Option<(Arc<Compiled>, Vec<StackSection>)>,
    /// The stacks that other sources declare.
    elsewhere: BTreeSet<String>,
}

pub(super) async fn routes(
    global: &GlobalArgs,
    args: &RoutesArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let Told { fleet, aim, sight, status, declared, elsewhere } =
        Box::pin(told(global, args, output)).await?;
    let compared = declared.as_ref().map(|(compiled, plan)| [Declared { compiled, plan }]);
    let known = Known {
        fleet: &fleet,
        live: sight.live().map(AsRef::as_ref),
        declared: compared.as_ref().map(<[_; 1]>::as_slice),
        elsewhere: &elsewhere,
        status: &status,
    };
    let routes = Routes {
        format_version: route_status::FORMAT_VERSION,
        fleet: fleet.to_string(),
        proxy: aim.as_ref().map(|aim| aim.address.endpoint.to_string()),
        problem: match &sight {
            Sight::Nowhere | Sight::Unseen => Some(NO_PROXY.to_owned()),
            Sight::Lost(reason) => Some(reason.clone()),
            Sight::Seen(_) => None,
        },
        entry_problem: None,
        compared: declared.is_some(),
        routes: route_status::fold(&known),
    };
    let stacks = status.stacks.iter().map(|stack| stack.name.clone());
    let names = stacks.chain(routes.routes.iter().map(|route| route.stack.clone())).collect();
    known::check(args.names.iter().map(StackName::as_str), &names, fleet.as_str())?;
    let mut routes = routes.only(&args.names.iter().cloned().collect());
    if let (Some(aim), Some(live)) = (&aim, sight.live()) {
        let entry = aim.entry(args.entry.as_ref(), live);
        let looked = look_at_certificates(&mut routes.routes, &entry).await;
        routes.entry_problem = looked.err().map(|error| chain(&error));
    }
    output.result(&match args.format {
        Format::Text => text(&routes, Timestamp::now(), output.look()),
        Format::Json => json(&routes)?,
    })?;
    Ok(if args.exit_code { exit(&routes) } else { ExitCode::Fine })
}

async fn told(
    global: &GlobalArgs,
    args: &RoutesArgs,
    output: &Output,
) -> Result<Told, CommandError> {
    let setup = Setup::load(global.config.as_deref(), &args.path)?;
    setup.refuse_errors()?;
    let connection = engine::connect(global, &args.path).await?;
    if args.path.is_empty() && setup.settings.sources.is_empty() {
        let fleet = fleet(global, &setup.settings)?;
        let aim = DeclaredProxy::of(&setup).aim(global.caddy.as_ref())?;
        let engine = Observer::new(connection.clone())?;
        let sight = Reader::new(connection)?.look_at_proxy(aim.as_ref()).await;
        let mut observed = engine.observe().await?;
        observed.workload = Some(engine.workload(&observed).await?);
        let status = status::fold(&observed, &fleet, None, &setup.settings.sensitivity());
        let elsewhere = BTreeSet::new();
        return Ok(Told { fleet, aim, sight, status, declared: None, elsewhere });
    }
    let mut stacks = Stacks::read(global, &args.path, &args.reading).await?;
    stacks.accept_emptiness();
    output::talk(&stacks.findings_text(output.talk_look()));
    let policy = PolicyArgs { resolve_image: Some(ResolveImage::Never), ..PolicyArgs::default() };
    let showing = Showing::default();
    let request = request(global, &args.path, &args.reading, &policy, stacks, None, showing)?;
    let reader = Reader::new(connection)?;
    let (plan, observed) = reader.judge(&request, &Learned::default()).await?;
    let sight = reader.look_at_proxy(request.proxy.as_ref()).await;
    let fleet = request.scope.fleet.clone();
    let status = status::fold(&observed, &fleet, Some(&plan), &request.view.sensitivity);
    let declared = Some((plan.compiled, plan.document.stacks));
    let record = record::find(&observed.configs, &fleet);
    let sources = BTreeSet::from([&request.scope.source]);
    let elsewhere = record.map(|record| route_status::elsewhere(&record.routed, &sources));
    let elsewhere = elsewhere.unwrap_or_default();
    Ok(Told { fleet, aim: request.proxy, sight, status, declared, elsewhere })
}

/// Looks at the certificate of every host of which Caddy has a route, each once.
///
/// # Errors
/// When the entry point is not there; then it is not asked for each of them.
async fn look_at_certificates(
    routes: &mut [RouteStatus],
    address: &str,
) -> Result<(), HandshakeError> {
    let names: BTreeSet<String> = routes.iter().filter_map(RouteStatus::name_to_ask).collect();
    if names.is_empty() {
        return Ok(());
    }
    reach(address).await?;
    let look = |name: String| async move {
        let shown = shown_certificate(address, &name).await;
        (name, shown)
    };
    let shown: BTreeMap<String, Result<_, HandshakeError>> =
        stream::iter(names).map(look).buffer_unordered(HANDSHAKES).collect().await;
    let now = Timestamp::now();
    for route in routes {
        let Some(shown) = route.name_to_ask().and_then(|name| shown.get(&name)) else { continue };
        route.certificate = Some(CertificateStatus::of(shown, now));
    }
    Ok(())
}

fn exit(routes: &Routes) -> ExitCode {
    let asked = match (&routes.problem, &routes.entry_problem) {
        (Some(_), _) => ExitCode::Failed,
        (None, Some(_)) => ExitCode::NotHealthy,
        (None, None) => ExitCode::Fine,
    };
    let of_route = |route: &RouteStatus| {
        let health = if route.is_unwell() { ExitCode::NotHealthy } else { ExitCode::Fine };
        let is_live = route.state == RouteState::Live;
        health.worst(if is_live { ExitCode::Fine } else { ExitCode::ChangesPending })
    };
    routes.routes.iter().map(of_route).fold(asked, ExitCode::worst)
}
