//! Where stack files come from: a snapshot of files at one revision.

mod directory;
mod revision;

pub use directory::{DirectoryTree, OpenError, open};
pub use revision::Revision;
