//! Who is told of what and when, and what becomes of messages that cannot be delivered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{Courier, Desk, Message, Notifier, Outlet, Pace, Pattern, Route, SendError};
use crate::reconciler::controller::metrics::Metrics;
use crate::reconciler::journal::{Event, EventKind, News, Numbered, Severity, Told};

fn event(kind: EventKind, stack: &str, recovered: bool) -> Event {
    Event {
        at: Timestamp::UNIX_EPOCH,
        severity: if recovered { Severity::Info } else { kind.severity() },
        kind,
        recovered,
        key: format!("service/{stack}_web"),
        stack: Some(stack.to_owned()),
        service: Some(format!("{stack}_web")),
        source: None,
        revision: None,
        reason: None,
        message: format!("{kind} in {stack}"),
    }
}

fn numbered(event: Event) -> Arc<Numbered> {
    Arc::new(Numbered { id: 1, event })
}

fn fails(stack: &str) -> Arc<Numbered> {
    numbered(event(EventKind::ServiceFailing, stack, false))
}

fn ends(stack: &str) -> Arc<Numbered> {
    numbered(event(EventKind::ServiceFailing, stack, true))
}

const PACE: Pace = Pace {
    group: Duration::from_secs(10),
    settle: Duration::from_secs(30),
    repeat: Duration::from_secs(3600),
};

/// A desk with a clock of its own.
struct Stage {
    desk: Desk,
    begun: Instant,
}

impl Stage {
    fn new(routes: Vec<Route>, open: &[Arc<Numbered>]) -> Self {
        let begun = Instant::now();
        let targets = ["chat", "phone"].map(str::to_owned);
        let mut desk = Desk::new("f", PACE, routes, targets);
        for open in open {
            desk.know(open, false, begun);
        }
        Self { desk, begun }
    }

    fn to_chat() -> Self {
        Self::new(vec![Route::to_all(["chat".to_owned()])], &[])
    }

    fn at(&self, second: u64) -> Instant {
        self.begun + Duration::from_secs(second)
    }

    fn take(&mut self, event: &Arc<Numbered>, second: u64) {
        let now = self.at(second);
        self.desk.take(event, now);
    }

    /// Everything that is told until then, as `SECOND TARGET: TITLE`.
    fn until(&mut self, second: u64) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(next) = self.desk.next().filter(|next| *next <= self.at(second)) {
            let seconds = next.duration_since(self.begun).as_secs();
            let due = self.desk.due(next);
            told.extend(due.iter().map(|(target, m)| format!("{seconds} {target}: {}", m.title())));
        }
        told
    }
}

#[tokio::test]
async fn a_cascade_is_one_message_and_so_is_its_end() {
    let mut stage = Stage::to_chat();
    for number in 0..40 {
        stage.take(&fails(&format!("s{number:02}")), number / 8);
    }
    let told = stage.until(1_000);
    assert_eq!(told, ["10 0: [f] 40 problems: s00, s01, s02, s03, s04 and 35 more"]);
    for number in 0..40 {
        stage.take(&ends(&format!("s{number:02}")), 1_000);
    }
    let told = stage.until(3_000);
    assert_eq!(told, ["1040 0: [f] 40 over: s00, s01, s02, s03, s04 and 35 more"]);
    assert_eq!(stage.until(100_000), [""; 0]);
}

#[tokio::test]
async fn what_goes_on_is_told_once_and_again_after_a_while() {
    let mut stage = Stage::to_chat();
    stage.take(&fails("shop"), 0);
    stage.take(&fails("shop"), 100);
    assert_eq!(stage.until(3_000), ["10 0: [f] service-failing in shop"]);
    stage.take(&fails("shop"), 3_000);
    assert_eq!(
        stage.until(9_000),
        [
            "3610 0: [f] still: service-failing in shop",
            "7210 0: [f] still: service-failing in shop",
        ]
    );
    // What is worse is told at once, and of another revision too.
    let mut worse = event(EventKind::ReleaseRolledBack, "shop", false);
    stage.take(&numbered(worse.clone()), 9_000);
    assert_eq!(stage.until(9_100), ["9010 0: [f] release-rolled-back in shop"]);
    worse.revision = Some("b".to_owned());
    stage.take(&numbered(worse), 9_100);
    assert_eq!(stage.until(9_200), ["9110 0: [f] release-rolled-back in shop"]);
}

#[tokio::test]
async fn what_is_over_at_once_is_not_told_and_what_comes_back_at_once_neither() {
    let mut stage = Stage::to_chat();
    for kind in [EventKind::ServicePending, EventKind::EngineUnreachable] {
        stage.take(&numbered(event(kind, "shop", false)), 0);
        stage.take(&numbered(event(kind, "shop", true)), 5);
    }
    // So does a task that ended once or twice.
    let warning = Event { severity: Severity::Warning, ..fails("shop").event.clone() };
    stage.take(&numbered(warning), 5);
    stage.take(&ends("shop"), 6);
    assert_eq!(stage.until(1_000), [""; 0], "nobody has heard of it");
    stage.take(&fails("shop"), 1_000);
    assert_eq!(stage.until(1_100).len(), 1);
    for round in 0..20 {
        stage.take(&ends("shop"), 1_100 + round * 20);
        assert_eq!(stage.until(1_110 + round * 20), [""; 0]);
        stage.take(&fails("shop"), 1_110 + round * 20);
    }
    assert_eq!(stage.until(1_900), [""; 0]);
    stage.take(&ends("shop"), 2_000);
    assert_eq!(stage.until(9_999), ["2040 0: [f] service-failing in shop"]);
}

#[tokio::test]
async fn a_release_that_failed_is_told_although_it_is_over_and_once_however_often_it_failed() {
    let mut stage = Stage::to_chat();
    for second in [0, 4, 8] {
        stage.take(&numbered(event(EventKind::ReleaseRolledBack, "shop", false)), second);
        stage.take(&numbered(event(EventKind::ReleaseRolledBack, "shop", true)), second + 1);
    }
    let told = ["10 0: [f] over already: release-rolled-back in shop"];
    assert_eq!(stage.until(9_000), told, "and it is not repeated");
    // What it became is another matter: people hear of both, and of the end when it has settled.
    stage.take(&numbered(event(EventKind::ReleaseRolledBack, "shop", false)), 9_000);
    stage.take(&numbered(event(EventKind::ReleasePaused, "shop", false)), 9_001);
    assert_eq!(stage.until(9_050), ["9010 0: [f] 2 problems: shop"]);
    stage.take(&numbered(event(EventKind::ReleasePaused, "shop", true)), 9_100);
    assert_eq!(stage.until(20_000), ["9140 0: [f] release-paused in shop"]);
    let (begin, end) = (fails("shop"), ends("shop"));
    let lines = Message::new("f", vec![begin, end], false).lines();
    assert_eq!(lines, ["error: service-failing in shop", "over: service-failing in shop"]);
}

#[tokio::test]
async fn what_was_over_already_and_comes_back_is_told_again_only_if_it_stays_or_is_another_release()
{
    let mut stage = Stage::to_chat();
    for second in [0, 60, 120] {
        stage.take(&fails("shop"), second);
        stage.take(&ends("shop"), second + 5);
        let told: &[&str] =
            if second == 0 { &["10 0: [f] over already: service-failing in shop"] } else { &[] };
        assert_eq!(stage.until(second + 59), told, "{second}");
    }
    // It stays, and so is told, and so is its end.
    stage.take(&fails("shop"), 180);
    assert_eq!(stage.until(300), ["220 0: [f] service-failing in shop"]);
    stage.take(&ends("shop"), 300);
    assert_eq!(stage.until(400), ["340 0: [f] service-failing in shop"]);
    // What was well for long enough, and another release, are news.
    for (second, revision) in [(1_000, "a"), (2_000, "a"), (2_060, "b")] {
        for recovered in [false, true] {
            let event = event(EventKind::ServiceFailing, "shop", recovered);
            let event = Event { revision: Some(revision.to_owned()), ..event };
            stage.take(&numbered(event), second + u64::from(recovered));
        }
        let due = format!("{} 0: [f] over already: service-failing in shop", second + 10);
        assert_eq!(stage.until(second + 59), [due]);
    }
    // What comes back all the time is told now and then.
    let mut told = Vec::new();
    for round in 1..=62 {
        stage.take(&fails("blog"), 3_000 + round * 60);
        stage.take(&ends("blog"), 3_005 + round * 60);
        told.extend(stage.until(3_059 + round * 60));
    }
    assert_eq!(told.len(), 2, "{told:?}");
}

#[tokio::test]
async fn messages_after_the_first_wait_longer_for_more() {
    let mut stage = Stage::to_chat();
    stage.take(&fails("a"), 0);
    assert_eq!(stage.until(11), ["10 0: [f] service-failing in a"]);
    stage.take(&fails("b"), 11);
    stage.take(&fails("c"), 60);
    assert_eq!(stage.until(100), ["70 0: [f] 2 problems: b, c"]);
    stage.take(&fails("d"), 3_000);
    assert_eq!(stage.until(3_010), ["3010 0: [f] service-failing in d"]);
}

#[tokio::test]
async fn routes_choose_by_stack_and_by_how_much_it_matters() {
    let route = |stacks: Option<&str>, severity, to: &str| Route {
        stacks: stacks.map(|pattern| vec![Pattern::new(pattern)]),
        severity,
        to: vec![to.to_owned()],
    };
    let routes =
        vec![route(Some("web-*"), Severity::Info, "chat"), route(None, Severity::Error, "phone")];
    let mut stage = Stage::new(routes, &[]);
    let mut healthy = event(EventKind::ReleaseHealthy, "web-1", false);
    stage.take(&numbered(healthy.clone()), 0);
    healthy.stack = Some("db".to_owned());
    stage.take(&numbered(healthy), 0);
    let mut pending = event(EventKind::ServicePending, "db", false);
    stage.take(&numbered(pending.clone()), 0);
    pending.stack = Some("web-2".to_owned());
    pending.key = "service/web-2".to_owned();
    stage.take(&numbered(pending), 0);
    let engine =
        Event { stack: None, service: None, ..event(EventKind::EngineUnreachable, "", false) };
    stage.take(&numbered(engine), 0);
    assert_eq!(
        stage.until(100),
        ["10 0: [f] 1 problem, 1 event: web-1, web-2", "10 1: [f] engine-unreachable in ",]
    );
    // The end goes where the beginning went.
    stage.take(&ends("db"), 100);
    assert_eq!(stage.until(200), [""; 0]);
}

#[tokio::test]
async fn another_controller_tells_of_the_end_of_what_the_one_before_told_and_of_nothing_twice() {
    let route = Route::to_all(["chat".to_owned()]);
    let mut stage = Stage::new(vec![route], &[fails("shop")]);
    stage.take(&fails("shop"), 0);
    assert_eq!(stage.until(100), [""; 0]);
    stage.take(&ends("shop"), 100);
    assert_eq!(stage.until(1_000), ["140 0: [f] service-failing in shop"]);
}

#[tokio::test]
async fn what_began_just_before_a_controller_is_told_once_more_and_its_end_in_any_case() {
    let mut stage = Stage::to_chat();
    let now = stage.at(0);
    for stack in ["shop", "blog"] {
        stage.desk.know(&fails(stack), true, now);
    }
    stage.take(&ends("blog"), 5);
    assert_eq!(stage.until(200), ["10 0: [f] 2 problems, 1 over: blog, shop"]);
    stage.take(&fails("shop"), 200);
    assert_eq!(stage.until(300), [""; 0]);
}

#[tokio::test]
async fn what_is_over_is_told_before_everything_ends_and_a_commit_makes_no_news_of_a_suspension() {
    let mut stage = Stage::new(
        vec![Route { severity: Severity::Info, ..Route::to_all(["chat".to_owned()]) }],
        &[fails("shop")],
    );
    let mut suspended = event(EventKind::StackSuspended, "blog", false);
    stage.take(&numbered(suspended.clone()), 0);
    assert_eq!(stage.until(20).len(), 1);
    suspended.revision = Some("b".to_owned());
    stage.take(&numbered(suspended), 20);
    stage.take(&ends("shop"), 21);
    let flushed = stage.desk.flush(stage.begun + Duration::from_secs(22));
    let titles: Vec<String> = flushed.iter().map(|(_, message)| message.title()).collect();
    assert_eq!(titles, ["[f] service-failing in shop"]);
    assert!(flushed[0].1.is_recovery());
}

#[test]
fn a_message_is_short_and_plain_whatever_is_in_it() {
    let mut long = event(EventKind::ServiceFailing, "shop", false);
    long.message = format!("a\u{1b}[2J\n<b>{}", "x".repeat(64 * 1024));
    let degraded = Event { service: None, ..event(EventKind::StackDegraded, "shop", false) };
    let events = [numbered(long.clone()), numbered(degraded)];
    let message = Message::new("f", events.to_vec(), false);
    assert_eq!(message.lines().len(), 1, "its service says more than the stack");
    assert!(message.title().chars().count() <= 141, "{}", message.title());
    assert!(message.text().starts_with(r"error: a\u{1b}[2J\n<b>xxx") && message.text().len() < 500);
    let many = (0..50).map(|_| numbered(long.clone())).collect();
    let message = Message::new("f", many, false);
    assert_eq!(message.lines().len(), 21);
    assert_eq!(message.lines()[20], "and 30 more");
    assert_eq!(message.document()["events"].as_array().map(Vec::len), Some(50));
}

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
    async fn send(&self, message: &Message) -> Result<(), SendError> {
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
    Message::new("f", vec![fails(stack)], false)
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
    async fn send(&self, _: &Message) -> Result<(), SendError> {
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
