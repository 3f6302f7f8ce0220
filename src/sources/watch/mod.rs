//! Watching a directory: when it may be worth to look again, and nothing more.
//!
//! The system's events are hints: they come late, twice, or not at all (a network file system, a swapped symbolic
//! link, a full queue). So a digest of the content decides, taken when an event says so and every now and then anyway.

mod debounce;
mod digest;
mod events;
mod watcher;

pub use watcher::{DirectoryWatch, Timing};
