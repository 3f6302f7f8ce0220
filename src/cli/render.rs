//! `skep render`: the objects that stack files ask for, without an engine.

use clap::Args;
use serde::Serialize;

use crate::model::desired::{DesiredObject, DesiredService, DesiredStack};
use crate::model::network::NetworkSpec;
use crate::model::service::ServiceSpec;
use crate::model::store::{ConfigSpec, SecretSpec};
use crate::spec::desired::{Identity, world};

use super::args::{GlobalArgs, PolicyArgs, StackArgs};
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::json;
use super::load::Stacks;
use super::output::{self, Output};
use super::request::{Showing, request};

/// The version of the layout.
const FORMAT_VERSION: u32 = 1;

/// Show the Swarm objects that stack files ask for, without an engine
#[derive(Debug, Args)]
#[command(after_help = "\
Each object is the body of the Engine's create request; networks, configs and secrets are referred
to by name. Secret data is never shown, and as its hash is made with a key that the Swarm holds, the
name of a secret ends in \"<hash>\". The environment is shown as the files have it.

Examples:
  skep render stacks/shop
  skep render stacks/ --format json | jq '.stacks[].services[].Name'")]
pub(super) struct RenderArgs {
    #[command(flatten)]
    stacks: StackArgs,

    /// Form of the objects: yaml or json
    #[arg(long, value_name = "FORM", default_value = "yaml", hide_possible_values = true)]
    format: RenderFormat,
}

/// The forms of rendered objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RenderFormat {
    Yaml,
    Json,
}

#[derive(Serialize)]
struct Rendered<'a> {
    format_version: u32,
    stacks: Vec<RenderedStack<'a>>,
}

#[derive(Serialize)]
struct RenderedStack<'a> {
    name: &'a str,
    networks: Vec<&'a NetworkSpec>,
    configs: Vec<&'a ConfigSpec>,
    secrets: Vec<&'a SecretSpec>,
    services: Vec<&'a ServiceSpec>,
    /// There are no routes in this version; the key is there so that readers need not ask.
    routes: [(); 0],
}

pub(super) fn render(
    global: &GlobalArgs,
    args: &RenderArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let stacks = Stacks::load(global, &args.stacks.paths, &args.stacks.reading)?;
    output::talk(&stacks.findings_text(output.talk_look()));
    let code = if stacks.has_errors() { ExitCode::Failed } else { ExitCode::Fine };
    let policy = PolicyArgs::default();
    let request = request(
        global,
        &args.stacks.paths,
        &args.stacks.reading,
        &policy,
        stacks,
        None,
        Showing::default(),
    )?;
    let identity =
        Identity { fleet: &request.scope.fleet, source: &request.scope.source, key: None };
    let mut desired = world(&request.stacks, &identity);
    request.lock.pin(&mut desired);
    let rendered = Rendered {
        format_version: FORMAT_VERSION,
        stacks: desired.stacks.values().map(rendered).collect(),
    };
    let text = match args.format {
        RenderFormat::Json => json(&rendered)?,
        RenderFormat::Yaml => serde_yaml::to_string(&rendered)
            .map_err(|error| CommandError::failed(error).context("cannot write the YAML"))?,
    };
    output.result(&text)?;
    Ok(code)
}

fn rendered(stack: &DesiredStack) -> RenderedStack<'_> {
    let DesiredStack {
        name,
        source: _,
        file: _,
        policy: _,
        networks,
        configs,
        secrets,
        services,
        externals: _,
    } = stack;
    RenderedStack {
        name: name.as_str(),
        networks: specs(networks),
        configs: specs(configs),
        secrets: specs(secrets),
        services: services.iter().map(|DesiredService { spec, .. }| spec).collect(),
        routes: [],
    }
}

fn specs<S>(objects: &[DesiredObject<S>]) -> Vec<&S> {
    objects.iter().map(|object| &object.spec).collect()
}
