//! What becomes of the reports of a running controller: news in memory, a history on the disk, messages to people.
//!
//! Reports are watched, and the loop is not: nothing here can hold it up. A report says how everything is, so that one
//! which was overtaken by the next is not missed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::history::{Keeper, Kept};
use crate::notify::Notifier;
use crate::reconciler::controller::report::Report;
use crate::reconciler::journal::{Journal, News};

/// How long is waited for what is still to be written, or sent, when everything else has ended.
const GRACE: Duration = Duration::from_secs(3);

/// Follows the reports of a controller until it ends.
#[derive(Debug)]
pub(in crate::cli) struct Chronicle {
    news: watch::Receiver<Arc<News>>,
    following: JoinHandle<()>,
    telling: Option<JoinHandle<()>>,
}

impl Chronicle {
    /// Begins to follow `reports`, and to keep what they tell if there is somebody to do it. `tell` makes what tells
    /// people of what is new after what it is given.
    pub(in crate::cli) fn start(
        reports: watch::Receiver<Arc<Report>>,
        keeper: Option<(Keeper, Kept)>,
        tell: impl FnOnce(&News) -> Option<Notifier>,
    ) -> Self {
        let (keeper, kept) = keeper.unzip();
        let Kept { news, resumed } = kept.unwrap_or_default();
        let telling = tell(&news).map(|notifier| notifier.knowing(&resumed.newest));
        let (shown, seen) = watch::channel(Arc::new(news));
        let telling = telling.map(|notifier| tokio::spawn(notifier.run(seen.clone())));
        let following = tokio::spawn(follow(reports, Journal::resume(resumed), shown, keeper));
        Self { news: seen, following, telling }
    }

    /// The newest of what happened.
    pub(in crate::cli) fn news(&self) -> watch::Receiver<Arc<News>> {
        self.news.clone()
    }

    /// Waits, not for long, until everything is kept and sent that the controller has told. It must be gone by then.
    pub(in crate::cli) async fn end(self) {
        let Self { news, following, telling } = self;
        drop(news);
        let all = async {
            // Neither ends early but with the program.
            let _ = following.await;
            if let Some(telling) = telling {
                let _ = telling.await;
            }
        };
        if timeout(GRACE, all).await.is_err() {
            tracing::debug!("what happened last is not kept, or nobody was told of it");
        }
    }
}

async fn follow(
    mut reports: watch::Receiver<Arc<Report>>,
    mut journal: Journal,
    shown: watch::Sender<Arc<News>>,
    keeper: Option<Keeper>,
) {
    loop {
        let report = Arc::clone(&reports.borrow_and_update());
        let told = journal.follow(&report, Timestamp::now());
        if !told.is_empty() {
            let mut news = Arc::clone(&shown.borrow());
            let added = Arc::make_mut(&mut news).add(told);
            if let Some(keeper) = &keeper {
                keeper.keep(&added);
            }
            shown.send_replace(news);
        }
        if reports.changed().await.is_err() {
            break;
        }
    }
    if let Some(keeper) = keeper {
        keeper.end().await;
    }
}
