//! Findings for programs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::finding::{Finding, Related, Severity};
use crate::model::place::Place;

/// The version of the layout.
const FORMAT_VERSION: u32 = 1;

/// What `skep validate --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "skep findings")]
pub struct Document<'a> {
    /// The version of this layout; it moves when something is removed or means something else.
    format_version: u32,
    /// The names of the stacks without errors, sorted.
    stacks: Vec<&'a str>,
    /// Everything that was found, sorted by file, line and column; up to a thousand for each stack.
    findings: Vec<Found<'a>>,
}

/// One finding, its place spread out, as CI systems want it.
#[derive(Debug, Serialize, JsonSchema)]
struct Found<'a> {
    /// What it is, in a stable word; `docs/findings.md` explains each.
    #[schemars(example = &"unknown-key")]
    code: &'a str,
    /// Where the documentation of this version explains it.
    #[schemars(example = &"docs/findings.md#unknown-key")]
    docs: String,
    /// How much it matters.
    severity: Severity,
    /// What is wrong, with the path of the key.
    message: &'a str,
    /// The file, relative to where skep was called; null if it is in no file.
    file: Option<&'a str>,
    /// The line, from 1.
    line: Option<u32>,
    /// The column in characters, from 1.
    column: Option<u32>,
    /// What to do about it, if it is known.
    hint: Option<&'a str>,
    /// Other places that help to understand it.
    related: Vec<Other<'a>>,
}

/// Another place.
#[derive(Debug, Serialize, JsonSchema)]
struct Other<'a> {
    /// What is there.
    message: &'a str,
    /// The file.
    file: &'a str,
    /// The line, from 1.
    line: u32,
    /// The column in characters, from 1.
    column: u32,
}

/// The findings in the order given, with the names of the stacks that can be used.
pub fn document<'a>(stacks: Vec<&'a str>, findings: &'a [Finding]) -> Document<'a> {
    let findings = findings.iter().map(found).collect();
    Document { format_version: FORMAT_VERSION, stacks, findings }
}

/// The JSON Schema of the document.
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'_>>()
}

fn found(finding: &Finding) -> Found<'_> {
    let Finding { code, severity, message, place, related, hint } = finding;
    let place = place.as_ref();
    Found {
        code,
        docs: format!("docs/findings.md#{code}"),
        severity: *severity,
        message,
        file: place.map(|place| &*place.file),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        hint: hint.as_deref(),
        related: related
            .iter()
            .map(|Related { place: Place { file, line, column, length: _ }, message }| Other {
                message,
                file,
                line: *line,
                column: *column,
            })
            .collect(),
    }
}
