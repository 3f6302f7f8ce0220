//! Reads the files that a stack file names, within a budget for all that it names.

use std::sync::Arc;

use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::decode::{Located, Report};
use crate::spec::interpolate::Assignment;
use crate::spec::tree::{ReadError, Tree, join};

/// How many bytes a stack may take in by naming files and variables, each counted as often as it is named: a hundred
/// configs of the largest size, or a thousand services with some hundred variables each.
const BYTES: usize = 128 * 1024 * 1024;
/// How many bytes a variable or label takes besides its name and its value.
const BESIDES: usize = 256;

/// The files around a stack file.
pub(in crate::spec) struct Files<'a> {
    /// The tree that holds them.
    tree: &'a dyn Tree,
    /// The directory against which paths resolve.
    directory: &'a str,
    /// How many bytes may still be taken in; `None` once there were too many.
    left: Option<usize>,
}

/// A file that was read.
pub(super) struct Content {
    /// Its path as people write it.
    pub(super) name: Arc<str>,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl<'a> Files<'a> {
    /// The files of `tree`, named by a file in `directory`.
    pub(in crate::spec) fn new(tree: &'a dyn Tree, directory: &'a str) -> Self {
        Self { tree, directory, left: Some(BYTES) }
    }

    /// Reads the file that `path` names at its place in the stack file; `what` begins the message if that fails.
    /// `None` once the stack names too much, which is told once.
    pub(super) fn read(
        &mut self,
        what: &str,
        path: &Located<String>,
        limit: u64,
        report: &mut Report,
    ) -> Option<Result<Content, ReadFailure>> {
        self.left?;
        let inside = match join(self.directory, path) {
            Ok(inside) => inside,
            Err(error) => return Some(Err(ReadFailure::new(what, path, None, error))),
        };
        let name: Arc<str> = self.tree.display(&inside).into();
        match self.tree.read(&inside, limit) {
            Ok(bytes) => {
                self.take(bytes.len(), &path.place, report)?;
                Some(Ok(Content { name, bytes }))
            }
            Err(error) => Some(Err(ReadFailure::new(what, path, Some(&name), error))),
        }
    }

    /// Takes `bytes` in, for what is named at `place`; `None` when the stack names too much, which is told once.
    pub(super) fn take(&mut self, bytes: usize, place: &Place, report: &mut Report) -> Option<()> {
        let left = self.left?;
        self.left = left.checked_sub(bytes);
        if self.left.is_none() {
            let message = format!(
                "the files and variables that this stack names add up to more than {} MiB",
                BYTES / 1024 / 1024
            );
            report.push(
                Finding::error("too-large", place.clone(), message)
                    .hint("put what is large into an image or a volume, or make several stacks"),
            );
        }
        self.left.map(|_| ())
    }

    /// The same for what a file assigns.
    pub(super) fn take_all(
        &mut self,
        assignments: &[Assignment],
        place: &Place,
        report: &mut Report,
    ) -> Option<()> {
        let size = |one: &Assignment| one.name.len() + one.value.len() + BESIDES;
        self.take(assignments.iter().map(size).sum(), place, report)
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
