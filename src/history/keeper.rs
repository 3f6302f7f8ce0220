//! The thread that writes to the file, for which nobody waits.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::model::error::chain;
use crate::reconciler::controller::metrics::Metrics;
use crate::reconciler::journal::{Added, News, Resumed};

use super::error::HistoryError;
use super::store::{Limits, Store, set_aside};

/// How long a start waits for what was kept, and an end for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much may wait to be written.
const QUEUE: usize = 256;

/// What was kept from before.
#[derive(Debug, Default)]
pub struct Kept {
    /// The newest of what happened.
    pub news: News,
    /// What the controller must know to go on.
    pub resumed: Resumed,
}

/// Hands what happens to the thread that writes it down.
#[derive(Debug)]
pub struct Keeper {
    queue: SyncSender<Added>,
    ended: oneshot::Receiver<()>,
    metrics: Metrics,
}

impl Keeper {
    /// Starts to keep what happens in the file at `path`, and waits for what is in it.
    pub async fn start(path: PathBuf, limits: Limits, metrics: Metrics) -> (Self, Kept) {
        let (queue, queued) = sync_channel(QUEUE);
        let ((tell_kept, kept), (tell_end, ended)) = (oneshot::channel(), oneshot::channel());
        let work = Work { path, limits, store: None, told: None, metrics: metrics.clone() };
        let spawned = thread::Builder::new().name("history".to_owned()).spawn(move || {
            work.run(&queued, tell_kept);
            // Whoever started it may not wait for its end.
            let _ = tell_end.send(());
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "nothing is kept: the system starts no thread");
        }
        let kept = if let Ok(kept) = timeout(PATIENCE, kept).await {
            kept.unwrap_or_default()
        } else {
            tracing::warn!("the history does not answer: it begins without what was kept");
            Kept::default()
        };
        (Self { queue, ended, metrics }, kept)
    }

    /// Has `added` written down. It never waits: with too much to write, it is dropped and counted.
    pub fn keep(&self, added: &Added) {
        if added.is_empty() {
            return;
        }
        if self.queue.try_send(added.clone()).is_err() {
            self.metrics.history_lost(size(added));
        }
    }

    /// Waits until everything is written, but not for a file that does not answer.
    pub async fn end(self) {
        let Self { queue, ended, metrics: _ } = self;
        drop(queue);
        // The thread may never have begun.
        let _ = timeout(PATIENCE, ended).await;
    }
}

fn size(added: &Added) -> usize {
    let Added { events, entries } = added;
    events.len() + entries.len()
}

struct Work {
    path: PathBuf,
    limits: Limits,
    store: Option<Store>,
    /// What was told of the last failure, while there is one.
    told: Option<String>,
    metrics: Metrics,
}

impl Work {
    fn run(mut self, queue: &Receiver<Added>, tell: oneshot::Sender<Kept>) {
        let kept = self
            .open()
            .and_then(|store| Ok(Kept { news: store.news()?, resumed: store.resumed()? }));
        let kept = self.judge(kept);
        // Nobody listens any more only if the program ends.
        let _ = tell.send(kept.unwrap_or_default());
        while let Ok(added) = queue.recv() {
            let written = self.open().and_then(|store| store.append(&added, Timestamp::now()));
            if self.judge(written).is_none() {
                self.metrics.history_lost(size(&added));
            }
        }
    }

    /// The file as it lies at its path now, which may be another one than before.
    fn open(&mut self) -> Result<&mut Store, HistoryError> {
        // The one before must be closed first: it tidies up what lies beside it.
        let store = match self.store.take().filter(Store::is_there) {
            Some(store) => store,
            None => Store::open(&self.path, self.limits)?,
        };
        Ok(self.store.insert(store))
    }

    /// Tells once when it does not go well any more, and once when it does again.
    fn judge<T>(&mut self, result: Result<T, HistoryError>) -> Option<T> {
        self.metrics.history_is_up(result.is_ok());
        match result {
            Ok(value) => {
                if self.told.take().is_some() {
                    tracing::info!(path = %self.path.display(), "what happens is kept again");
                }
                Some(value)
            }
            Err(error) => {
                // It may be of use again when it is opened anew.
                self.store = None;
                if error.is_of_the_file() && set_aside(&self.path, &error).is_ok() {
                    return None;
                }
                let reason = chain(&error);
                if self.told.as_ref() != Some(&reason) {
                    tracing::warn!("what happens is not kept: {reason}");
                }
                self.told = Some(reason);
                None
            }
        }
    }
}
