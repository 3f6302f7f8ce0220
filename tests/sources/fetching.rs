//! What the tests ask sources for, and how.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use skep::sources::git::{
    Access, GitDeclaration, GitError, GitSource, Limits, Reference, Repositories,
};
use skep::sources::{FetchError, Snapshot, Source, SourceFiles};
use skep::spec::tree::Tree as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Repositories with a state directory of their own.
pub(crate) struct Station {
    pub(crate) repositories: Repositories,
    pub(crate) state: tempfile::TempDir,
}

/// Limits for tests: nothing may take long.
pub(crate) fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(10),
        idle: Duration::from_secs(10),
        total: Duration::from_secs(30),
        ..Limits::default()
    }
}

impl Station {
    pub(crate) fn new() -> Self {
        Self::limited(limits())
    }

    pub(crate) fn limited(limits: Limits) -> Self {
        let state = tempfile::tempdir().expect("a directory");
        Self { repositories: Repositories::new(state.path(), limits), state }
    }

    /// A source of the default branch, of the whole repository.
    pub(crate) fn source(&self, url: &str) -> Source {
        self.declared(declaration(url))
    }

    pub(crate) fn declared(&self, declaration: GitDeclaration) -> Source {
        let git = GitSource::new(&self.repositories, declaration);
        Source { name: "main".parse().expect("a name"), files: SourceFiles::Git(git) }
    }

    pub(crate) fn cache(&self) -> std::path::PathBuf {
        let mut caches = std::fs::read_dir(self.state.path().join("git")).expect("caches");
        let is_cache = |path: &Path| path.is_dir();
        caches.find_map(|entry| entry.ok().map(|e| e.path()).filter(|p| is_cache(p))).expect("one")
    }

    /// The newest bare repository in it.
    pub(crate) fn repository(&self) -> std::path::PathBuf {
        let entries = std::fs::read_dir(self.cache()).expect("a cache");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.is_dir()).max().expect("a repository")
    }
}

pub(crate) fn declaration(url: &str) -> GitDeclaration {
    GitDeclaration {
        url: url.parse().expect("a URL"),
        access: Access::default(),
        reference: Reference::Head,
        path: String::new(),
        root: None,
        verification: None,
    }
}

pub(crate) async fn fetch(source: &Source) -> Result<Snapshot, FetchError> {
    source.fetch(Instant::now(), &CancellationToken::new()).await
}

/// The commit that a fetch yields.
pub(crate) async fn commit(source: &Source) -> String {
    let snapshot = fetch(source).await.expect("a snapshot");
    snapshot.commit.expect("a commit").id.to_string()
}

pub(crate) async fn refused(source: &Source) -> Arc<GitError> {
    match fetch(source).await {
        Err(FetchError::Git(error)) => error,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn text(snapshot: &Snapshot, path: &str) -> String {
    let content = snapshot.tree.read(path, 1_000_000).expect("a file");
    String::from_utf8(content).expect("text")
}

/// An error with everything below it, as people read it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
