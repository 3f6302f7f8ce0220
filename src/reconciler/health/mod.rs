//! The verdict on a service, judged only from tasks that run its current spec.
//!
//! Everything here is a pure function of one observation and of the engine's time in it.

mod counts;
mod judge;
mod lives;
mod patience;
#[cfg(test)]
mod tests;
mod verdict;

pub use counts::needs_tasks;
pub use judge::{Evidence, judge};
pub use verdict::{ServiceHealth, TaskFailure, Verdict};
