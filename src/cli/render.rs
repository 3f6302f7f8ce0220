//! `skep render`: the objects that stack files ask for, without an engine.

use clap::Args;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::diff::mask::Sensitivity;
use crate::diff::render::clean;
use crate::model::desired::{DesiredObject, DesiredService, DesiredStack};
use crate::model::network::NetworkSpec;
use crate::model::service::ServiceSpec;
use crate::model::store::{ConfigSpec, SecretSpec};
use crate::proxy::{Compiled, Features, Refused, StackObjects, compile};
use crate::spec::desired::{Identity, world};

use super::args::{GlobalArgs, PolicyArgs, StackArgs};
use super::error::CommandError;
use super::exit::ExitCode;
use super::format::json;
use super::load::Stacks;
use super::output::{self, Output};
use super::proxy::DeclaredProxy;
use super::request::{Showing, request};

/// The version of the layout.
const FORMAT_VERSION: u32 = 1;

/// Show the Swarm objects that stack files ask for, without an engine
#[derive(Debug, Args)]
#[command(after_help = "\
Each object is the body of the Engine's create request; networks, configs and secrets are referred
to by name. Routes are shown as a Caddy of 2.8 or newer gets them. Secret data is never shown, and as its hash is made with a key that the Swarm holds, the
name of a secret ends in \"<hash>\". The environment is shown as the files have it.
`skep schema render` prints the layout.

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

/// The objects that stack files ask for, as bodies of the Engine's create requests.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "skep render")]
struct Rendered<'a> {
    /// Layout of this document; it moves when a reader of the old one would misread the new one.
    format_version: u32,
    /// The stacks, by name.
    stacks: Vec<RenderedStack<'a>>,
}

/// The objects of one stack.
#[derive(Serialize, JsonSchema)]
struct RenderedStack<'a> {
    /// Its name.
    name: &'a str,
    /// Networks that it makes; those of others are referred to by name.
    networks: Vec<&'a NetworkSpec>,
    /// Configs that it makes.
    configs: Vec<&'a ConfigSpec>,
    /// Secrets that it makes, their data masked; the fingerprint in a name reads `<hash>`.
    secrets: Vec<&'a SecretSpec>,
    /// Services.
    services: Vec<&'a ServiceSpec>,
    /// Routes as Caddy has them, in the order in which it asks; hashes of passwords masked.
    routes: Vec<Value>,
    /// Policies of Caddy's `tls` app: where certificates of the stack's hosts come from, if the stack or the settings say
    /// something about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tls_policies: Vec<Value>,
    /// Certificates that Caddy's `tls` app loads from files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<Value>,
}

/// The JSON Schema of the document.
pub(super) fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Rendered<'_>>()
}

pub(super) async fn render(
    global: &GlobalArgs,
    args: &RenderArgs,
    output: &mut Output,
) -> Result<ExitCode, CommandError> {
    let mut stacks = Stacks::read(global, &args.stacks.paths, &args.stacks.reading).await?;
    output::talk(&stacks.findings_text(output.talk_look()));
    // Nothing is asked of the proxy, wherever it is.
    stacks.proxy = DeclaredProxy::default();
    let policy = stacks.settings.proxy.as_ref().map(|proxy| proxy.policy.clone());
    let code = if stacks.has_errors() { ExitCode::Failed } else { ExitCode::Fine };
    let request = request(
        global,
        &args.stacks.paths,
        &args.stacks.reading,
        &PolicyArgs::default(),
        stacks,
        None,
        Showing::default(),
    )?;
    let identity =
        Identity { fleet: &request.scope.fleet, source: &request.scope.source, key: None };
    let mut desired = world(&request.stacks, &identity);
    desired.stacks.values_mut().for_each(|stack| request.lock.pin(stack));
    let policy = policy.unwrap_or_default();
    let compiled = compile(&desired, &request.scope.fleet, &policy, Features::MODERN);
    tell_of_refused(&compiled);
    let rendered = Rendered {
        format_version: FORMAT_VERSION,
        stacks: desired
            .stacks
            .values()
            .map(|stack| rendered(stack, &compiled, &request.view.sensitivity))
            .collect(),
    };
    let text = match args.format {
        RenderFormat::Json => json(&rendered)?,
        RenderFormat::Yaml => serde_yaml::to_string(&rendered)
            .map_err(|error| CommandError::failed(error).context("cannot write the YAML"))?,
    };
    output.result(&text)?;
    Ok(code)
}

/// Tells of routes for which there is no object.
fn tell_of_refused(compiled: &Compiled) {
    for Refused { stack, route, reason, place } in &compiled.refused {
        let words = format!("{place}: the route {route} of stack {stack} is left out: {reason}");
        output::talk(&format!("warning: {}\n", clean(&words)));
    }
}

fn rendered<'a>(
    stack: &'a DesiredStack,
    compiled: &Compiled,
    sensitivity: &Sensitivity,
) -> RenderedStack<'a> {
    let DesiredStack {
        name,
        source: _,
        file: _,
        policy: _,
        networks,
        configs,
        secrets,
        services,
        routes: _,
        externals: _,
    } = stack;
    let StackObjects { routes, tls_policies, certificates } = compiled.of_stack(name, sensitivity);
    RenderedStack {
        name: name.as_str(),
        networks: specs(networks),
        configs: specs(configs),
        secrets: specs(secrets),
        services: services.iter().map(|DesiredService { spec, .. }| spec).collect(),
        routes,
        tls_policies,
        certificates,
    }
}

fn specs<S>(objects: &[DesiredObject<S>]) -> Vec<&S> {
    objects.iter().map(|object| &object.spec).collect()
}
