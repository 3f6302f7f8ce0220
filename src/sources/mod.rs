//! Where stack files come from: a snapshot of files at one revision, and what tells that there may be a new one.

mod directory;
pub mod git;
mod revision;
mod snapshot;
mod source;
mod watch;

pub use directory::{DirectoryTree, OpenError, open};
pub use revision::Revision;
pub use snapshot::{Snapshot, SourceTree};
pub use source::{DirectorySource, FetchError, Source, SourceFiles};
pub use watch::{DirectoryWatch, Timing};
