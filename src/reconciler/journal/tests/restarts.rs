//! Controllers that go on where another ended, and the numbers of events.

use super::*;

#[test]
fn another_controller_goes_on_where_the_one_before_ended() {
    let mut stage = Stage::well();
    stage.service(Verdict::Failing, Some(Reason::CrashLoop));
    let failing = stage.told().events;
    stage.releases("b2");
    let released = stage.told().events;
    let newest = failing.into_iter().chain(released).collect();
    let resumed = Resumed { newest, entries: Vec::new() };
    stage.journal = Journal::resume(resumed);
    // Nothing was seen yet, so that nothing is over.
    let seen = (stage.report.status.take(), std::mem::take(&mut stage.report.stacks));
    assert_eq!(stage.kinds(), ["controller-started"]);
    (stage.report.status, stage.report.stacks) = (seen.0, seen.1);
    stage.condition(Condition::Ready, "");
    stage.service(Verdict::Converged, None);
    let told = stage.told();
    let kinds: Vec<_> = told.events.iter().map(shown).collect();
    assert_eq!(kinds, ["release-healthy", "service-failing recovered (crash-loop)"]);
    assert_eq!(told.entries[0].outcome, Outcome::Healthy);
}

#[test]
fn numbers_grow_whatever_the_clock_does_and_old_news_make_room() {
    let mut stage = Stage::well();
    let mut news = News::default();
    let now = stage.now;
    for round in 0..1_500 {
        stage.service(if round % 2 == 0 { Verdict::Failing } else { Verdict::Converged }, None);
        let mut told = stage.told();
        // The clock was set back.
        told.events.iter_mut().for_each(|event| event.at = now);
        news.add(told);
    }
    let ids: Vec<i64> = news.events().map(|event| event.id).collect();
    assert_eq!(ids.len(), 1_000);
    assert!(ids.is_sorted_by(|a, b| a < b) && ids[0] > now.as_millisecond());
    assert_eq!(news.after(ids[990]).count(), 9);
    assert_eq!(news.after(news.last()).count(), 0);
    let worst = news.events().map(|event| event.event.severity).max();
    assert_eq!(worst, Some(Severity::Error));
    assert!(news.events().all(|event| event.event.kind == EventKind::ServiceFailing));
}
