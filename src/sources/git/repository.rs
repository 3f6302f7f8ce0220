//! One remote repository, for all sources that read from it: listed once a pass, fetched once a change.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use git2::Oid;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use super::access::Access;
use super::cache::{self, Cache, Lock, Reader};
use super::conversation::{Conversation, Order};
use super::error::GitError;
use super::limits::Limits;
use super::local;
use super::receive::PackReceiver;
use super::reference::{NoTarget, Reference, Target};
use super::refs::Refs;
use super::url::{Location, RepositoryUrl};
use super::wire::Wire;

/// All remote repositories of a process. Sources of one repository with the same credentials share its fetches.
#[derive(Debug)]
pub struct Repositories {
    state: PathBuf,
    limits: Limits,
    known: Mutex<HashMap<(RepositoryUrl, Access), Weak<Repository>>>,
}

impl Repositories {
    /// Repositories whose caches lie below the directory `state`, in `git`. It is made when it is needed.
    pub fn new(state: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { state: state.into(), limits, known: Mutex::default() }
    }

    /// The repository at `url`.
    pub(super) fn repository(&self, url: &RepositoryUrl, access: &Access) -> Arc<Repository> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, repository| repository.strong_count() > 0);
        let key = (url.clone(), access.clone());
        if let Some(repository) = known.get(&key).and_then(Weak::upgrade) {
            return repository;
        }
        let repository = Arc::new(Repository {
            url: url.clone(),
            access: access.clone(),
            limits: self.limits,
            new_hosts: self.state.join("git/known_hosts"),
            cache: Cache::new(&self.state, url),
            wanted: Mutex::default(),
            listed: AsyncMutex::default(),
            is_broken: Arc::default(),
        });
        known.insert(key, Arc::downgrade(&repository));
        repository
    }
}

/// One remote repository and its cache.
pub(super) struct Repository {
    url: RepositoryUrl,
    access: Access,
    limits: Limits,
    new_hosts: PathBuf,
    cache: Cache,
    /// What all sources want, so that one fetch brings everything.
    wanted: Mutex<Vec<Weak<Reference>>>,
    listed: AsyncMutex<Option<Listing>>,
    is_broken: Arc<AtomicBool>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("url", &self.url.to_string()).finish_non_exhaustive()
    }
}

/// A commit or tag that is in the cache, and stays there while this lives.
pub(super) struct Obtained {
    pub(super) target: Target,
    pub(super) repository: git2::Repository,
    pub(super) reader: Reader,
    /// To set when an object turns out to be unreadable.
    pub(super) is_broken: Arc<AtomicBool>,
}

/// What the server had, or why it did not say.
#[derive(Debug)]
struct Listing {
    /// When it was asked.
    at: Instant,
    refs: Result<Refs, Arc<GitError>>,
}

/// Where objects come from.
enum Remote {
    Server(Box<Conversation>),
    Local(PathBuf),
}

impl Repository {
    pub(super) fn url(&self) -> &RepositoryUrl {
        &self.url
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Lets fetches for others bring this, too, for as long as it is kept.
    pub(super) fn want(&self, reference: Reference) -> Arc<Reference> {
        let reference = Arc::new(reference);
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.retain(|reference| reference.strong_count() > 0);
        wanted.push(Arc::downgrade(&reference));
        reference
    }

    fn all_wanted(&self) -> Vec<Arc<Reference>> {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.iter().filter_map(Weak::upgrade).collect()
    }

    /// Brings what a reference stands for into the cache. What the server said after `asked` is new enough, and so is
    /// that it said nothing.
    pub(super) async fn obtain(
        &self,
        reference: &Reference,
        asked: Instant,
    ) -> Result<Obtained, Arc<GitError>> {
        let limit = self.limits.total;
        let obtained = timeout(limit, self.obtain_in_time(reference, asked)).await;
        obtained.unwrap_or_else(|_| {
            let host = self.url.to_string();
            Err(GitError::TimedOut { host, what: "send everything", limit }.into())
        })
    }

    async fn obtain_in_time(
        &self,
        reference: &Reference,
        asked: Instant,
    ) -> Result<Obtained, Arc<GitError>> {
        let mut listed = self.listed.lock().await;
        // What never changes need not be asked for.
        if let Reference::Commit(id) = reference {
            let target = Target { id: id.oid(), branch: None, tag: None };
            let lock = self.cache.lock(self.limits.connect).await?;
            if self.missing(&lock, vec![target.id])?.0.is_empty() {
                return Ok(self.open(&lock, target)?);
            }
        }
        let mut remote = None;
        let is_fresh = |listing: &Listing| listing.at >= asked;
        let listing = if let Some(listing) = listed.take().filter(is_fresh) {
            listed.insert(listing)
        } else {
            let at = Instant::now();
            let refs = match self.ask().await {
                Ok((answering, refs)) => {
                    remote = Some(answering);
                    Ok(refs)
                }
                Err(error) => Err(Arc::new(error)),
            };
            listed.insert(Listing { at, refs })
        };
        let refs = listing.refs.as_ref().map_err(Arc::clone)?;
        let Ok(target) = reference.find(refs) else {
            return Err(self.explain(reference, remote).await.into());
        };
        let others = self.all_wanted();
        let others = others.iter().filter_map(|other| other.find(refs).ok());
        let mut wants: Vec<Oid> = others.map(|other| other.id).chain([target.id]).collect();
        wants.sort_unstable();
        wants.dedup();

        let lock = self.cache.lock(self.limits.connect).await?;
        let has_others = wants.len() > 1;
        let mut done = self.bring(&lock, remote, refs, wants).await;
        // What is wrong with another source's commit must not be this one's trouble.
        if done.is_err() && has_others {
            done = self.bring(&lock, None, refs, vec![target.id]).await;
        }
        if matches!(done, Err(GitError::Store { .. })) {
            self.is_broken.store(true, Ordering::Relaxed);
            done = self.bring(&lock, None, refs, vec![target.id]).await;
        }
        done?;
        Ok(self.open(&lock, target)?)
    }

    async fn ask(&self) -> Result<(Remote, Refs), GitError> {
        let mut remote = self.connect().await?;
        let refs = self.list(&mut remote, &self.prefixes()).await?;
        Ok((remote, refs))
    }

    /// The beginnings of all names that somebody wants.
    fn prefixes(&self) -> Vec<String> {
        let wanted = self.all_wanted();
        let mut prefixes: Vec<String> = wanted.iter().flat_map(|one| one.prefixes()).collect();
        if prefixes.is_empty() {
            // Without any, everything would be listed.
            prefixes.push("HEAD".to_owned());
        }
        prefixes.sort_unstable();
        prefixes.dedup();
        prefixes
    }

    async fn connect(&self) -> Result<Remote, GitError> {
        let Self { url, access, new_hosts, limits, .. } = self;
        if let Location::Local(path) = url.location() {
            return Ok(Remote::Local(path.clone()));
        }
        match Wire::open(url, access, new_hosts, limits).await? {
            Some(wire) => {
                let conversation = Conversation::begin(wire, url.to_string(), limits).await?;
                Ok(Remote::Server(Box::new(conversation)))
            }
            None => Err(GitError::NoRepository { url: url.to_string() }),
        }
    }

    async fn list(&self, remote: &mut Remote, prefixes: &[String]) -> Result<Refs, GitError> {
        match remote {
            Remote::Server(conversation) => conversation.refs(prefixes).await,
            Remote::Local(path) => {
                let path = path.clone();
                blocking(move || local::refs(&path)).await
            }
        }
    }

    /// Why a reference was not found, for which it may need to know what else there is.
    async fn explain(&self, reference: &Reference, remote: Option<Remote>) -> GitError {
        let url = self.url.to_string();
        let listed = async {
            let mut remote = match remote {
                Some(remote) => remote,
                None => self.connect().await?,
            };
            self.list(&mut remote, &reference.neighbours()).await
        };
        let refs = match listed.await {
            Ok(refs) => refs,
            Err(error) => return error,
        };
        match reference.find(&refs) {
            Err(NoTarget::Empty) => GitError::Empty { url },
            Err(NoTarget::Missing { what, similar }) => GitError::Missing { url, what, similar },
            // It came in between, or is `HEAD`, which is no neighbour of itself.
            Ok(_) => GitError::Missing { url, what: reference.to_string(), similar: None },
        }
    }

    /// Which of these the cache lacks, and which commits it has. A broken cache is made anew, and lacks all.
    fn missing(&self, lock: &Lock, wants: Vec<Oid>) -> Result<(Vec<Oid>, Vec<Oid>), GitError> {
        let repository = if self.is_broken.swap(false, Ordering::Relaxed) {
            self.cache.make_anew(lock)?
        } else {
            self.cache.open(lock)?
        };
        let missing: Vec<Oid> =
            wants.into_iter().filter(|id| !cache::is_whole(&repository, *id)).collect();
        if missing.iter().any(|id| cache::is_said_to_be_whole(&repository, *id)) {
            self.cache.make_anew(lock)?;
            return Ok((missing, Vec::new()));
        }
        let haves = cache::whole_commits(&repository);
        Ok((missing, haves))
    }

    /// Brings objects into the cache that are not there.
    async fn bring(
        &self,
        lock: &Lock,
        remote: Option<Remote>,
        refs: &Refs,
        all: Vec<Oid>,
    ) -> Result<(), GitError> {
        let (wants, haves) = self.missing(lock, all.clone())?;
        if wants.is_empty() {
            if let Some(Remote::Server(mut conversation)) = remote {
                conversation.end().await;
            }
            return Ok(());
        }
        let remote = match remote {
            Some(remote) => remote,
            None => self.connect().await?,
        };
        let cache = self.cache.repository_path();
        match remote {
            Remote::Local(path) => {
                let limits = self.limits;
                let (cache, wants) = (cache.clone(), wants.clone());
                let stop = StopOnDrop::default();
                let stopped = Arc::clone(&stop.0);
                blocking(move || {
                    let failed = |source| GitError::Store { operation: "open the cache", source };
                    let cache = git2::Repository::open_bare(&cache).map_err(failed)?;
                    local::copy(&path, &cache, &wants, &limits, &stopped)
                })
                .await?;
            }
            Remote::Server(mut conversation) => {
                self.receive(&mut conversation, refs, &wants, &haves, &cache).await?;
            }
        }
        let url = self.url.to_string();
        blocking(move || conclude(&cache, &url, &wants, &all)).await
    }

    async fn receive(
        &self,
        conversation: &mut Conversation,
        refs: &Refs,
        wants: &[Oid],
        haves: &[Oid],
        cache: &Path,
    ) -> Result<(), GitError> {
        let is_listed = |id: &Oid| refs.all.iter().any(|found| found.id == *id);
        // A server that gives nothing but its branches and tags may have the commit in their history.
        let history = !conversation.greeting().gives_any_commit() && !wants.iter().all(is_listed);
        let branches: Vec<Oid> = refs.all.iter().map(|found| found.id).collect();
        let order = Order {
            wants: if history { &branches } else { wants },
            haves: if history { &[] } else { haves },
            history,
            file_bytes: self.limits.file_bytes,
        };
        if order.wants.is_empty() {
            return Err(GitError::Empty { url: self.url.to_string() });
        }
        let mut pack = PackReceiver::new(self.url.to_string(), self.limits, cache);
        match conversation.fetch(order, &mut pack).await {
            Ok(()) => pack.finish().await,
            Err(GitError::Refused { message, .. }) if message.contains("not our ref") => {
                Err(missing_commit(&self.url.to_string(), wants))
            }
            Err(error) => Err(error),
        }
    }

    fn open(&self, lock: &Lock, target: Target) -> Result<Obtained, GitError> {
        let reader = self.cache.reader();
        let repository = self.cache.open(lock)?;
        Ok(Obtained { target, repository, reader, is_broken: Arc::clone(&self.is_broken) })
    }
}

/// Checks that everything came, and remembers it instead of what is not wanted any more.
fn conclude(cache: &Path, url: &str, wants: &[Oid], all: &[Oid]) -> Result<(), GitError> {
    let failed = |source| GitError::Store { operation: "read what was received", source };
    let repository = git2::Repository::open_bare(cache).map_err(failed)?;
    for want in wants {
        match repository.find_object(*want, None) {
            Ok(object) => object.peel_to_tree().map(drop).map_err(failed)?,
            Err(error) if error.code() == git2::ErrorCode::NotFound => {
                return Err(missing_commit(url, &[*want]));
            }
            Err(error) => return Err(failed(error)),
        }
        cache::mark_whole(&repository, *want).map_err(failed)?;
    }
    cache::keep_only(&repository, all).map_err(failed)
}

fn missing_commit(url: &str, wants: &[Oid]) -> GitError {
    let wants: Vec<String> = wants.iter().map(Oid::to_string).collect();
    let what = format!("commit {}", wants.join(" or "));
    GitError::Missing { url: url.to_owned(), what, similar: None }
}

/// Ends work on a thread when nobody waits for it any more.
#[derive(Debug, Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does what waits for the disk where nothing else waits for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, GitError> + Send + 'static,
) -> Result<T, GitError> {
    // It is cancelled only when the runtime goes down.
    spawn_blocking(work).await.unwrap_or(Err(GitError::Cancelled))
}
