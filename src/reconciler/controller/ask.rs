//! What can be asked of a running controller: to look now, and to be told when it has.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::name::StackName;

use super::report::Report;

/// A request to look at every source, and to make a pass after that.
#[derive(Debug)]
pub struct Ask {
    /// Stacks that the answer is about; all if there are none.
    pub stacks: Vec<StackName>,
    /// When the answer is due.
    pub until: Until,
    /// Where it goes.
    pub answer: oneshot::Sender<Arc<Report>>,
}

/// When the answer to an [`Ask`] is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// When a pass has been made on what the sources were after the request, or could not be made.
    Passed,
    /// When, after that, the stacks have come to an end, good or bad.
    Settled,
}

/// An [`Ask`] that was not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) ask: Ask,
    pub(super) asked: Instant,
    /// Whether a pass was made on what the sources were after the request.
    pub(super) served: bool,
}

impl Pending {
    pub(super) fn new(ask: Ask, asked: Instant) -> Self {
        Self { ask, asked, served: false }
    }

    /// Whether the answer is due.
    pub(super) fn is_due(&self, report: &Report) -> bool {
        self.served && (self.ask.until == Until::Passed || is_settled(&self.ask.stacks, report))
    }
}

/// Whether nothing about `stacks` will change by itself.
fn is_settled(stacks: &[StackName], report: &Report) -> bool {
    let is_meant = |name: &str| stacks.is_empty() || stacks.iter().any(|s| s.as_str() == name);
    let mut meant = report.stacks.iter().filter(|(name, _)| is_meant(name));
    report.trouble.is_none() && meant.all(|(_, stack)| stack.condition.is_final())
}
