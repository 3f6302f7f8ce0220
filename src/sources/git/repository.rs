//! One remote repository, for all sources that read from it: listed once a pass, fetched once a change.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use git2::Oid;
use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout};

use super::access::Access;
use super::cache::{self, Cache, Lock, Missing, Reader, blocking};
use super::error::GitError;
use super::last::{self, Last, Whose};
use super::limits::Limits;
use super::reference::{NoTarget, Reference, Target};
use super::refs::Refs;
use super::remote::Remote;
use super::url::RepositoryUrl;

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
        let lock = Arc::new(self.cache.lock(self.limits.connect).await?);
        // What never changes need not be asked for.
        if let Reference::Commit(id) = reference {
            let target = Target { id: id.oid(), branch: None, tag: None };
            if self.missing(&lock, vec![target.id]).await?.wants.is_empty() {
                return Ok(self.open(&lock, target).await?);
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
        if self.missing(&lock, vec![target.id]).await?.wants.is_empty() {
            if let Some(remote) = remote {
                remote.end().await;
            }
            return Ok(self.open(&lock, target).await?);
        }
        let others = self.all_wanted();
        let others = others.iter().filter_map(|other| other.find(refs).ok());
        let mut all: Vec<Oid> = others.map(|other| other.id).chain([target.id]).collect();
        all.sort_unstable();
        all.dedup();
        let mut done = self.bring(&lock, remote, refs, &all, &all).await;
        // What is wrong with another source's commit must not be this one's trouble.
        if done.is_err() && all.len() > 1 {
            done = self.bring(&lock, None, refs, &[target.id], &all).await;
        }
        if matches!(done, Err(GitError::Store { .. })) {
            self.is_broken.store(true, Ordering::Relaxed);
            done = self.bring(&lock, None, refs, &[target.id], &all).await;
        }
        done?;
        Ok(self.open(&lock, target).await?)
    }

    async fn ask(&self) -> Result<(Remote, Refs), GitError> {
        let mut remote = self.connect().await?;
        let refs = remote.list(&self.prefixes()).await?;
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
        Remote::connect(url, access, new_hosts, limits).await
    }

    /// Why a reference was not found, for which it may need to know what else there is.
    async fn explain(&self, reference: &Reference, remote: Option<Remote>) -> GitError {
        let url = self.url.to_string();
        let listed = async {
            let mut remote = match remote {
                Some(remote) => remote,
                None => self.connect().await?,
            };
            remote.list(&reference.neighbours()).await
        };
        let refs = match listed.await {
            Ok(refs) => refs,
            Err(error) => return error,
        };
        match reference.find(&refs) {
            Err(NoTarget::Empty) => GitError::Empty { url },
            Err(NoTarget::Missing { what, similar }) => GitError::Missing { url, what, similar },
            // It came in between.
            Ok(_) => GitError::Missing { url, what: reference.to_string(), similar: None },
        }
    }

    async fn missing(&self, lock: &Arc<Lock>, asked: Vec<Oid>) -> Result<Missing, GitError> {
        let (cache, lock) = (self.cache.clone(), Arc::clone(lock));
        let is_broken = Arc::clone(&self.is_broken);
        blocking(move || cache.missing(&lock, &asked, &is_broken)).await
    }

    /// Brings objects into the cache that are not there. Of what else is in it, only what is `kept` is remembered.
    async fn bring(
        &self,
        lock: &Arc<Lock>,
        remote: Option<Remote>,
        refs: &Refs,
        wants: &[Oid],
        kept: &[Oid],
    ) -> Result<(), GitError> {
        let missing = self.missing(lock, wants.to_vec()).await?;
        let mut remote = match remote {
            Some(remote) => remote,
            None => self.connect().await?,
        };
        let url = self.url.to_string();
        remote.deliver(&missing, refs, &url, &self.limits).await?;
        let (mut kept, directory) = (kept.to_vec(), self.cache.directory().to_owned());
        blocking(move || {
            kept.extend(last::all(&directory));
            Cache::conclude(&missing, &kept, &url)
        })
        .await
    }

    /// Remembers that a reference led to `target`, which was found good.
    pub(super) fn remember(&self, whose: Whose<'_>, target: &Target) {
        // It is a help at a start without the server, and needed for nothing else.
        if let Err(error) = whose.remember(self.cache.directory(), target) {
            tracing::debug!(%error, "what was fetched cannot be remembered");
        }
    }

    /// What was found good last, and when it was fetched; `None` if it is not there.
    pub(super) async fn recall(
        &self,
        whose: Whose<'_>,
    ) -> Result<Option<(Obtained, Timestamp)>, GitError> {
        let Some(Last { target, fetched_at }) = whose.recall(self.cache.directory()) else {
            return Ok(None);
        };
        let lock = Arc::new(self.cache.lock(self.limits.connect).await?);
        let obtained = self.open(&lock, target).await?;
        let is_there = cache::is_whole(&obtained.repository, obtained.target.id);
        Ok(is_there.then_some((obtained, fetched_at)))
    }

    async fn open(&self, lock: &Arc<Lock>, target: Target) -> Result<Obtained, GitError> {
        let (cache, lock) = (self.cache.clone(), Arc::clone(lock));
        let is_broken = Arc::clone(&self.is_broken);
        blocking(move || {
            let repository = cache.current()?;
            let reader = cache::reader(&repository);
            // Until it is marked as read, nobody may remove it.
            drop(lock);
            Ok(Obtained { target, repository, reader, is_broken })
        })
        .await
    }
}
