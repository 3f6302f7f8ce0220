//! A git source: one reference and one path of a repository.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use git2::{ErrorClass, ErrorCode, ObjectType, Oid};
use jiff::Timestamp;
use tokio::time::Instant;

use super::access::Access;
use super::cache::blocking;
use super::commit::{Commit, Signature, peel};
use super::error::GitError;
use super::last::Whose;
use super::reference::Reference;
use super::repository::{Obtained, Repositories, Repository};
use super::signature::{self, Signed, Verification};
use super::tree::{GitTree, Root};
use super::url::RepositoryUrl;
use crate::spec::discover::Start;
use crate::spec::tree::join;

/// What a git source is, as somebody declares it.
#[derive(Debug, Clone)]
pub struct GitDeclaration {
    /// The repository.
    pub url: RepositoryUrl,
    /// How to get in.
    pub access: Access,
    /// Which commit.
    pub reference: Reference,
    /// The stack file or directory of stacks in the repository; empty for its root.
    pub path: String,
    /// The directory of the repository that files may not leave; by default the one of `path`.
    pub root: Option<String>,
    /// Who must have signed the commit, if anybody must have.
    pub verification: Option<Verification>,
}

/// A git source.
#[derive(Debug)]
pub struct GitSource {
    repository: Arc<Repository>,
    reference: Arc<Reference>,
    path: String,
    root: Option<String>,
    verification: Option<Verification>,
}

/// What one fetch of a git source yields.
#[derive(Debug)]
pub(in crate::sources) struct Fetched {
    pub(in crate::sources) commit: Commit,
    pub(in crate::sources) tree: GitTree,
    pub(in crate::sources) start: Start,
}

impl GitSource {
    /// The source that `declaration` describes. Nothing is fetched yet.
    pub fn new(repositories: &Repositories, declaration: GitDeclaration) -> Self {
        let GitDeclaration { url, access, reference, path, root, verification } = declaration;
        let repository = repositories.repository(&url, &access);
        let reference = repository.want(reference);
        Self { repository, reference, path, root, verification }
    }

    /// The repository's URL, without its user.
    pub fn url(&self) -> String {
        self.repository.url().to_string()
    }

    /// Fetches what has changed, and refuses what is not signed as it should be before anything else is read of it.
    pub(in crate::sources) async fn fetch(&self, asked: Instant) -> Result<Fetched, Arc<GitError>> {
        let obtained = self.repository.obtain(&self.reference, asked).await?;
        let target = obtained.target.clone();
        let fetched = self.read(obtained).await?;
        // One commit for ever needs no memory.
        if !matches!(*self.reference, Reference::Commit(_)) {
            self.repository.remember(self.whose(), &target);
        }
        Ok(fetched)
    }

    /// What was fetched and found good last, and when it came; for when the server does not answer. `None` if it is not
    /// in the cache any more.
    pub(in crate::sources) async fn recall(
        &self,
    ) -> Result<Option<(Fetched, Timestamp)>, Arc<GitError>> {
        let Some((obtained, fetched_at)) = self.repository.recall(self.whose()).await? else {
            return Ok(None);
        };
        Ok(Some((self.read(obtained).await?, fetched_at)))
    }

    fn whose(&self) -> Whose<'_> {
        Whose { reference: &self.reference, is_verified: self.verification.is_some() }
    }

    /// Reads a commit, and refuses what is not signed as it should be before anything else is read of it.
    async fn read(&self, obtained: Obtained) -> Result<Fetched, Arc<GitError>> {
        let repository = Arc::clone(&self.repository);
        let verification = self.verification.clone();
        let (path, root) = (self.path.clone(), self.root.clone());
        let read = move || {
            let at = At { repository: &repository, path: &path, root: root.as_deref() };
            at.read(obtained, verification.as_ref())
        };
        Ok(blocking(read).await?)
    }
}

/// Where in a repository.
struct At<'a> {
    repository: &'a Repository,
    path: &'a str,
    root: Option<&'a str>,
}

impl At<'_> {
    fn read(
        &self,
        obtained: Obtained,
        verification: Option<&Verification>,
    ) -> Result<Fetched, GitError> {
        let Obtained { target, repository, reader, is_broken } = obtained;
        let url = self.repository.url();
        let signature = match verification {
            None => Signature::NotChecked,
            Some(verification) => {
                let object = match verification.signed {
                    Some(signed) => signed,
                    None if target.tag.is_some() => Signed::Tag,
                    None => Signed::Commit,
                };
                Signature::Good(
                    signature::verify(&repository, target.id, object, verification).map_err(
                        |(what, source)| GitError::Signature { what, url: url.to_string(), source },
                    )?,
                )
            }
        };
        let commit = Commit::read(&repository, url.to_string(), &target, signature)?;
        let no_path = || GitError::NoPath {
            path: self.path.to_owned(),
            url: url.to_string(),
            commit: commit.id.to_string(),
        };
        // A slash in front means the repository's root, as everywhere.
        let path = join("", self.path.trim_start_matches('/')).map_err(|_| no_path())?;
        let tree_id = peel(&repository, target.id)?.tree_id();
        let entry = |path: &str| {
            entry(&repository, tree_id, path).map_err(|source| {
                is_broken.store(true, Ordering::Relaxed);
                GitError::Store { operation: "read the directories of the commit", source }
            })
        };
        let is_file = matches!(entry(&path)?, Some((ObjectType::Blob, _)));
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let root = match self.root {
            Some(root) => join("", root.trim_start_matches('/')).map_err(|_| no_path())?,
            None if is_file => parent.to_owned(),
            None => path.clone(),
        };
        let inside = match path.strip_prefix(&root) {
            Some("") => "",
            Some(rest) if root.is_empty() => rest,
            Some(rest) => rest.strip_prefix('/').ok_or_else(no_path)?,
            None => return Err(no_path()),
        }
        .to_owned();
        let Some((ObjectType::Tree, id)) = entry(&root)? else { return Err(no_path()) };
        let name = root.rsplit('/').next().filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| url.name()).to_owned();
        let root = Root { commit: commit.id, id, path: root, name };
        let tree = GitTree::new(repository, root, self.repository.limits(), is_broken, reader);
        let start = if tree.has_directory(&inside) {
            Start::Directory(inside)
        } else if tree.has_file(&inside) {
            Start::File(inside)
        } else {
            return Err(no_path());
        };
        Ok(Fetched { commit, tree, start })
    }
}

/// What stands at a path of a tree, if anything does. A tree that cannot be read is no tree without the path.
fn entry(
    repository: &git2::Repository,
    tree: Oid,
    path: &str,
) -> Result<Option<(ObjectType, Oid)>, git2::Error> {
    if path.is_empty() {
        return Ok(Some((ObjectType::Tree, tree)));
    }
    match repository.find_tree(tree)?.get_path(path.as_ref()) {
        Ok(entry) => Ok(entry.kind().map(|kind| (kind, entry.id()))),
        Err(error) if error.code() == ErrorCode::NotFound && error.class() == ErrorClass::Tree => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
