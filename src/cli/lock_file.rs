//! The file that locks images, found beside the stacks of a run or above them.

use std::path::PathBuf;

use crate::model::finding::Finding;
use crate::sources::SourceTree;
use crate::spec::discover::Start;
use crate::spec::lock::{self, Lock};
use crate::spec::tree::{ReadError, Tree as _};
use crate::spec::yaml::budget::Budget;

use super::error::CommandError;
use super::settings;

/// The file that locks images.
#[derive(Debug, Default)]
pub(super) struct LockFile {
    /// Where it is, or would be.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) content: Lock,
    /// Whether no other stacks than those of the command line can be in it.
    pub(super) is_of_these_alone: bool,
    /// Whether it has errors, so that nobody knows what tags mean.
    pub(super) is_broken: bool,
    /// Its text, if it is there.
    pub(super) text: Option<Vec<u8>>,
}

impl LockFile {
    /// Reads the lock in the directory of the first path, or above it as the settings are looked for.
    pub(super) fn load(
        paths: &[PathBuf],
        findings: &mut Vec<Finding>,
    ) -> Result<Self, CommandError> {
        let here = settings::start(paths).join(lock::FILE_NAME);
        let Some(path) = settings::find(paths, lock::FILE_NAME) else {
            return Ok(Self { path: here, is_of_these_alone: true, ..Self::default() });
        };
        let text = settings::read(&path).map_err(|error| {
            CommandError::failed(error).context(format!("cannot read {}", path.display()))
        })?;
        let is_of_these_alone = path == here;
        Ok(Self { is_of_these_alone, ..Self::read(path, text, findings) })
    }

    /// Reads the lock of a snapshot: beside its stacks, or above them in the same tree.
    pub(super) fn of_tree(tree: &SourceTree, start: &Start, findings: &mut Vec<Finding>) -> Self {
        let mut directory = match start {
            Start::Directory(directory) => directory.as_str(),
            Start::File(file) => file.rsplit_once('/').map_or("", |(directory, _)| directory),
        };
        loop {
            let path = match directory {
                "" => lock::FILE_NAME.to_owned(),
                directory => format!("{directory}/{}", lock::FILE_NAME),
            };
            match tree.read(&path, Budget::default().bytes) {
                Ok(text) => return Self::read(tree.display(&path).into(), text, findings),
                Err(ReadError::Missing) if directory.is_empty() => return Self::default(),
                Err(ReadError::Missing) => {
                    directory = directory.rsplit_once('/').map_or("", |(above, _)| above);
                }
                Err(error) => {
                    let message = format!("`{}` cannot be read: {error}", tree.display(&path));
                    findings.push(Finding::error("unreadable-file", None, message));
                    return Self { is_broken: true, ..Self::default() };
                }
            }
        }
    }

    fn read(path: PathBuf, text: Vec<u8>, findings: &mut Vec<Finding>) -> Self {
        let (content, found) = lock::parse(&text, path.display().to_string().into());
        let is_broken = found.iter().any(Finding::is_error);
        findings.extend(found);
        Self { path, content, is_broken, text: Some(text), is_of_these_alone: false }
    }
}
