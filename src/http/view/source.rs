//! A source: where stacks come from, at which revision, by whom, and what is wrong with it.

use schemars::JsonSchema;
use serde::Serialize;

use super::words::{SENTENCE, tidy};
use crate::model::finding::Finding;
use crate::reconciler::controller::report::{CommitReport, SourceReport};
use crate::reconciler::controller::source::FetchFailure;

/// How many findings are shown.
const FINDINGS: usize = 20;

/// A source of stacks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SourceView {
    /// What is told of it; of its findings the first 20, errors before warnings.
    #[serde(flatten)]
    pub report: SourceReport,
    /// Errors in the newest revision.
    pub errors: usize,
    /// Warnings about it.
    pub warnings: usize,
}

impl From<&SourceReport> for SourceView {
    fn from(source: &SourceReport) -> Self {
        let findings = &source.findings;
        let errors = findings.iter().filter(|finding| finding.is_error()).count();
        let mut first: Vec<&Finding> = findings.iter().collect();
        first.sort_by_key(|finding| !finding.is_error());
        let report = SourceReport {
            name: source.name.clone(),
            revision: source.revision.clone(),
            commit: source.commit.as_ref().map(|commit| CommitReport {
                author: tidy(&commit.author, SENTENCE),
                subject: tidy(&commit.subject, SENTENCE),
                ..commit.clone()
            }),
            seen_at: source.seen_at,
            failure: source.failure.as_ref().map(|failure| FetchFailure {
                reason: tidy(&failure.reason, SENTENCE),
                ..failure.clone()
            }),
            failing_since: source.failing_since,
            stale_since: source.stale_since,
            findings: first.into_iter().take(FINDINGS).cloned().collect(),
        };
        Self { report, errors, warnings: findings.len() - errors }
    }
}
