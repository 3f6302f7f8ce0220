//! A bare repository of our own that holds what was fetched of one remote repository. It may vanish at any time.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{ObjectType, Oid, Repository, RepositoryInitOptions};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::error::GitError;
use super::url::{Location, RepositoryUrl};

/// Snapshots that are whole, by a reference each.
const WHOLE: &str = "refs/skep/";
/// How many packs a cache may gather, one a commit, before it is made anew.
const MAX_PACKS: usize = 50;
/// How often it is tried to get a lock that another process has.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// The cache of one remote repository.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    directory: PathBuf,
}

/// The right to change a cache, which no other process has meanwhile.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// A mark that somebody reads from a cache, which is not made anew meanwhile.
#[derive(Debug)]
pub(super) struct Reader {
    _file: Option<File>,
}

impl Cache {
    /// The cache of a repository below `state`. Nothing is made yet.
    pub(super) fn new(state: &Path, url: &RepositoryUrl) -> Self {
        // Users of one server may see different repositories at one path.
        let user = match url.location() {
            Location::Ssh(at) => at.user.as_str(),
            Location::Http(_) | Location::Daemon { .. } | Location::Local(_) => "",
        };
        let digest = hex::encode(Sha256::digest(format!("{user}\n{url}")));
        let digest = digest.get(..16).unwrap_or(&digest);
        let name: String =
            url.name().chars().filter(char::is_ascii_alphanumeric).take(40).collect();
        Self { directory: state.join("git").join(format!("{name}-{digest}")) }
    }

    /// The bare repository.
    pub(super) fn repository_path(&self) -> PathBuf {
        self.directory.join("repository.git")
    }

    /// Makes the directory, for nobody else to read, and waits for the right to change it.
    pub(super) async fn lock(&self, patience: Duration) -> Result<Lock, GitError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(lock) = self.try_lock().map_err(|source| self.failed(source))? {
                return Ok(lock);
            }
            if Instant::now() >= deadline {
                return Err(GitError::Locked { path: self.directory.clone() });
            }
            sleep(LOCK_POLL).await;
        }
    }

    fn try_lock(&self) -> io::Result<Option<Lock>> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        fs::set_permissions(&self.directory, Permissions::from_mode(0o700))?;
        let path = self.directory.join("lock");
        let file = open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // The cache may have been deleted in between: the lock of a file that is gone keeps nobody out.
        let is_current = match fs::metadata(&path) {
            Ok(current) => current.ino() == file.metadata()?.ino(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        Ok(is_current.then_some(Lock { _file: file }))
    }

    /// Opens the bare repository, made anew if it is not there, not usable, or full of old packs that nobody reads.
    pub(super) fn open(&self, _: &Lock) -> Result<Repository, GitError> {
        let path = self.repository_path();
        if let Ok(repository) = Repository::open_bare(&path)
            && (packs(&path) <= MAX_PACKS || self.is_read())
        {
            return Ok(repository);
        }
        self.make(&path)
    }

    /// Throws away what is there, as it turned out to be broken.
    pub(super) fn make_anew(&self, _: &Lock) -> Result<Repository, GitError> {
        self.make(&self.repository_path())
    }

    fn make(&self, path: &Path) -> Result<Repository, GitError> {
        match fs::remove_dir_all(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.failed(error)),
        }
        let mut options = RepositoryInitOptions::new();
        // Templates of this machine may hold hooks.
        options.bare(true).external_template(false);
        Repository::init_opts(path, &options)
            .map_err(|source| GitError::Store { operation: "make a cache", source })
    }

    /// Marks that the cache is being read.
    pub(super) fn reader(&self) -> Reader {
        let file = open_lock(&self.directory.join("readers"));
        // Without the mark, the worst is an error that the next pass does not have.
        Reader { _file: file.ok().filter(|file| file.lock_shared().is_ok()) }
    }

    fn is_read(&self) -> bool {
        open_lock(&self.directory.join("readers")).is_ok_and(|file| file.try_lock().is_err())
    }

    fn failed(&self, source: io::Error) -> GitError {
        GitError::Cache { path: self.directory.clone(), source }
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn packs(repository: &Path) -> usize {
    let packs = fs::read_dir(repository.join("objects/pack"));
    let is_pack = |name: &Path| name.extension().is_some_and(|end| end == "pack");
    packs.map_or(0, |entries| entries.flatten().filter(|entry| is_pack(&entry.path())).count())
}

/// Whether a commit or tag is there with all that belongs to it, as far as its root.
pub(super) fn is_whole(repository: &Repository, id: Oid) -> bool {
    is_said_to_be_whole(repository, id)
        && repository
            .find_object(id, None)
            .and_then(|object| object.peel_to_tree().map(drop))
            .is_ok()
}

/// Whether it once was.
pub(super) fn is_said_to_be_whole(repository: &Repository, id: Oid) -> bool {
    repository.find_reference(&format!("{WHOLE}{id}")).is_ok()
}

/// Notes that everything of a commit or tag is there.
pub(super) fn mark_whole(repository: &Repository, id: Oid) -> Result<(), git2::Error> {
    repository.reference(&format!("{WHOLE}{id}"), id, true, "fetched").map(drop)
}

/// The commits that are there with all their files.
pub(super) fn whole_commits(repository: &Repository) -> Vec<Oid> {
    let Ok(references) = repository.references_glob(&format!("{WHOLE}*")) else {
        return Vec::new();
    };
    let commit = |reference: git2::Reference<'_>| {
        reference.peel(ObjectType::Commit).ok().map(|commit| commit.id())
    };
    references.flatten().filter_map(commit).collect()
}

/// Forgets all but these; their objects stay until the cache is made anew.
pub(super) fn keep_only(repository: &Repository, kept: &[Oid]) -> Result<(), git2::Error> {
    for reference in repository.references_glob(&format!("{WHOLE}*"))? {
        let mut reference = reference?;
        if reference.target().is_none_or(|id| !kept.contains(&id)) {
            reference.delete()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(state: &Path) -> Cache {
        Cache::new(state, &"https://host/team/stacks.git".parse().expect("a URL"))
    }

    #[tokio::test(start_paused = true)]
    async fn one_process_at_a_time_changes_a_cache_that_only_we_may_read() {
        let state = tempfile::tempdir().expect("a directory");
        let cache = cache(state.path());
        let lock = cache.lock(Duration::ZERO).await.expect("a lock");
        let mode = fs::metadata(&cache.directory).expect("made").mode();
        assert_eq!(mode & 0o777, 0o700);
        let second = cache.lock(Duration::from_secs(1)).await;
        assert!(matches!(second, Err(GitError::Locked { .. })), "{second:?}");
        // Somebody deletes everything: the old lock guards nothing any more.
        fs::remove_dir_all(state.path().join("git")).expect("removed");
        let new = cache.lock(Duration::ZERO).await.expect("a lock");
        drop((lock, new));
    }

    #[tokio::test]
    async fn a_broken_cache_is_made_anew_and_a_read_one_is_not_tidied() {
        let state = tempfile::tempdir().expect("a directory");
        let cache = cache(state.path());
        let lock = cache.lock(Duration::ZERO).await.expect("a lock");
        cache.open(&lock).expect("made");
        let head = cache.repository_path().join("HEAD");
        fs::remove_file(&head).expect("broken");
        cache.open(&lock).expect("made anew");
        assert!(head.exists());

        for number in 0..=MAX_PACKS {
            let pack = cache.repository_path().join(format!("objects/pack/{number}.pack"));
            fs::write(pack, "").expect("a pack");
        }
        let reader = cache.reader();
        cache.open(&lock).expect("opened");
        assert!(packs(&cache.repository_path()) > MAX_PACKS);
        drop(reader);
        cache.open(&lock).expect("made anew");
        assert_eq!(packs(&cache.repository_path()), 0);
    }
}
