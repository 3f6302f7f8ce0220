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
        let read = join(self.directory, path).and_then(|inside| {
            let bytes = self.tree.read(&inside, limit)?;
            Ok(Content { name: self.tree.display(&inside).into(), bytes })
        });
        read.map_err(|error| ReadFailure::new(what, path, error))
    }
}

/// Why a file could not be read, as a finding.
pub(super) struct ReadFailure {
    /// Why.
    pub(super) error: ReadError,
    /// The finding.
    pub(super) finding: Box<Finding>,
}

impl ReadFailure {
    fn new(what: &str, path: &Located<String>, error: ReadError) -> Self {
        let message = format!("{what} cannot be read: `{}`: {error}", path.value);
        let finding = |code, hint: &str| {
            let finding = Finding::error(code, path.place.clone(), &*message);
            if hint.is_empty() { finding } else { finding.hint(hint) }
        };
        let finding = match &error {
            ReadError::Missing => {
                finding("missing-file", "paths are relative to the stack file's directory")
            }
            ReadError::Outside => finding(
                "outside-source",
                "a stack may read only files below the path that skep was given; `--root` widens it",
            ),
            ReadError::TooLarge { .. } => finding("too-large", ""),
            ReadError::NotAFile | ReadError::Denied(_) => finding("unreadable-file", ""),
        };
        Self { error, finding: Box::new(finding) }
    }
}
