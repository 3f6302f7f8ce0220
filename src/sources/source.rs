//! A source of stacks, whatever it is: asked for its files, it yields a snapshot of them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::directory::{self, OpenError};
use super::git::{Fetched, GitError, GitSource, Remedy};
use super::snapshot::{Snapshot, SourceTree};
use crate::model::name::SourceName;

/// A source of stacks.
#[derive(Debug)]
pub struct Source {
    /// Its name, which is written on every object.
    pub name: SourceName,
    /// Where its files are.
    pub files: SourceFiles,
}

/// Where the files of a source are.
#[derive(Debug)]
pub enum SourceFiles {
    /// In a directory of this machine, or in one file of it.
    Directory(DirectorySource),
    /// In a repository.
    Git(GitSource),
}

/// A directory on this machine as a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySource {
    /// The stack file or directory of stacks.
    pub path: PathBuf,
    /// The directory that files may not leave; by default the one of `path`.
    pub root: Option<PathBuf>,
}

/// Why a source yielded nothing. What it held before is not thereby gone.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] OpenError),
    /// The repository cannot be used. Sources that share it share the error.
    #[error(transparent)]
    Git(#[from] Arc<GitError>),
    /// It was asked to stop.
    #[error("stopped")]
    Cancelled,
}

impl FetchError {
    /// Whether trying again may help, or only a change.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Git(error) => error.remedy(),
            // It may be a mount that is not there yet.
            Self::Directory(OpenError::Open { .. }) | Self::Cancelled => Remedy::Retry,
            Self::Directory(
                OpenError::Kind(_) | OpenError::OutsideRoot { .. } | OpenError::NotText(_),
            ) => Remedy::Change,
        }
    }

    /// What to do about it, if we know.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Git(error) => error.hint(),
            Self::Directory(OpenError::Open { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some("the path is relative to the settings file".to_owned())
            }
            Self::Directory(_) | Self::Cancelled => None,
        }
    }
}

impl Source {
    /// Fetches the files as they are now. Of a repository, what the server said after `asked` is new enough: sources
    /// that are fetched with the same `asked` ask it once.
    ///
    /// Nothing of it goes on when `stop` is cancelled or the future is dropped, however silent a server is.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch(
        &self,
        asked: Instant,
        stop: &CancellationToken,
    ) -> Result<Snapshot, FetchError> {
        let fetched = stop.run_until_cancelled(Box::pin(self.fetch_now(asked)));
        fetched.await.unwrap_or(Err(FetchError::Cancelled))
    }

    /// What was last fetched of a repository and found good, and when that was; signatures are checked again. For a
    /// start at which nothing can be fetched: `None` for a directory, and where nothing is remembered.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn recall(
        &self,
        stop: &CancellationToken,
    ) -> Result<Option<(Snapshot, Timestamp)>, FetchError> {
        let SourceFiles::Git(git) = &self.files else { return Ok(None) };
        let recalled = stop.run_until_cancelled(Box::pin(git.recall())).await;
        let recalled = recalled.ok_or(FetchError::Cancelled)??;
        Ok(recalled.map(|(fetched, at)| (snapshot(self.name.clone(), fetched), at)))
    }

    async fn fetch_now(&self, asked: Instant) -> Result<Snapshot, FetchError> {
        let source = self.name.clone();
        match &self.files {
            SourceFiles::Directory(DirectorySource { path, root }) => {
                let (path, root) = (path.clone(), root.clone());
                let open = move || directory::open(&path, root.as_deref());
                // A file system that does not answer holds this thread, and nobody else.
                let opened = spawn_blocking(open).await.map_err(|_| FetchError::Cancelled)?;
                let (tree, start) = opened?;
                Ok(Snapshot { source, tree: SourceTree::Directory(tree), start, commit: None })
            }
            SourceFiles::Git(git) => Ok(snapshot(source, git.fetch(asked).await?)),
        }
    }

    /// The directory to watch, if the source is one.
    pub fn directory(&self) -> Option<&Path> {
        match &self.files {
            SourceFiles::Directory(DirectorySource { path, .. }) => Some(path),
            SourceFiles::Git(_) => None,
        }
    }
}

fn snapshot(source: SourceName, fetched: Fetched) -> Snapshot {
    let Fetched { commit, tree, start } = fetched;
    Snapshot { source, tree: SourceTree::Git(tree), start, commit: Some(commit) }
}
