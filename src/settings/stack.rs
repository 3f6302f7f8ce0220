//! What the settings say about one stack.

use schemars::JsonSchema;

use super::file::{DRIFT_MODES, one_of};
use crate::model::name::{SourceName, StackName};
use crate::reconciler::controller::drift::DriftMode;
use crate::spec::decode::{Cursor, Decode, Located, Report, go_text};
use crate::spec::interpolate::Assignment;

/// What the settings say about one stack: one that its source has anyway, or with `files` one of its own.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StackSettings {
    /// Its name. A file's own `name:` does not count where `files` are listed.
    #[schemars(with = "String", example = &"shop")]
    pub name: Located<StackName>,
    /// The source it belongs to; the first one by default.
    #[schemars(with = "Option<String>", example = &"main")]
    pub source: Option<Located<SourceName>>,
    /// Its files, relative to the path of the source; a later file changes and completes the ones before it.
    #[schemars(with = "Option<Vec<String>>", example = ["shop/stack.yaml", "shop/production.yaml"])]
    pub files: Vec<Located<String>>,
    /// Variables of its files. They win over `.env`, and give way to `--var` and `--env-file`.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Scalar>>", example = example_variables())]
    pub variables: Vec<Assignment>,
    /// Files in the form of `.env` with more variables, relative to the path of the source; a later file wins.
    #[schemars(with = "Option<Vec<String>>", example = ["production.env"])]
    pub env_files: Vec<Located<String>>,
    /// What the controller does about changes that somebody made by hand; by default as for all stacks.
    #[schemars(example = DriftMode::Report)]
    pub drift: Option<DriftMode>,
    /// Whether the status page has a badge of it, which anybody who gets there may see; `false` if absent.
    #[schemars(example = true)]
    pub badge: Option<bool>,
}

/// What a variable may be in the settings: its text, or a number or boolean that becomes text.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it only describes the schema")]
enum Scalar {
    Text(String),
    Number(f64),
    Boolean(bool),
}

fn example_variables() -> serde_json::Value {
    serde_json::json!({ "TAG": "1.4.2" })
}

impl Decode for StackSettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let name = fields.at("name").map(|at| super::source::located_name(&at, report));
        if name.is_none() {
            let finding = at.error("missing-key", "needs `name`");
            report.push(finding.hint("write the name of the stack: `- name: shop`"));
        }
        let settings = (
            fields.at("source").and_then(|at| super::source::located_name(&at, report)),
            fields.get("files", report).unwrap_or_default(),
            fields.at("variables").map(|at| variables(&at, report)).unwrap_or_default(),
            fields.get("env_files", report).unwrap_or_default(),
            one_of(&mut fields, "drift", &DRIFT_MODES, report),
            fields.get("badge", report),
        );
        fields.finish(report);
        let (source, files, variables, env_files, drift, badge) = settings;
        Some(Self { name: name??, source, files, variables, env_files, drift, badge })
    }
}

fn variables(at: &Cursor<'_>, report: &mut Report) -> Vec<Assignment> {
    let mut variables = Vec::new();
    let Some(entries) = at.entries(report) else { return variables };
    for (entry, value) in entries {
        match go_text(&value) {
            Some(text) => variables.push(Assignment {
                name: entry.key.clone(),
                value: text,
                place: entry.key_place.clone(),
            }),
            None if value.node.is_null() => {
                report.push(value.expected("text").hint("write \"\" for an empty value"));
            }
            None => report.push(value.expected("text")),
        }
    }
    variables
}
