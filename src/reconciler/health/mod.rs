//! The verdict on a service, judged only from tasks that run its current spec.
//!
//! Everything here is a pure function of one observation and of the engine's time in it.

mod counts;
mod judge;
mod lives;
mod patience;
mod rollout;
#[cfg(test)]
mod tests;
mod trouble;
mod verdict;
mod words;

pub use counts::needs_tasks;
pub use judge::{Evidence, judge};
pub(in crate::reconciler) use lives::{NO_LONGER_FITS, share_a_place};
pub use verdict::{Direction, Excerpt, Reason, Rollout, ServiceHealth, TaskFailure, Verdict};
pub use words::{describe, error, state};
