//! Who is told of what and when.

use std::sync::Arc;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::time::Instant;

use super::{PACE, ends, event, fails, numbered};
use crate::notify::{Desk, Message, Pattern, Route};
use crate::reconciler::journal::{Event, EventKind, Numbered, Severity};

/// A desk with a clock of its own.
struct Stage {
    desk: Desk,
    begun: Instant,
}

impl Stage {
    fn new(routes: Vec<Route>, open: &[Arc<Numbered>]) -> Self {
        let begun = Instant::now();
        let targets = ["chat", "phone"].map(str::to_owned);
        let mut desk = Desk::new("f", 1, PACE, routes, targets);
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

    /// Everything that is told until then, each with the second and the number of its target.
    fn messages(&mut self, second: u64) -> Vec<(u64, usize, Message)> {
        let mut told = Vec::new();
        while let Some(next) = self.desk.next().filter(|next| *next <= self.at(second)) {
            let seconds = next.duration_since(self.begun).as_secs();
            let due = self.desk.due(next).into_iter();
            told.extend(due.map(|(target, message)| (seconds, target, message)));
        }
        told
    }

    /// The same, as `SECOND TARGET: TITLE`.
    fn until(&mut self, second: u64) -> Vec<String> {
        let messages = self.messages(second).into_iter();
        messages.map(|(second, target, m)| format!("{second} {target}: {}", m.title())).collect()
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
    let lines = Message::new("f", 1, vec![begin, end], false).lines();
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
async fn what_begins_again_before_its_end_is_told_is_not_over_for_anybody() {
    let unreachable = |recovered| numbered(event(EventKind::EngineUnreachable, "shop", recovered));
    let told = "10 0: [f] engine-unreachable in shop";
    // The end has settled at 130, and would be told at 140.
    for (over_again, expected) in
        [(Some(136), vec!["176 0: [f] engine-unreachable in shop"]), (None, vec![])]
    {
        let mut stage = Stage::to_chat();
        stage.take(&unreachable(false), 0);
        assert_eq!(stage.until(100), [told]);
        stage.take(&unreachable(true), 100);
        assert_eq!(stage.until(133), [""; 0]);
        stage.take(&unreachable(false), 133);
        if let Some(second) = over_again {
            stage.take(&unreachable(true), second);
        }
        assert_eq!(stage.until(1_000), expected);
        stage.take(&unreachable(true), 1_000);
        let ends = if over_again.is_none() {
            vec!["1040 0: [f] engine-unreachable in shop"]
        } else {
            vec![]
        };
        assert_eq!(stage.until(9_999), ends);
    }
}

#[tokio::test]
async fn what_begins_again_otherwise_before_its_end_is_told_is_news() {
    let mut stage = Stage::to_chat();
    stage.take(&fails("shop"), 0);
    assert_eq!(stage.until(100).len(), 1);
    stage.take(&ends("shop"), 100);
    assert_eq!(stage.until(133), [""; 0]);
    let other = Event { revision: Some("b".to_owned()), ..fails("shop").event.clone() };
    stage.take(&numbered(other), 133);
    assert_eq!(stage.until(200), ["140 0: [f] service-failing in shop"]);
    stage.take(&ends("shop"), 200);
    assert_eq!(stage.until(3_000), ["240 0: [f] service-failing in shop"]);
}

#[tokio::test]
async fn nobody_is_reminded_of_what_is_over_and_about_to_be_told() {
    let mut stage = Stage::to_chat();
    stage.take(&fails("shop"), 0);
    assert_eq!(stage.until(100).len(), 1);
    stage.take(&ends("shop"), 3_575);
    assert_eq!(stage.until(9_999), ["3615 0: [f] service-failing in shop"]);
}

#[tokio::test]
async fn an_error_is_not_forgotten_because_of_a_warning_after_it() {
    let warning = Event { severity: Severity::Warning, ..fails("shop").event.clone() };
    let mut stage = Stage::to_chat();
    stage.take(&fails("shop"), 0);
    stage.take(&ends("shop"), 1);
    stage.take(&numbered(warning.clone()), 3);
    stage.take(&ends("shop"), 5);
    assert_eq!(stage.until(1_000), ["10 0: [f] over already: service-failing in shop"]);
    // Nor is it over because it becomes one.
    stage.take(&fails("blog"), 1_000);
    assert_eq!(stage.until(1_100).len(), 1);
    stage.take(&ends("blog"), 1_100);
    assert_eq!(stage.until(1_133), [""; 0]);
    let warning = Event { key: fails("blog").event.key.clone(), ..warning };
    stage.take(&numbered(warning), 1_133);
    stage.take(&ends("blog"), 1_140);
    assert_eq!(stage.until(4_000), ["1180 0: [f] service-failing in blog"]);
}

/// Whether those who were told this believe that something is wrong.
fn believed(before: bool, told: &[(u64, usize, Message)]) -> bool {
    told.iter().fold(before, |is_wrong, (_, _, message)| {
        let document = message.document();
        document["events"].as_array().unwrap().iter().fold(is_wrong, |is_wrong, event| {
            let is_end = event["recovered"] == true;
            assert!(is_wrong || !is_end, "nobody knew of what is over");
            !is_end
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn in_the_end_people_know_whether_it_is_over_however_it_came_and_went(
        steps in vec((select(vec![5, 31, 45, 300]), 0..8_usize), 1..9),
    ) {
        let begin = |kind, severity, revision: &str| {
            let event = event(kind, "shop", false);
            numbered(Event { severity, revision: Some(revision.to_owned()), ..event })
        };
        let begins = [
            begin(EventKind::ServiceFailing, Severity::Error, "a"),
            begin(EventKind::ServiceFailing, Severity::Warning, "a"),
            begin(EventKind::ServiceFailing, Severity::Error, "b"),
            begin(EventKind::ServicePending, Severity::Warning, "b"),
        ];
        let mut stage = Stage::to_chat();
        let (mut second, mut is_wrong, mut is_believed) = (0, false, false);
        for (gap, step) in steps {
            second += gap;
            is_believed = believed(is_believed, &stage.messages(second));
            match begins.get(step) {
                Some(begin) => stage.take(begin, second),
                None if is_wrong => stage.take(&ends("shop"), second),
                None => {}
            }
            is_wrong = step < begins.len();
        }
        prop_assert_eq!(believed(is_believed, &stage.messages(second + 1_000)), is_wrong);
    }
}

#[tokio::test]
async fn every_message_has_an_id_of_its_own_also_if_it_is_a_reminder() {
    let mut stage = Stage::new(vec![Route::to_all(["chat", "phone"].map(str::to_owned))], &[]);
    stage.take(&fails("shop"), 0);
    let ids: Vec<i64> = stage.messages(7_210).iter().map(|(_, _, message)| message.id()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6]);
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
    let message = Message::new("f", 1, events.to_vec(), false);
    assert_eq!(message.lines().len(), 1, "its service says more than the stack");
    assert!(message.title().chars().count() <= 141, "{}", message.title());
    assert!(message.text().starts_with(r"error: a\u{1b}[2J\n<b>xxx") && message.text().len() < 500);
    let many = (0..50).map(|_| numbered(long.clone())).collect();
    let message = Message::new("f", 1, many, false);
    assert_eq!(message.lines().len(), 21);
    assert_eq!(message.lines()[20], "and 30 more");
    assert_eq!(message.document()["events"].as_array().map(Vec::len), Some(50));
}
