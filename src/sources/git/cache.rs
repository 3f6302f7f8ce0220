//! A bare repository of our own that holds what was fetched of one remote repository. It may vanish at any time.
//!
//! One that is broken, or has gathered too many packs, is left for a new one beside it, and removed when nobody reads
//! from it any more.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use git2::{ErrorCode, ObjectType, Oid, Repository, RepositoryInitOptions};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::error::GitError;
use super::url::{Location, RepositoryUrl};

/// Snapshots that are whole, by a reference each.
const WHOLE: &str = "refs/skep/";
/// How the bare repositories are called, with a number between.
const PREFIX: &str = "repository-";
const SUFFIX: &str = ".git";
/// The file in a bare repository that its readers lock.
const READERS: &str = "skep-readers";
/// How many packs a cache may gather, one a commit, before it is made anew.
const MAX_PACKS: usize = 50;
/// How libgit2 begins the names of files for a pack that is not whole yet.
const UNFINISHED: &str = "pack_git2_";
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

/// A mark that somebody reads from a bare repository, which is not removed meanwhile.
#[derive(Debug)]
pub(super) struct Reader {
    _file: Option<File>,
}

/// What has to be fetched into a bare repository.
#[derive(Debug)]
pub(super) struct Missing {
    /// The repository.
    pub(super) path: PathBuf,
    /// What it lacks of what was asked for.
    pub(super) wants: Vec<Oid>,
    /// The commits that it has with all their files.
    pub(super) haves: Vec<Oid>,
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

    /// Where it lies.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
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

    /// The bare repositories by their numbers; the last one is the current one.
    fn repositories(&self) -> BTreeMap<u64, PathBuf> {
        let number = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()
        };
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter_map(|path| Some((number(&path)?, path))).collect()
    }

    /// Opens the bare repository as it is.
    pub(super) fn current(&self) -> Result<Repository, GitError> {
        let path = self.repositories().into_values().next_back().unwrap_or_default();
        Repository::open_bare(path)
            .map_err(|source| GitError::Store { operation: "open the cache", source })
    }

    /// Opens the bare repository to fetch into it: a new one if there is none that can be used.
    pub(super) fn open(&self, lock: &Lock) -> Result<Repository, GitError> {
        match self.repositories().into_values().next_back() {
            Some(path) if packs(&path) <= MAX_PACKS => {
                remove_unfinished(lock, &path);
                Repository::open_bare(path).or_else(|_| self.make_anew(lock))
            }
            Some(_) | None => self.make_anew(lock),
        }
    }

    /// Makes a new bare repository, and removes old ones that nobody reads.
    pub(super) fn make_anew(&self, _: &Lock) -> Result<Repository, GitError> {
        let old = self.repositories();
        for path in old.values().filter(|path| !is_read(path)) {
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        let number = old.into_keys().next_back().map_or(1, |last| last.saturating_add(1));
        let mut options = RepositoryInitOptions::new();
        // Templates of this machine may hold hooks.
        options.bare(true).external_template(false);
        Repository::init_opts(self.directory.join(format!("{PREFIX}{number}{SUFFIX}")), &options)
            .map_err(|source| GitError::Store { operation: "make a cache", source })
    }

    /// What has to be fetched. A repository that has lost what it had is left for a new one.
    pub(super) fn missing(
        &self,
        lock: &Lock,
        asked: &[Oid],
        is_broken: &AtomicBool,
    ) -> Result<Missing, GitError> {
        let mut repository = if is_broken.swap(false, Ordering::Relaxed) {
            self.make_anew(lock)?
        } else {
            self.open(lock)?
        };
        let is_missing = |id: &&Oid| !is_whole(&repository, **id);
        let wants: Vec<Oid> = asked.iter().filter(is_missing).copied().collect();
        if wants.iter().any(|id| is_said_to_be_whole(&repository, *id)) {
            repository = self.make_anew(lock)?;
            let (path, wants) = (repository.path().to_owned(), asked.to_vec());
            return Ok(Missing { path, wants, haves: Vec::new() });
        }
        let haves = whole_commits(&repository);
        Ok(Missing { path: repository.path().to_owned(), wants, haves })
    }

    /// Checks that what was wanted has come, and remembers of the rest only what is `kept`.
    pub(super) fn conclude(missing: &Missing, kept: &[Oid], url: &str) -> Result<(), GitError> {
        let failed = |source| GitError::Store { operation: "read what was received", source };
        let repository = Repository::open_bare(&missing.path).map_err(failed)?;
        for want in &missing.wants {
            match repository.find_object(*want, None) {
                Ok(object) => object.peel_to_tree().map(drop).map_err(failed)?,
                Err(error) if error.code() == ErrorCode::NotFound => {
                    return Err(GitError::missing_commit(url, &[*want]));
                }
                Err(error) => return Err(failed(error)),
            }
            mark_whole(&repository, *want).map_err(failed)?;
        }
        keep_only(&repository, kept).map_err(failed)
    }

    fn failed(&self, source: io::Error) -> GitError {
        GitError::Cache { path: self.directory.clone(), source }
    }
}

/// Marks that a bare repository is being read.
pub(super) fn reader(repository: &Repository) -> Reader {
    let file = open_lock(&repository.path().join(READERS));
    // Without the mark, the worst is an error that the next pass does not have.
    Reader { _file: file.ok().filter(|file| file.lock_shared().is_ok()) }
}

fn is_read(repository: &Path) -> bool {
    open_lock(&repository.join(READERS)).is_ok_and(|file| file.try_lock().is_err())
}

/// Does what waits for the disk where nothing else waits for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    // It is cancelled only when the runtime goes down.
    spawn_blocking(work).await.unwrap_or(Err(GitError::Cancelled))
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn packs(repository: &Path) -> usize {
    let packs = fs::read_dir(repository.join("objects/pack"));
    let is_pack = |name: &Path| name.extension().is_some_and(|end| end == "pack");
    packs.map_or(0, |entries| entries.flatten().filter(|entry| is_pack(&entry.path())).count())
}

/// Removes what is left of packs whose receiver was killed: nobody receives one while this lock is not theirs.
fn remove_unfinished(_: &Lock, repository: &Path) {
    let entries = fs::read_dir(repository.join("objects/pack")).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().as_bytes().starts_with(UNFINISHED.as_bytes()) {
            // What stays takes room, and does no other harm.
            let _ = fs::remove_file(entry.path());
        }
    }
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
fn is_said_to_be_whole(repository: &Repository, id: Oid) -> bool {
    repository.find_reference(&format!("{WHOLE}{id}")).is_ok()
}

/// Notes that everything of a commit or tag is there.
fn mark_whole(repository: &Repository, id: Oid) -> Result<(), git2::Error> {
    repository.reference(&format!("{WHOLE}{id}"), id, true, "fetched").map(drop)
}

/// The commits that are there with all their files.
fn whole_commits(repository: &Repository) -> Vec<Oid> {
    let Ok(references) = repository.references_glob(&format!("{WHOLE}*")) else {
        return Vec::new();
    };
    let commit = |reference: git2::Reference<'_>| {
        reference.peel(ObjectType::Commit).ok().map(|commit| commit.id())
    };
    references.flatten().filter_map(commit).collect()
}

/// Forgets all but these; their objects stay until the cache is made anew.
fn keep_only(repository: &Repository, kept: &[Oid]) -> Result<(), git2::Error> {
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
    async fn what_a_killed_receiver_left_is_removed_and_packs_stay() {
        let state = tempfile::tempdir().expect("a directory");
        let cache = cache(state.path());
        let lock = cache.lock(Duration::ZERO).await.expect("a lock");
        let repository = cache.open(&lock).expect("made");
        let odb = repository.odb().expect("objects");
        // It has a file of its own until it ends, which a killed one never does.
        let _pack = odb.packwriter().expect("a pack");
        let directory = repository.path().join("objects/pack");
        let files = || -> Vec<_> {
            let mut names: Vec<_> = fs::read_dir(&directory)
                .expect("packs")
                .map(|entry| entry.expect("an entry").file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(files().len(), 1);
        for name in ["pack-1.idx", "pack-1.pack"] {
            fs::write(directory.join(name), "").expect("a pack");
        }
        cache.open(&lock).expect("opened");
        assert_eq!(files(), ["pack-1.idx", "pack-1.pack"]);
    }

    #[tokio::test]
    async fn a_repository_is_left_for_a_new_one_and_stays_while_it_is_read() {
        let state = tempfile::tempdir().expect("a directory");
        let cache = cache(state.path());
        let lock = cache.lock(Duration::ZERO).await.expect("a lock");
        let first = cache.open(&lock).expect("made");
        assert_eq!(cache.open(&lock).expect("opened").path(), first.path());

        let mark = reader(&first);
        fs::remove_file(first.path().join("HEAD")).expect("broken");
        let second = cache.open(&lock).expect("made anew");
        assert_ne!(second.path(), first.path());
        assert!(first.path().exists());
        drop(mark);
        for number in 0..=MAX_PACKS {
            let pack = second.path().join(format!("objects/pack/{number}.pack"));
            fs::write(pack, "").expect("a pack");
        }
        let third = cache.open(&lock).expect("made anew");
        assert_eq!(cache.repositories().into_keys().collect::<Vec<_>>(), [3]);
        assert_eq!(packs(third.path()), 0);
    }
}
