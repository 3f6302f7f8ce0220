//! A source: where stacks come from, at which revision, by whom, and what is wrong with it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::words::{SENTENCE, tidy};
use crate::model::finding::Finding;
use crate::reconciler::controller::report::{CommitReport, SourceReport};

/// How many findings are shown.
const FINDINGS: usize = 20;

/// A source of stacks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// The newest revision that could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Its commit, if the source is a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitReport>,
    /// When it was last looked at with success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub seen_at: Option<Timestamp>,
    /// Why it cannot be read, while it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Since when it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub failing_since: Option<Timestamp>,
    /// When the revision was fetched, where it may not be the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub stale_since: Option<Timestamp>,
    /// Errors in the newest revision.
    pub errors: usize,
    /// Warnings about it.
    pub warnings: usize,
    /// The first of them, errors before warnings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl From<&SourceReport> for SourceView {
    fn from(source: &SourceReport) -> Self {
        let SourceReport {
            name,
            revision,
            commit,
            seen_at,
            failure,
            failing_since,
            stale_since,
            findings,
        } = source;
        let errors = findings.iter().filter(|finding| finding.is_error()).count();
        let mut first: Vec<&Finding> = findings.iter().collect();
        first.sort_by_key(|finding| !finding.is_error());
        Self {
            name: name.clone(),
            revision: revision.clone(),
            commit: commit.as_ref().map(|commit| CommitReport {
                author: tidy(&commit.author, SENTENCE),
                subject: tidy(&commit.subject, SENTENCE),
                ..commit.clone()
            }),
            seen_at: *seen_at,
            failure: failure.as_ref().map(|failure| tidy(&failure.reason, SENTENCE)),
            hint: failure.as_ref().and_then(|failure| failure.hint.clone()),
            failing_since: *failing_since,
            stale_since: *stale_since,
            errors,
            warnings: findings.len() - errors,
            findings: first.into_iter().take(FINDINGS).cloned().collect(),
        }
    }
}
