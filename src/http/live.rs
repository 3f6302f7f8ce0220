//! Tells those who watch that there is something new: one text for all of them, made once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::timeout;

use super::view::tidied;
use crate::reconciler::controller::report::Report;
use crate::reconciler::journal::News;

/// How many may watch at the same time.
const WATCHERS: usize = 500;
/// How much news may wait for a watcher who does not take any, of which all events of a pass are one; more, and it is left
/// behind.
const WAITING: usize = 64;
/// How often something is said although there is no news, so that everybody notices a connection that is gone.
const SIGN_OF_LIFE: Duration = Duration::from_secs(20);

/// What has changed since the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangeEvent {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How many passes the controller has made.
    pub passes: u64,
    /// How things are, in a line.
    pub line: String,
    /// The stacks whose condition is another one now; `null` for those that are gone.
    pub conditions: BTreeMap<String, Option<&'static str>>,
}

/// Where those who watch are told.
#[derive(Debug)]
pub(super) struct Live {
    news: broadcast::WeakSender<Bytes>,
    room: Arc<Semaphore>,
}

impl Live {
    /// Begins to tell of what is new in `reports`, for as long as there are some, and of what happens.
    pub(super) fn start(
        reports: watch::Receiver<Arc<Report>>,
        happening: Option<watch::Receiver<Arc<News>>>,
    ) -> Self {
        let (news, _) = broadcast::channel(WAITING);
        let live = Self { news: news.downgrade(), room: Arc::new(Semaphore::new(WATCHERS)) };
        if let Some(happening) = happening {
            tokio::spawn(tell_of_events(happening, news.downgrade()));
        }
        tokio::spawn(tell_of_changes(reports, news));
        live
    }

    /// What a watcher gets; `None` if there are too many.
    pub(super) fn watch(&self) -> Option<Response> {
        let place = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let watcher =
            Watcher { news: self.news.upgrade().map(|news| news.subscribe()), _place: place };
        let hello = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"retry: 3000\n\n"))]);
        let news = stream::unfold(watcher, Watcher::next);
        let body = Body::from_stream(futures_util::StreamExt::chain(hello, news));
        let media_type = HeaderValue::from_static("text/event-stream; charset=utf-8");
        Some(([(CONTENT_TYPE, media_type)], body).into_response())
    }
}

/// Tells of changes until there are no reports any more; then `news` ends for everybody.
async fn tell_of_changes(
    mut reports: watch::Receiver<Arc<Report>>,
    news: broadcast::Sender<Bytes>,
) {
    let mut before = Arc::clone(&reports.borrow_and_update());
    while reports.changed().await.is_ok() {
        let now = Arc::clone(&reports.borrow_and_update());
        if let Some(text) = text("change", None, &change(&before, &now)) {
            // Nobody may be watching.
            let _ = news.send(text);
        }
        before = now;
    }
}

/// Tells of events for as long as somebody tells of changes.
async fn tell_of_events(
    mut happening: watch::Receiver<Arc<News>>,
    news: broadcast::WeakSender<Bytes>,
) {
    let mut last = happening.borrow_and_update().last();
    while happening.changed().await.is_ok() {
        let now = Arc::clone(&happening.borrow_and_update());
        let Some(news) = news.upgrade() else { return };
        let texts = now.after(last).filter_map(|of| text("event", Some(of.id), &tidied(of)));
        // What one pass found is said at once: nobody is left behind because it is much.
        let all = texts.fold(BytesMut::new(), |mut all, text| {
            all.extend_from_slice(&text);
            all
        });
        if !all.is_empty() {
            // Nobody may be watching.
            let _ = news.send(all.freeze());
        }
        last = now.last();
    }
}

struct Watcher {
    news: Option<broadcast::Receiver<Bytes>>,
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    /// The next thing to say. The end comes with that of the controller, and for who is left behind: a client that
    /// comes again sees everything as it is then.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let news = self.news.as_mut()?;
        match timeout(SIGN_OF_LIFE, news.recv()).await {
            Ok(Ok(text)) => Some((Ok(text), self)),
            Ok(Err(RecvError::Closed | RecvError::Lagged(_))) => None,
            Err(_) => Some((Ok(Bytes::from_static(b":\n\n")), self)),
        }
    }
}

fn change(before: &Report, now: &Report) -> ChangeEvent {
    let condition =
        |report: &Report, name: &str| report.stacks.get(name).map(|of| of.condition.as_str());
    let names = before.stacks.keys().chain(now.stacks.keys());
    let changed = names.filter(|name| condition(before, name) != condition(now, name));
    ChangeEvent {
        at: Timestamp::now(),
        passes: now.passes,
        line: now.line(),
        conditions: changed.map(|name| (name.clone(), condition(now, name))).collect(),
    }
}

/// The form of the HTML standard, 9.2.6. JSON has no line feeds.
fn text(kind: &str, id: Option<i64>, document: &impl Serialize) -> Option<Bytes> {
    let data = serde_json::to_string(document).ok()?;
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    Some(Bytes::from(format!("event: {kind}\n{id}data: {data}\n\n")))
}
