//! The journal: what happened, told from one report of the controller to the next. Pure.
//!
//! A report says how everything is. `standing` reads from one what is wrong, [`Journal`] compares it with what
//! was wrong before, and tells of what begins and what ends. Each problem has a key, so that whoever tells people of it can
//! tell them of its end, too. Releases become [`Entry`]s of the history of their stack. The loop knows nothing of all this:
//! what is missed of it costs an event, never a write.

mod attempt;
mod entry;
mod event;
mod follow;
mod news;
mod service;
mod standing;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Outcome};
pub use event::{Event, EventKind, Severity};
pub use follow::{Journal, Resumed, Told};
pub use news::{Added, News, Numbered};
