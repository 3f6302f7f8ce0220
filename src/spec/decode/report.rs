//! Where decoding and checking put what they find.

use crate::model::finding::Finding;

/// How many findings of one stack are kept: more than a person reads, and few enough for a hostile file.
const FINDINGS: usize = 2000;
/// How many values the short forms of one stack may unfold to, such as ranges of ports.
const UNFOLDED: usize = 200_000;

/// The findings of an input so far.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
    has_error: bool,
    unfolded: usize,
}

impl Report {
    /// Adds a finding; what comes after thousands of them is dropped, the first error excepted.
    pub fn push(&mut self, finding: Finding) {
        if !self.is_full() || (finding.is_error() && !self.has_error) {
            self.has_error |= finding.is_error();
            self.findings.push(finding);
        }
    }

    /// Adds findings.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// Whether hardly anything more is kept, so that it is not worth looking for.
    pub fn is_full(&self) -> bool {
        self.findings.len() >= FINDINGS
    }

    /// Whether one more short form may unfold to `count` values.
    pub fn may_unfold(&mut self, count: usize) -> bool {
        self.unfolded = self.unfolded.saturating_add(count);
        self.unfolded <= UNFOLDED
    }

    /// The findings, in the order in which they were found.
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}
