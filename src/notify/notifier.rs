//! Brings the news to the desk, and its messages to the couriers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::reconciler::journal::{Event, News, Numbered};

use super::courier::{Courier, PATIENCE};
use super::desk::{Desk, Pace};
use super::route::Route;

/// Tells people of the news for as long as there are some.
#[derive(Debug)]
pub struct Notifier {
    desk: Desk,
    couriers: Vec<Courier>,
    /// The number of the newest event that it knows.
    last: i64,
}

impl Notifier {
    /// One that goes on where `known` ends: what began before and goes on, people know of, but for what is so new that
    /// the message may not have arrived.
    pub fn new(
        fleet: &str,
        pace: Pace,
        routes: Vec<Route>,
        couriers: Vec<(String, Courier)>,
        known: &News,
    ) -> Self {
        let (names, couriers): (Vec<_>, Vec<_>) = couriers.into_iter().unzip();
        let (now, clock) = (Instant::now(), Timestamp::now());
        let mut desk = Desk::new(fleet, clock.as_microsecond(), pace, routes, names);
        for numbered in open(known) {
            desk.know(&numbered, is_fresh(&numbered.event, clock), now);
        }
        Self { desk, couriers, last: known.last() }
    }

    /// The same, which also knows of what goes on and is older than the news: `newest` is the newest event of each key.
    #[must_use]
    pub fn knowing(mut self, newest: &[Event]) -> Self {
        let (now, clock) = (Instant::now(), Timestamp::now());
        for event in newest.iter().filter(|event| is_open(event)) {
            let id = event.at.as_millisecond();
            let numbered = Arc::new(Numbered { id, event: event.clone() });
            self.desk.know(&numbered, is_fresh(event, clock), now);
        }
        self
    }

    /// Follows `news` until nobody tells any more, and ends when everything is delivered or given up.
    pub async fn run(mut self, mut news: watch::Receiver<Arc<News>>) {
        loop {
            let now = Instant::now();
            let seen = Arc::clone(&news.borrow_and_update());
            for event in seen.after(self.last) {
                self.desk.take(event, now);
            }
            self.last = seen.last().max(self.last);
            let due = self.desk.due(now);
            self.hand(due);
            let next = self.desk.next();
            let is_due = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = news.changed() => if changed.is_err() { break },
                () = is_due => {}
            }
        }
        let rest = self.desk.flush(Instant::now());
        self.hand(rest);
        for courier in self.couriers {
            courier.end().await;
        }
    }

    fn hand(&self, messages: Vec<(usize, super::Message)>) {
        for (target, message) in messages {
            if let Some(courier) = self.couriers.get(target) {
                courier.hand(message);
            }
        }
    }
}

/// Problems that have begun and not ended.
fn open(news: &News) -> Vec<Arc<Numbered>> {
    let mut newest: BTreeMap<&str, &Arc<Numbered>> = BTreeMap::new();
    for numbered in news.events() {
        newest.insert(&numbered.event.key, numbered);
    }
    newest.into_values().filter(|numbered| is_open(&numbered.event)).cloned().collect()
}

fn is_open(event: &Event) -> bool {
    !event.recovered && event.kind.is_problem()
}

/// Whether a message of it may have been under way when the controller before ended: that is tried for an hour.
fn is_fresh(event: &Event, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(event.at)).is_ok_and(|age| age < PATIENCE)
}
