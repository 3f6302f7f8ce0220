//! Reads the files that a stack file names.

use std::sync::Arc;

use crate::model::finding::Finding;
use crate::spec::decode::Located;
use crate::spec::tree::{ReadError, Tree, join};

/// The files around a stack file.
#[derive(Clone, Copy)]
pub(in crate::spec) struct Files<'a> {
    /// The tree that holds them.
    pub(in crate::spec) tree: &'a dyn Tree,
    /// The directory against which paths resolve.
    pub(in crate::spec) directory: &'a str,
}

/// A file that was read.
pub(super) struct Content {
    /// Its path as people write it.
    pub(super) name: Arc<str>,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl Files<'_> {
    /// Reads the file that `path` names at its place in the stack file; `what` begins the message if that fails.
    pub(super) fn read(
        &self,
        what: &str,
        path: &Located<String>,
        limit: u64,
    ) -> Result<Content, ReadFailure> {
        let inside = join(self.directory, path)
            .map_err(|error| ReadFailure::new(what, path, None, error))?;
        let name: Arc<str> = self.tree.display(&inside).into();
        match self.tree.read(&inside, limit) {
            Ok(bytes) => Ok(Content { name, bytes }),
            Err(error) => Err(ReadFailure::new(what, path, Some(&name), error)),
        }
    }
}

/// Whether a path is one of a remote repository or registry, which Compose can fetch.
pub(in crate::spec) fn is_remote(path: &str) -> bool {
    path.contains("://") || path.starts_with("git@")
}

/// Why a file could not be read, as a finding.
pub(in crate::spec) struct ReadFailure {
    /// Why.
    pub(in crate::spec) error: ReadError,
    /// The finding.
    pub(in crate::spec) finding: Box<Finding>,
}

impl ReadFailure {
    /// `what` names the key, and `file` is where `path` leads to, as people write it, if it leads anywhere.
    pub(in crate::spec) fn new(
        what: &str,
        path: &Located<String>,
        file: Option<&Arc<str>>,
        error: ReadError,
    ) -> Self {
        let shown = path.quoted(file.map_or(&*path.value, |file| file));
        let message = format!("{what} cannot be read: {shown}: {error}");
        let finding = |code, hint: &str| {
            let finding = Finding::error(code, path.place.clone(), &*message);
            if hint.is_empty() { finding } else { finding.hint(hint) }
        };
        let finding = match &error {
            ReadError::Missing => finding(
                "missing-file",
                "paths are relative to the directory of the stack file, or of the file that is included or extended",
            ),
            ReadError::Outside => finding(
                "outside-source",
                "a stack may read only files below the path that skep was given; `--root` widens it",
            ),
            ReadError::TooLarge { .. } => finding("too-large", ""),
            ReadError::Submodule | ReadError::LfsPointer => {
                finding("unreadable-file", "commit the file itself to the repository of the stack")
            }
            ReadError::NotAFile | ReadError::Denied(_) => finding("unreadable-file", ""),
        };
        Self { error, finding: Box::new(finding) }
    }
}
