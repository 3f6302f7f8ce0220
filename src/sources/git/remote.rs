//! Where objects come from: a server, or a repository of this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::Oid;

use super::access::Access;
use super::cache::{Missing, blocking};
use super::conversation::{Conversation, Order};
use super::error::GitError;
use super::limits::Limits;
use super::local;
use super::receive::PackReceiver;
use super::refs::Refs;
use super::url::{Location, RepositoryUrl};
use super::wire::Wire;

/// A server that listens, or a repository of this machine.
#[derive(Debug)]
pub(super) enum Remote {
    Server(Box<Conversation>),
    Local(PathBuf),
}

impl Remote {
    /// Connects and logs in.
    pub(super) async fn connect(
        url: &RepositoryUrl,
        access: &Access,
        new_hosts: &Path,
        limits: &Limits,
    ) -> Result<Self, GitError> {
        if let Location::Local(path) = url.location() {
            return Ok(Self::Local(path.clone()));
        }
        match Wire::open(url, access, new_hosts, limits).await? {
            Some(wire) => {
                let conversation = Conversation::begin(wire, url.to_string(), limits).await?;
                Ok(Self::Server(Box::new(conversation)))
            }
            None => Err(GitError::NoRepository { url: url.to_string() }),
        }
    }

    /// The references whose names begin with one of `prefixes`, and maybe others.
    pub(super) async fn list(&mut self, prefixes: &[String]) -> Result<Refs, GitError> {
        match self {
            Self::Server(conversation) => conversation.refs(prefixes).await,
            Self::Local(path) => {
                let path = path.clone();
                blocking(move || local::refs(&path)).await
            }
        }
    }

    /// Brings what is missing. `refs` is what the remote has, as far as it was asked.
    pub(super) async fn deliver(
        &mut self,
        missing: &Missing,
        refs: &Refs,
        url: &str,
        limits: &Limits,
    ) -> Result<(), GitError> {
        match self {
            Self::Server(conversation) => receive(conversation, missing, refs, url, limits).await,
            Self::Local(path) => {
                let (path, cache, limits) = (path.clone(), missing.path.clone(), *limits);
                let wants = missing.wants.clone();
                let stop = StopOnDrop::default();
                let stopped = Arc::clone(&stop.0);
                blocking(move || {
                    let failed = |source| GitError::Store { operation: "open the cache", source };
                    let cache = git2::Repository::open_bare(&cache).map_err(failed)?;
                    local::copy(&path, &cache, &wants, &limits, &stopped)
                })
                .await
            }
        }
    }

    /// Takes leave.
    pub(super) async fn end(self) {
        if let Self::Server(mut conversation) = self {
            conversation.end().await;
        }
    }
}

async fn receive(
    conversation: &mut Conversation,
    missing: &Missing,
    refs: &Refs,
    url: &str,
    limits: &Limits,
) -> Result<(), GitError> {
    let Missing { path, wants, haves } = missing;
    let is_listed = |id: &Oid| refs.all.iter().any(|found| found.id == *id);
    // A server that gives nothing but its branches and tags may have the commit in their history.
    let history = !conversation.greeting().gives_any_commit() && !wants.iter().all(is_listed);
    let branches: Vec<Oid> = refs.all.iter().map(|found| found.id).collect();
    let order = Order {
        wants: if history { &branches } else { wants },
        haves: if history { &[] } else { haves },
        history,
        file_bytes: limits.file_bytes,
    };
    if order.wants.is_empty() {
        return Err(GitError::Empty { url: url.to_owned() });
    }
    let mut pack = PackReceiver::new(url.to_owned(), *limits, path);
    match conversation.fetch(order, &mut pack).await {
        Ok(()) => pack.finish().await,
        Err(GitError::Refused { message, .. }) if message.contains("not our ref") => {
            Err(GitError::missing_commit(url, wants))
        }
        Err(error) => Err(error),
    }
}

/// Ends work on a thread when nobody waits for it any more.
#[derive(Debug, Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
