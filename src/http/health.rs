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

/// Whether everything was compared at least once, and the engine is within reach.
///
/// # Errors
/// Everything that is missing, one reason for each.
pub(super) fn ready(report: &Report, pulse: &Pulse) -> Result<(), Vec<String>> {
    let mut missing: Vec<String> = alive(pulse).err().into_iter().collect();
    if let Some(trouble) = &report.trouble {
        missing.push(format!(
            "the Swarm cannot be observed since {:.0}: {}",
            trouble.since, trouble.reason
        ));
    } else if report.status.is_none() {
        missing.push("nothing was compared yet".to_owned());
    }
    let unread = report.sources.iter().filter(|source| source.revision.is_none());
    missing.extend(unread.map(|source| {
        let reason = source.failure.as_ref().map(|failure| format!(": {}", failure.reason));
        format!("source {} was not read yet{}", source.name, reason.unwrap_or_default())
    }));
    if missing.is_empty() { Ok(()) } else { Err(missing) }
}
