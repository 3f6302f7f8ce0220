//! A finding: one thing that is wrong or doubtful in the input, with its place and a hint.

use schemars::JsonSchema;
use serde::Serialize;

use super::place::Place;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The stack cannot be used as it is.
    Error,
    /// The stack works, but not as the author may think; an error under `--strict`.
    Warning,
}

/// A second place that explains a finding, such as the first of two duplicate keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is there, as a fragment: "first written here".
    pub message: String,
}

/// One problem in the input. All findings of an input are collected before any is reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// A stable kebab-case name, also the anchor in `docs/findings.md`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence fragment, lowercase, no full stop, naming the key path where there is one.
    pub message: String,
    /// Where the problem is; `None` only for problems that are in no file.
    pub place: Option<Place>,
    /// Other places that help to understand it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// What to do about it, if we know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// An error at `place`.
    pub fn error(
        code: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Error, code, place.into(), message.into())
    }

    /// A warning at `place`.
    pub fn warning(
        code: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(Severity::Warning, code, place.into(), message.into())
    }

    fn new(severity: Severity, code: &'static str, place: Option<Place>, message: String) -> Self {
        Self { code, severity, message, place, related: Vec::new(), hint: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn related(mut self, place: Place, message: impl Into<String>) -> Self {
        self.related.push(Related { place, message: message.into() });
        self
    }

    /// Whether the input cannot be used because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Sorts findings the way people read them: by file, line and column, errors first at one place.
pub fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (&a.place, a.severity, a.code, &a.message).cmp(&(&b.place, b.severity, b.code, &b.message))
    });
    findings.dedup();
}
