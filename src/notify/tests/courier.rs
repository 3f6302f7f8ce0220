//! What becomes of messages that cannot be delivered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{PACE, event, fails};
use crate::notify::{Courier, Delivery, Message, Notifier, Outlet, Route, SendError};
use crate::reconciler::controller::example;
use crate::reconciler::controller::metrics::{Exposition, Metrics};
use crate::reconciler::journal::{Event, EventKind, News, Told};

/// A target that fails as often as it is told to, and notes what it took.
#[derive(Clone)]
struct Scripted {
    begun: Instant,
    failures: Arc<Mutex<Vec<SendError>>>,
    taken: Arc<Mutex<Vec<(u64, String)>>>,
}

impl Scripted {
    fn new(mut failures: Vec<SendError>) -> Self {
        failures.reverse();
        let failures = Arc::new(Mutex::new(failures));
        Self { begun: Instant::now(), failures, taken: Arc::default() }
    }

    fn taken(&self) -> Vec<(u64, String)> {
        self.taken.lock().unwrap().clone()
    }
}

impl Outlet for Scripted {
    async fn send(&self, message: &Message, _: &mut Delivery) -> Result<(), SendError> {
        if let Some(error) = self.failures.lock().unwrap().pop() {
            return Err(error);
        }
        let seconds = self.begun.elapsed().as_secs();
        self.taken.lock().unwrap().push((seconds, message.title()));
        Ok(())
    }
}

fn busy(after: Option<u64>) -> SendError {
    SendError::Busy { after: after.map(Duration::from_secs), words: "busy".to_owned() }
}

fn message(stack: &str) -> Message {
    Message::new("f", 1, vec![fails(stack)], false)
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_delivered_is_tried_again_when_the_target_says_or_later_and_later() {
    let timeout = SendError::TimedOut(Duration::from_secs(1));
    let target = Scripted::new(vec![busy(None), timeout, busy(Some(60))]);
    let metrics = Metrics::default();
    let courier = Courier::start("chat", target.clone(), metrics.clone(), || 0.0);
    courier.hand(message("a"));
    courier.hand(message("b"));
    courier.end().await;
    let taken = target.taken();
    assert_eq!(taken[0], (63, "[f] service-failing in a".to_owned()));
    assert_eq!(taken[1].1, "[f] service-failing in b");
    assert_eq!(metrics.notifications("chat", "retried"), 3);
    assert_eq!(metrics.notifications("chat", "sent"), 2);
    let (_, reports) = watch::channel(Arc::new(example::report()));
    let told = Exposition::new(&metrics, reports, Vec::new()).text().unwrap();
    let failed = r#"skep_notifications_total{target="chat",outcome="failed"} 0"#;
    assert!(told.contains(failed), "the first failure shows as an increase: {told}");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_or_too_old_is_given_up_and_counted() {
    let refused = SendError::Refused { words: "no".to_owned() };
    let mut failures = vec![refused];
    failures.extend((0..40).map(|_| busy(None)));
    let target = Scripted::new(failures);
    let metrics = Metrics::default();
    let courier = Courier::start("chat", target.clone(), metrics.clone(), || 0.0);
    courier.hand(message("refused"));
    courier.hand(message("old"));
    courier.end().await;
    assert_eq!(target.taken(), []);
    assert_eq!(metrics.notifications("chat", "failed"), 2);
    assert!(target.begun.elapsed() <= Duration::from_secs(3_600));
}

#[tokio::test(start_paused = true)]
async fn the_time_in_the_queue_counts_and_no_pause_is_too_long_to_add_up() {
    let mut failures: Vec<SendError> = (0..80).map(|_| busy(Some(1_000))).collect();
    failures.insert(0, busy(Some(u64::MAX)));
    let target = Scripted::new(failures);
    let metrics = Metrics::default();
    let courier = Courier::start("chat", target.clone(), metrics.clone(), || 0.0);
    for stack in ["never", "a", "b", "c", "d"] {
        courier.hand(message(stack));
    }
    courier.end().await;
    assert_eq!(metrics.notifications("chat", "failed"), 5);
    // All of them were news at the same time; those behind the first are tried once.
    assert_eq!(metrics.notifications("chat", "retried"), 3);
    assert_eq!(target.begun.elapsed().as_secs(), 3_000);
}

#[tokio::test(start_paused = true)]
async fn a_notifier_knows_of_old_problems_and_tells_of_the_newest_once_more() {
    let chat = Scripted::new(Vec::new());
    let courier = Courier::start("chat", chat.clone(), Metrics::default(), || 0.0);
    let couriers = vec![("chat".to_owned(), courier)];
    let fresh = Event { at: Timestamp::now(), ..event(EventKind::ServiceFailing, "new", false) };
    let mut news = News::default();
    news.add(Told { events: vec![fresh], entries: Vec::new() });
    let routes = vec![Route::to_all(["chat".to_owned()])];
    let notifier = Notifier::new("f", PACE, routes, couriers, &news).knowing(&[
        event(EventKind::ServiceFailing, "old", false),
        event(EventKind::ServiceFailing, "over", true),
    ]);
    let (shown, seen) = watch::channel(Arc::new(news.clone()));
    let running = tokio::spawn(notifier.run(seen));
    sleep(Duration::from_secs(20)).await;
    let titles = |chat: &Scripted| -> Vec<String> {
        chat.taken().into_iter().map(|(_, title)| title).collect()
    };
    assert_eq!(titles(&chat), ["[f] service-failing in new"]);
    let ends = ["old", "over"].map(|stack| Event {
        at: Timestamp::now(),
        ..event(EventKind::ServiceFailing, stack, true)
    });
    news.add(Told { events: ends.to_vec(), entries: Vec::new() });
    shown.send_replace(Arc::new(news));
    drop(shown);
    running.await.unwrap();
    assert_eq!(titles(&chat), ["[f] service-failing in new", "[f] service-failing in old"]);
}

/// A target that never answers.
struct Silent;

impl Outlet for Silent {
    async fn send(&self, _: &Message, _: &mut Delivery) -> Result<(), SendError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_holds_nobody_up() {
    let metrics = Metrics::default();
    let silent = Courier::start("silent", Silent, metrics.clone(), || 0.0);
    let chat = Scripted::new(Vec::new());
    let couriers = vec![
        ("silent".to_owned(), silent),
        ("chat".to_owned(), Courier::start("chat", chat.clone(), metrics.clone(), || 0.0)),
    ];
    let targets = ["silent".to_owned(), "chat".to_owned()];
    let mut news = News::default();
    let notifier = Notifier::new("f", PACE, vec![Route::to_all(targets)], couriers, &news);
    let (shown, seen) = watch::channel(Arc::new(news.clone()));
    let running = tokio::spawn(notifier.run(seen));
    for number in 0..100 {
        let mut failing = event(EventKind::ServiceFailing, &format!("s{number}"), false);
        failing.at = Timestamp::from_second(number).unwrap();
        news.add(Told { events: vec![failing], entries: Vec::new() });
        shown.send_replace(Arc::new(news.clone()));
        sleep(Duration::from_secs(61)).await;
    }
    assert!(chat.taken().len() >= 100, "{}", chat.taken().len());
    // One is on its way, and as many wait as may.
    assert!(metrics.notifications("silent", "dropped") > 30);
    running.abort();
}
