//! What a source yields: its files at one revision, and where that comes from.

use super::directory::DirectoryTree;
use super::git::{Commit, GitTree};
use super::revision::Revision;
use crate::model::name::SourceName;
use crate::spec::discover::Start;
use crate::spec::tree::{EntryKind, ReadError, Tree};

/// The files of a source at one revision.
#[derive(Debug)]
pub struct Snapshot {
    /// The source.
    pub source: SourceName,
    /// Its files.
    pub tree: SourceTree,
    /// Where in them the stacks are.
    pub start: Start,
    /// The commit, if the source is a repository.
    pub commit: Option<Commit>,
}

impl Snapshot {
    /// Which content this is: of a repository the commit, of a directory everything that was read so far.
    pub fn revision(&self) -> Revision {
        self.tree.revision()
    }
}

/// The files of a source, wherever they are.
#[derive(Debug)]
pub enum SourceTree {
    /// In a directory of this machine.
    Directory(DirectoryTree),
    /// In a commit.
    Git(GitTree),
}

impl SourceTree {
    /// Which content this is: of a repository the commit, of a directory everything that was read so far.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Directory(tree) => tree.revision(),
            Self::Git(tree) => tree.revision(),
        }
    }

    /// The content of a file that was read, by the path that [`Tree::display`] gives it.
    pub fn content_of(&self, displayed: &str) -> Option<Vec<u8>> {
        match self {
            Self::Directory(tree) => tree.content_of(displayed),
            Self::Git(tree) => tree.content_of(displayed),
        }
    }

    fn tree(&self) -> &dyn Tree {
        match self {
            Self::Directory(tree) => tree,
            Self::Git(tree) => tree,
        }
    }
}

impl Tree for SourceTree {
    fn list(&self, directory: &str) -> Result<Vec<(String, EntryKind)>, ReadError> {
        self.tree().list(directory)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, ReadError> {
        self.tree().read(path, limit)
    }

    fn display(&self, path: &str) -> String {
        self.tree().display(path)
    }

    fn base(&self) -> Option<String> {
        self.tree().base()
    }

    fn name(&self) -> String {
        self.tree().name()
    }
}
