//! The watch on one directory: events and a clock say when to look, and a digest says whether it was worth it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::debounce::Debounce;
use super::digest::{Digest, Digester, Look};
use super::events::{Events, advice};

/// How often new directories are looked for in new directories before the clock has to do.
const MAX_LOOKS: usize = 3;

/// The number of the first look, which is no change yet.
const FIRST: u64 = 1;

/// When a watch looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long it must be quiet after an event.
    pub quiet: Duration,
    /// How long after the first event at the latest.
    pub longest: Duration,
    /// How often anyway.
    pub poll: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(300),
            longest: Duration::from_secs(1),
            poll: Duration::from_secs(30),
        }
    }
}

/// A watch on the files of a directory source. It ends when it is dropped.
#[derive(Debug)]
pub struct DirectoryWatch {
    changes: watch::Receiver<u64>,
    seen: u64,
    advice: watch::Receiver<Option<String>>,
    task: JoinHandle<()>,
}

impl DirectoryWatch {
    /// Watches the directory at `path`, or that of the file at `path`. What is there now counts as seen.
    pub fn start(path: &Path, timing: Timing) -> Self {
        let root = if path.is_file() { path.parent().unwrap_or(path) } else { path };
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let (happened, events) = mpsc::channel(1);
        let (tell, changes) = watch::channel(0);
        let (explain, advice) = watch::channel(None);
        let mut directory = Some(Directory {
            digester: Digester::new(root.clone()),
            root,
            events: None,
            happened,
            explain,
        });
        let look = async move || {
            let mut looking = directory.take()?;
            let looked = tokio::task::spawn_blocking(move || {
                let digest = looking.look();
                (looking, digest)
            });
            let (looked, digest) = looked.await.ok()?;
            directory = Some(looked);
            Some(digest)
        };
        let task = tokio::spawn(run(events, look, tell, timing));
        Self { changes, seen: 0, advice, task }
    }

    /// Waits until the content is another one than at the last call. It may be dropped and called again at any time.
    pub async fn changed(&mut self) {
        self.seen = self.beyond(self.seen.max(FIRST)).await;
    }

    /// Waits until what was there at the start has been seen.
    pub async fn ready(&mut self) {
        self.beyond(FIRST - 1).await;
    }

    async fn beyond(&mut self, seen: u64) -> u64 {
        // Nothing that is borrowed may live on while it waits for ever.
        let count = self.changes.wait_for(|count| *count > seen).await.map(|count| *count);
        match count {
            Ok(count) => count,
            // Only when the runtime goes down; nobody is to look then.
            Err(_) => std::future::pending().await,
        }
    }

    /// Why changes are found by polling only, and what to do about it.
    pub fn advice(&self) -> Option<String> {
        self.advice.borrow().clone()
    }
}

impl Drop for DirectoryWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Looks when it is time, and tells when the content has changed. It ends when `look` does.
async fn run<L>(
    mut events: mpsc::Receiver<()>,
    mut look: L,
    tell: watch::Sender<u64>,
    timing: Timing,
) where
    L: AsyncFnMut() -> Option<Digest>,
{
    let mut debounce = Debounce::new(timing.quiet, timing.longest);
    let Some(mut seen) = look().await else { return };
    tell.send_modify(|count| *count += 1);
    let mut poll = Instant::now() + timing.poll;
    loop {
        let due = debounce.due().map_or(poll, |due| due.min(poll));
        tokio::select! {
            Some(()) = events.recv() => {
                debounce.touch(Instant::now());
                continue;
            }
            () = sleep_until(due) => {}
        }
        debounce.clear();
        let Some(digest) = look().await else { return };
        poll = Instant::now() + timing.poll;
        if digest != seen {
            seen = digest;
            tell.send_modify(|count| *count += 1);
        }
    }
}

/// The directory, with everything that it takes to look at it.
struct Directory {
    root: PathBuf,
    digester: Digester,
    events: Option<Events>,
    happened: mpsc::Sender<()>,
    explain: watch::Sender<Option<String>>,
}

impl Directory {
    /// Looks, and watches what is there for the next time.
    fn look(&mut self) -> Digest {
        let mut look = self.digester.look();
        for _ in 0..MAX_LOOKS {
            match self.watch(&look) {
                Ok(true) => look = self.digester.look(),
                Ok(false) => {
                    self.advise(look.is_partial.then(|| {
                        "the directory has so many files that not all of them are watched; name a smaller one".to_owned()
                    }));
                    break;
                }
                Err(error) => {
                    self.events = None;
                    self.advise(Some(advice(&error)));
                    break;
                }
            }
        }
        look.digest
    }

    fn watch(&mut self, look: &Look) -> Result<bool, notify::Error> {
        let events = match &mut self.events {
            Some(events) => events,
            None => self.events.insert(Events::begin(&self.root, self.happened.clone())?),
        };
        events.watch(&look.directories)
    }

    /// Says once what is wrong, and keeps it for those who ask.
    fn advise(&self, advice: Option<String>) {
        self.explain.send_if_modified(|known| {
            if *known == advice {
                return false;
            }
            if let Some(advice) = &advice {
                tracing::warn!(directory = %self.root.display(), "changes are found by polling: {advice}");
            }
            *known = advice;
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

    use super::*;

    /// A directory whose content is a number, watched on a clock that tests turn.
    struct Watched {
        content: Arc<AtomicU8>,
        looks: Arc<AtomicUsize>,
        happened: mpsc::Sender<()>,
        changes: watch::Receiver<u64>,
    }

    impl Watched {
        async fn start() -> Self {
            let timing = Timing {
                quiet: Duration::from_millis(300),
                longest: Duration::from_secs(1),
                poll: Duration::from_secs(30),
            };
            let (happened, events) = mpsc::channel(1);
            let (tell, mut changes) = watch::channel(0);
            let content = Arc::new(AtomicU8::new(0));
            let looks = Arc::new(AtomicUsize::new(0));
            let (seen, count) = (Arc::clone(&content), Arc::clone(&looks));
            let look = async move || {
                count.fetch_add(1, Ordering::SeqCst);
                Some(Digest::of_test(seen.load(Ordering::SeqCst)))
            };
            tokio::spawn(run(events, look, tell, timing));
            changes.changed().await.expect("the first look");
            Self { content, looks, happened, changes }
        }

        fn write(&self, content: u8) {
            self.content.store(content, Ordering::SeqCst);
            let _ = self.happened.try_send(());
        }

        fn looks(&self) -> usize {
            self.looks.load(Ordering::SeqCst)
        }

        async fn changed_after(&mut self) -> Duration {
            let begun = Instant::now();
            self.changes.changed().await.expect("a change");
            begun.elapsed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_looked_at_after_a_pause_and_a_storm_in_the_middle() {
        let mut watched = Watched::start().await;
        watched.write(1);
        let after = watched.changed_after().await;
        assert!((300..320).contains(&after.as_millis()), "{after:?}");
        // A storm that never pauses is looked into once a second, and not at every event.
        let before = watched.looks();
        for number in 0..50 {
            watched.write(number + 2);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let looks = watched.looks() - before;
        assert!((4..=6).contains(&looks), "{looks}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_events_the_clock_finds_the_change_and_without_a_change_nobody_hears() {
        let mut watched = Watched::start().await;
        watched.content.store(9, Ordering::SeqCst);
        let after = watched.changed_after().await;
        assert!((29_000..30_100).contains(&after.as_millis()), "{after:?}");
        // The same again: events and polls, but no change.
        watched.write(9);
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert!(!watched.changes.has_changed().expect("alive"));
        assert!(watched.looks() >= 10);
    }
}
