//! A repository on this machine: its references, and a copy of single commits without their history.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::{ErrorCode, ObjectType, Odb, Oid, Repository, RepositoryOpenFlags};

use super::error::GitError;
use super::limits::Limits;
use super::refs::{Ref, Refs};

/// How deep directories may be nested to be copied.
const MAX_DEPTH: usize = 100;

/// Opens the repository at a path, which may be a working copy.
fn open(path: &Path) -> Result<Repository, GitError> {
    let nothing_above: [&Path; 0] = [];
    Repository::open_ext(path, RepositoryOpenFlags::NO_SEARCH, nothing_above).map_err(|source| {
        if source.code() == ErrorCode::NotFound {
            GitError::NoRepository { url: path.display().to_string() }
        } else {
            GitError::Store { operation: "open the repository", source }
        }
    })
}

/// The branches and tags of a repository.
pub(super) fn refs(path: &Path) -> Result<Refs, GitError> {
    let failed = |source| GitError::Store { operation: "list the references", source };
    let repository = open(path)?;
    let mut refs = Refs::default();
    for reference in repository.references().map_err(failed)? {
        let reference = reference.map_err(failed)?;
        let (Ok(name), Some(id)) = (reference.name(), reference.target()) else { continue };
        if name.starts_with("refs/heads/") || name.starts_with("refs/tags/") {
            refs.all.push(Ref { name: name.to_owned(), id });
        }
    }
    if let Ok(head) = repository.find_reference("HEAD") {
        refs.head = head.symbolic_target().ok().flatten().map(str::to_owned);
        if let Some(id) = head.resolve().ok().and_then(|head| head.target()) {
            refs.all.push(Ref { name: "HEAD".to_owned(), id });
        }
    }
    Ok(refs)
}

/// Copies commits and tags with all that belongs to them into the cache, in one pack so that they come whole or not.
pub(super) fn copy(
    path: &Path,
    cache: &Repository,
    wants: &[Oid],
    limits: &Limits,
    stopped: &AtomicBool,
) -> Result<(), GitError> {
    let failed = |source| GitError::Store { operation: "copy from the repository", source };
    let from = open(path)?;
    let odb = from.odb().map_err(failed)?;
    let there = cache.odb().map_err(failed)?;
    let mut found = Found { from: &from, odb, there, limits, stopped, ids: HashSet::new() };
    let too_large =
        |limit, unit| GitError::TooLarge { url: path.display().to_string(), limit, unit };
    let cannot = |stop| match stop {
        Stop::TooMany => too_large(limits.objects.into(), "objects"),
        Stop::TooLarge => too_large(limits.object_bytes, "bytes in one object, unfolded"),
        Stop::Cancelled => GitError::Cancelled,
        Stop::Failed(source) => failed(source),
    };
    for want in wants {
        found.fits(*want).map_err(cannot)?;
        let object = from.find_object(*want, None).map_err(|source| match source.code() {
            ErrorCode::NotFound => GitError::Missing {
                url: path.display().to_string(),
                what: format!("commit {want}"),
                similar: None,
            },
            _ => failed(source),
        })?;
        if let Some(tag) = object.as_tag() {
            found.fits(tag.target_id()).map_err(cannot)?;
            found.ids.insert(*want);
        }
        let commit = object.peel_to_commit().map_err(failed)?;
        found.ids.insert(commit.id());
        found.add_tree(commit.tree_id(), 0).map_err(cannot)?;
    }
    let mut builder = from.packbuilder().map_err(failed)?;
    for id in &found.ids {
        builder.insert_object(*id, None).map_err(failed)?;
    }
    let mut pack = found.there.packwriter().map_err(failed)?;
    let (mut sent, mut problem) = (0_u64, None);
    let written = builder.foreach(|piece| {
        sent = sent.saturating_add(piece.len() as u64);
        if stopped.load(Ordering::Relaxed) {
            problem = Some(GitError::Cancelled);
        } else if sent > limits.transfer_bytes {
            problem = Some(too_large(limits.transfer_bytes, "bytes"));
        } else if let Err(error) = std::io::Write::write_all(&mut pack, piece) {
            problem = Some(failed(git2::Error::from_str(&error.to_string())));
        }
        problem.is_none()
    });
    if let Some(problem) = problem {
        return Err(problem);
    }
    written.map_err(failed)?;
    pack.commit().map(drop).map_err(failed)
}

/// What belongs to a commit and is not in the cache.
struct Found<'a> {
    from: &'a Repository,
    odb: Odb<'a>,
    there: Odb<'a>,
    limits: &'a Limits,
    stopped: &'a AtomicBool,
    ids: HashSet<Oid>,
}

enum Stop {
    TooMany,
    TooLarge,
    Cancelled,
    Failed(git2::Error),
}

impl Found<'_> {
    fn add_tree(&mut self, id: Oid, depth: usize) -> Result<(), Stop> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Stop::Cancelled);
        }
        // What is there came with all that is below it.
        if depth > MAX_DEPTH || self.there.exists(id) || !self.add(id)? {
            return Ok(());
        }
        self.fits(id)?;
        let tree = self.from.find_tree(id).map_err(Stop::Failed)?;
        for entry in &tree {
            match entry.kind() {
                Some(ObjectType::Tree) => self.add_tree(entry.id(), depth + 1)?,
                Some(ObjectType::Blob) => {
                    let (size, _) = self.odb.read_header(entry.id()).map_err(Stop::Failed)?;
                    if size as u64 <= self.limits.file_bytes && !self.there.exists(entry.id()) {
                        self.add(entry.id())?;
                    }
                }
                // A submodule's commit is in another repository.
                Some(ObjectType::Commit | ObjectType::Tag | ObjectType::Any) | None => {}
            }
        }
        Ok(())
    }

    /// Refuses an object that is too large to be built in memory. One that is not there is left to whoever reads it.
    fn fits(&self, id: Oid) -> Result<(), Stop> {
        match self.odb.read_header(id) {
            Ok((size, _)) if size as u64 > self.limits.object_bytes => Err(Stop::TooLarge),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Whether it is new.
    fn add(&mut self, id: Oid) -> Result<bool, Stop> {
        let is_new = self.ids.insert(id);
        if self.ids.len() > usize::try_from(self.limits.objects).unwrap_or(usize::MAX) {
            return Err(Stop::TooMany);
        }
        Ok(is_new)
    }
}
