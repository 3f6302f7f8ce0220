//! A stack file as a whole.

use schemars::JsonSchema;

use super::definitions::{Definitions, definitions};
use super::misplaced::report_misplaced;
use super::networks::Network;
use super::service::Service;
use super::stores::{Config, Secret};
use super::volumes::Volume;
use super::x_skep::StackExtension;
use crate::model::name::StackName;
use crate::spec::decode::{Cursor, Located, Report};
use crate::spec::yaml::node::Node;

/// A stack file: the Compose format as a Swarm understands it.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields, title = "skep stack file")]
pub struct ComposeFile {
    /// The name of the stack; that of its directory or file by default.
    #[schemars(with = "Option<String>", example = &"shop")]
    pub name: Option<Located<StackName>>,
    /// The version of docker's old schemas; it has no effect.
    #[schemars(with = "Option<serde_json::Value>", extend("type" = ["string", "number"]), example = &"3.8")]
    pub version: Option<Located<String>>,
    /// Services by key.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Service>>")]
    pub services: Definitions<Service>,
    /// Networks by key.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Option<Network>>>")]
    pub networks: Definitions<Network>,
    /// Volumes by key.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Option<Volume>>>")]
    pub volumes: Definitions<Volume>,
    /// Configs by key.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Config>>")]
    pub configs: Definitions<Config>,
    /// Secrets by key.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Secret>>")]
    pub secrets: Definitions<Secret>,
    /// What the file asks of skep itself.
    #[schemars(rename = "x-skep")]
    pub x_skep: Option<StackExtension>,
}

/// Reads a stack file. What cannot be read is missing in the result and explained in `report`.
pub fn decode(node: &Node, report: &mut Report) -> Option<ComposeFile> {
    let mut fields = Cursor::top(node).fields(report)?;
    report_misplaced(fields.at("services").as_ref(), report);
    let file = ComposeFile {
        name: fields.get("name", report),
        version: fields.at("version").and_then(|version| decode_version(&version, report)),
        services: definitions(fields.at("services").as_ref(), report),
        networks: definitions(fields.at("networks").as_ref(), report),
        volumes: definitions(fields.at("volumes").as_ref(), report),
        configs: definitions(fields.at("configs").as_ref(), report),
        secrets: definitions(fields.at("secrets").as_ref(), report),
        x_skep: fields.get("x-skep", report),
    };
    let hint = "run the model as a service";
    fields.warn_if_present("models", "not-on-swarm", "does nothing on a Swarm", hint, report);
    fields.finish(report);
    Some(file)
}

/// Files often have `version: 3` without quotes, which docker refuses and the Compose specification ignores.
fn decode_version(at: &Cursor<'_>, report: &mut Report) -> Option<Located<String>> {
    match crate::spec::decode::go_text(at) {
        Some(version) => Some(Located::at(at, version)),
        None => at.get(report),
    }
}
