//! Findings for programs.

use serde::Serialize;

use crate::model::finding::{Finding, Related, Severity};
use crate::model::place::Place;

/// A finding with its place spread out, as CI systems want it. Lines and columns count from 1; `null` where a finding
/// is in no file.
#[derive(Serialize)]
struct Document<'a> {
    code: &'a str,
    severity: Severity,
    message: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    hint: Option<&'a str>,
    related: Vec<Other<'a>>,
}

#[derive(Serialize)]
struct Other<'a> {
    message: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
}

/// The findings as an array, in the order given.
///
/// # Errors
/// None in practice: there is nothing in a finding that JSON cannot hold.
pub fn json(findings: &[Finding]) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(findings.iter().map(document).collect::<Vec<_>>())
}

fn document(finding: &Finding) -> Document<'_> {
    let Finding { code, severity, message, place, related, hint } = finding;
    let place = place.as_ref();
    Document {
        code,
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
