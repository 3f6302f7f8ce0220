//! Whether the controller lives and is ready, and if not, why.

use crate::reconciler::controller::pulse::Pulse;
use crate::reconciler::controller::report::Report;

/// Whether the loop turns.
///
/// # Errors
/// Why it does not live.
pub(super) fn alive(pulse: &Pulse) -> Result<(), String> {
    if pulse.is_felt() {
        return Ok(());
    }
    Err(format!("the loop has not turned for {} s", pulse.silence().as_secs()))
}

/// Something without which the controller is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    /// What it is, for anybody: of the installation it tells nothing.
    pub(super) condition: &'static str,
    /// The same with what is known of it, for those who may read.
    pub(super) words: String,
}

/// Whether everything was compared at least once, and the engine is within reach.
///
/// # Errors
/// Everything that is missing.
pub(super) fn ready(report: &Report, pulse: &Pulse) -> Result<(), Vec<Missing>> {
    let mut missing = Vec::new();
    if let Err(words) = alive(pulse) {
        missing.push(Missing { condition: "the loop does not turn", words });
    }
    if let Some(trouble) = &report.trouble {
        let condition = "the Swarm cannot be observed";
        let words = format!("{condition} since {:.0}: {}", trouble.since, trouble.reason);
        missing.push(Missing { condition, words });
    } else if report.status.is_none() {
        let condition = "nothing was compared yet";
        missing.push(Missing { condition, words: condition.to_owned() });
    }
    let unread = report.sources.iter().filter(|source| source.revision.is_none());
    missing.extend(unread.map(|source| {
        let reason = source.failure.as_ref().map(|failure| format!(": {}", failure.reason));
        let reason = reason.unwrap_or_default();
        let words = format!("source {} was not read yet{reason}", source.name);
        Missing { condition: "a source was not read yet", words }
    }));
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}
