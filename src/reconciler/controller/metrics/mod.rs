//! Metrics: what the controller counts about itself, as `OpenMetrics` text.
//!
//! What happens is counted where it happens, in [`Metrics`]. How things are is read from the report whenever somebody
//! asks, so that nothing that is gone is told of. Labels name sources, stacks and words from fixed lists, never single
//! objects. `docs/metrics.md` lists all of them, and a test keeps it in step.

mod counts;
mod deliveries;
mod exposition;
mod process;
mod requests;
mod state;
mod tally;
#[cfg(test)]
mod tests;

pub use counts::Metrics;
pub use exposition::{CONTENT_TYPE, Exposition};
pub use tally::Tally;
