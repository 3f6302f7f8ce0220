//! What is kept of the journal on a disk, so that it survives a restart: one `SQLite` file, the door of which this is.
//!
//! Nothing depends on it. It may be deleted at any time, also while a controller runs; a file that cannot be read is set
//! aside, and one that cannot be written is tried again with the next event. The controller writes through a [`Keeper`],
//! for which nobody waits; commands read with an [`Archive`] at the same time.

mod archive;
mod error;
mod keeper;
mod layout;
mod store;
#[cfg(test)]
mod tests;

pub use archive::{Archive, Filter};
pub use error::HistoryError;
pub use keeper::{Keeper, Kept};
pub use store::{Limits, Store};
