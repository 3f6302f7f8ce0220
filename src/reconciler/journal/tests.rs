//! Reports in, events and history out.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Entry, Event, EventKind, Journal, News, Outcome, Resumed, Severity, Told};
use crate::diff::document::{Cause, Hold, HoldCode};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::TaskState;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::example;
use crate::reconciler::controller::report::{CommitReport, Report, StackReport};
use crate::reconciler::health::{Reason, ServiceHealth, TaskFailure, Verdict};
use crate::reconciler::status::{Health, Mode, OpenHold, ServiceStatus, Sync};

/// A controller of one stack `shop` with a service `shop_web`, told to a journal report by report.
struct Stage {
    report: Report,
    journal: Journal,
    now: Timestamp,
}

impl Stage {
    /// All is well, and was told.
    fn well() -> Self {
        let mut report = example::report();
        report.sources.truncate(1);
        report.sources[0].findings.clear();
        report.suspended = None;
        report.stacks.remove("blog");
        let status = Arc::make_mut(report.status.as_mut().unwrap());
        status.stacks.retain(|stack| stack.name == "shop");
        let mut stage = Self {
            report,
            journal: Journal::default(),
            now: Timestamp::from_second(1_000).unwrap(),
        };
        stage.service(Verdict::Converged, None);
        assert_eq!(stage.kinds(), ["controller-started"]);
        stage
    }

    fn stack(&mut self) -> &mut StackReport {
        self.report.stacks.get_mut("shop").unwrap()
    }

    fn condition(&mut self, condition: Condition, reason: &str) -> &mut StackReport {
        let stack = self.stack();
        stack.condition = condition;
        stack.reason = (!reason.is_empty()).then(|| reason.to_owned());
        stack.code = None;
        stack.causes.clear();
        stack
    }

    fn service(&mut self, verdict: Verdict, reason: Option<Reason>) -> &mut ServiceHealth {
        let judged = ServiceHealth { reason, ..ServiceHealth::counted(verdict, 0, 1, 0) };
        let status = Arc::make_mut(self.report.status.as_mut().unwrap());
        status.stacks[0].services = vec![ServiceStatus {
            name: "shop_web".to_owned(),
            mode: Some(Mode::Replicated),
            image: None,
            sync: Sync::Synced,
            health: Health::Progressing,
            state: "as it is".to_owned(),
            judged: Some(judged),
        }];
        status.stacks[0].services[0].judged.as_mut().unwrap()
    }

    fn holds(&mut self, holds: &[(HoldCode, &str)]) {
        let status = Arc::make_mut(self.report.status.as_mut().unwrap());
        let open = |(code, reason): &(HoldCode, &str)| OpenHold {
            object: Some(ObjectKey::new(Kind::Service, "shop_web")),
            hold: Hold::new(*code, *reason),
        };
        status.stacks[0].holds = holds.iter().map(open).collect();
    }

    /// A revision that is being written.
    fn releases(&mut self, revision: &str) {
        self.service(Verdict::Rolling, None);
        let stack = self.condition(Condition::Progressing, "");
        stack.causes = vec![Cause::Git];
        stack.last_attempted_revision = Some(format!("sha1:{revision}"));
        stack.release.clone_from(&stack.last_attempted_revision);
    }

    /// The source is at a commit of `author`, and so is what passes work with; it may be about other stacks.
    fn commits(&mut self, revision: &str, author: &str) {
        let revision = Some(format!("sha1:{revision}"));
        self.report.sources[0].revision.clone_from(&revision);
        self.stack().last_attempted_revision = revision;
        self.report.sources[0].commit = Some(CommitReport {
            url: "https://git.example.com/ops.git".to_owned(),
            reference: None,
            author: author.to_owned(),
            time: Timestamp::UNIX_EPOCH,
            subject: format!("by {author}"),
            signed_by: None,
        });
    }

    /// Another controller, which has seen no change yet, knows what was told.
    fn restarts(&mut self, news: &News) {
        let events: BTreeMap<&String, &Event> =
            news.events().map(|told| (&told.event.key, &told.event)).collect();
        let newest = events.into_values().cloned().collect();
        let entries = news.history("shop").first().map(|entry| Entry::clone(entry));
        self.journal = Journal::resume(Resumed { newest, entries: entries.into_iter().collect() });
        self.stack().release = None;
    }

    /// What the next pass tells, ten seconds later.
    fn told(&mut self) -> Told {
        self.report.passes += 1;
        self.now += jiff::SignedDuration::from_secs(10);
        self.journal.follow(&Arc::new(self.report.clone()), self.now)
    }

    /// Events as `kind` or `kind recovered`, with their reason.
    fn kinds(&mut self) -> Vec<String> {
        self.told().events.iter().map(shown).collect()
    }
}

fn shown(event: &Event) -> String {
    let reason = event.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let end = if event.recovered { " recovered" } else { "" };
    format!("{}{end}{reason}", event.kind)
}

#[test]
fn every_reason_for_which_a_service_fails_is_told_once_and_so_is_its_end() {
    for (verdict, reason, expected, severity) in [
        (Verdict::RolledBack, Some(Reason::CrashLoop), "release-rolled-back (crash-loop)", "error"),
        (Verdict::Paused, Some(Reason::TaskEnded), "release-paused (task-ended)", "error"),
        (Verdict::Failing, Some(Reason::Rejected), "service-failing (rejected)", "error"),
        (Verdict::Failing, Some(Reason::HealthCheck), "service-failing (health-check)", "error"),
        (Verdict::TimedOut, Some(Reason::NodeLost), "service-failing (node-lost)", "error"),
        (Verdict::TimedOut, None, "service-failing", "error"),
        (Verdict::JobFailed, Some(Reason::TaskEnded), "job-failed (task-ended)", "error"),
        (Verdict::Struggling, Some(Reason::CrashLoop), "service-failing (crash-loop)", "warning"),
        (
            Verdict::Pending,
            Some(Reason::NoSuitableNode),
            "service-pending (no-suitable-node)",
            "warning",
        ),
    ] {
        let mut stage = Stage::well();
        stage.service(verdict, reason);
        let told = stage.told();
        let [event] = told.events.as_slice() else { panic!("{verdict:?}: {told:?}") };
        assert_eq!((shown(event).as_str(), event.severity.as_str()), (expected, severity));
        assert_eq!(
            (event.key.as_str(), event.stack.as_deref()),
            ("service/shop_web", Some("shop"))
        );
        assert_eq!(stage.kinds(), [""; 0], "it is told once");
        // Neither better nor worse.
        stage.service(Verdict::Rolling, None);
        assert_eq!(stage.kinds(), [""; 0]);
        stage.service(Verdict::Converged, None);
        let told = stage.told();
        let [end] = told.events.as_slice() else { panic!("{verdict:?}: {told:?}") };
        assert_eq!((end.key == event.key, end.recovered, end.kind), (true, true, event.kind));
        assert_eq!(end.message, "service shop_web is well again: as it is");
    }
}

#[test]
fn what_gets_worse_or_fails_in_another_revision_is_told_again() {
    let mut stage = Stage::well();
    stage.service(Verdict::Struggling, Some(Reason::CrashLoop));
    assert_eq!(stage.kinds(), ["service-failing (crash-loop)"]);
    stage.service(Verdict::TimedOut, Some(Reason::TaskEnded));
    assert_eq!(stage.kinds(), ["service-failing (task-ended)"]);
    stage.service(Verdict::Struggling, Some(Reason::CrashLoop));
    assert_eq!(stage.kinds(), [""; 0], "it is no better than before");
    stage.service(Verdict::Failing, Some(Reason::HealthCheck));
    assert_eq!(stage.kinds(), [""; 0], "another reason is no news");
    stage.service(Verdict::RolledBack, Some(Reason::HealthCheck));
    assert_eq!(stage.kinds(), ["release-rolled-back (health-check)"]);
    stage.releases("other");
    assert_eq!(stage.kinds(), ["release-started"]);
    stage.condition(Condition::Degraded, "web: rolled back");
    stage.service(Verdict::RolledBack, Some(Reason::HealthCheck));
    assert_eq!(stage.kinds(), ["release-rolled-back (health-check)", "stack-degraded"]);
}

#[test]
fn a_commit_that_changes_nothing_of_a_stack_tells_of_none_of_its_problems_again() {
    let mut stage = Stage::well();
    stage.condition(Condition::Stalled, "most would go").code = Some(HoldCode::WriteRefused);
    stage.service(Verdict::Failing, Some(Reason::HealthCheck));
    stage.holds(&[
        (HoldCode::GuardMostServices, "most would go"),
        (HoldCode::DriftReported, "drift is only reported"),
    ]);
    assert_eq!(stage.kinds().len(), 4);
    for revision in ["sha1:c3", "sha1:d4"] {
        stage.stack().last_attempted_revision = Some(revision.to_owned());
        assert_eq!(stage.kinds(), [""; 0]);
    }
    // Nor does one that is over for a moment look like one of another revision.
    stage.service(Verdict::Converged, None);
    stage.told();
    stage.service(Verdict::Failing, Some(Reason::HealthCheck));
    assert_eq!(stage.told().events[0].revision.as_deref(), Some("sha1:4f2c9e1d"));
    stage.condition(Condition::Suspended, "stack shop is suspended");
    assert_eq!(stage.kinds(), ["stack-blocked recovered (write-refused)", "stack-suspended"]);
    stage.stack().last_attempted_revision = Some("sha1:e5".to_owned());
    assert_eq!(stage.kinds(), [""; 0]);
    // What is released is another matter, but not for a guard, nor for what somebody changed by hand.
    stage.condition(Condition::Stalled, "no").causes = vec![Cause::Git];
    let kinds = stage.kinds();
    let told = [
        "release-started",
        "stack-suspended recovered",
        "service-failing (health-check)",
        "stack-blocked",
    ];
    assert_eq!(kinds, told);
}

#[test]
fn a_task_s_own_words_are_in_the_message_and_of_a_long_one_the_beginning() {
    let mut stage = Stage::well();
    let judged = stage.service(Verdict::Failing, Some(Reason::TaskEnded));
    judged.failure = Some(TaskFailure {
        task: "t".to_owned(),
        slot: 1,
        node: Some("node-1".to_owned()),
        state: TaskState::Failed,
        error: "task: non-zero exit (3)".to_owned(),
        exit_code: Some(3),
        at: Timestamp::UNIX_EPOCH,
        log: None,
    });
    let message = stage.told().events.remove(0).message;
    assert_eq!(message, "service shop_web as it is: task: non-zero exit (3), on node-1");
    let mut stage = Stage::well();
    stage.service(Verdict::Paused, None).message = Some("é".repeat(64 * 1024));
    assert!(stage.told().events.remove(0).message.len() < 3_000);
}

#[test]
fn a_release_that_goes_well_is_one_entry_between_its_beginning_and_its_end() {
    let mut stage = Stage::well();
    stage.releases("b2");
    let told = stage.told();
    assert_eq!(told.events.iter().map(shown).collect::<Vec<_>>(), ["release-started"]);
    assert_eq!(told.events[0].message, "stack shop is released at b2 (git)");
    stage.condition(Condition::Progressing, "");
    assert_eq!(stage.told(), Told::default());
    stage.condition(Condition::Ready, "");
    stage.service(Verdict::Converged, None);
    let told = stage.told();
    assert_eq!(told.events[0].message, "stack shop is healthy at b2 after 20s");
    let [entry] = told.entries.as_slice() else { panic!("{told:?}") };
    assert_eq!((entry.outcome, entry.milliseconds, entry.tried), (Outcome::Healthy, 20_000, 1));
    assert_eq!((entry.revision.as_deref(), &entry.causes), (Some("sha1:b2"), &vec![Cause::Git]));
    // A commit that changes nothing of the stack is no release.
    stage.stack().last_attempted_revision = Some("sha1:c3".to_owned());
    assert_eq!(stage.told(), Told::default());
}

#[test]
fn a_commit_that_changes_nothing_of_a_stack_does_not_end_its_release() {
    let mut stage = Stage::well();
    stage.releases("b2");
    stage.told();
    stage.condition(Condition::Progressing, "").last_attempted_revision =
        Some("sha1:c3".to_owned());
    assert_eq!(stage.told(), Told::default());
    // One that changes it back to what is live has nothing to begin.
    stage.condition(Condition::Ready, "").release = Some("sha1:d4".to_owned());
    stage.service(Verdict::Converged, None);
    let told = stage.told();
    assert_eq!(told.events[0].message, "stack shop is healthy at d4 after 20s");
    let [entry] = told.entries.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (entry.outcome, entry.revision.as_deref(), entry.milliseconds),
        (Outcome::Healthy, Some("sha1:d4"), 20_000)
    );
}

#[test]
fn a_stack_whose_source_has_left_the_settings_runs_on_and_is_not_told_as_removed() {
    let mut stage = Stage::well();
    stage.condition(Condition::Stalled, "no");
    stage.told();
    stage.releases("b2");
    assert_eq!(stage.kinds(), ["release-started"]);
    let declared = std::mem::take(&mut stage.report.stacks);
    let told = stage.told();
    assert_eq!(told.entries, []);
    let [end] = told.events.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (end.recovered, end.message.as_str()),
        (true, "stack shop is no longer looked after")
    );
    assert_eq!(stage.told(), Told::default());
    // It is declared again, and then removed.
    stage.report.stacks = declared;
    assert_eq!(stage.kinds(), ["release-started"]);
    stage.report.stacks.clear();
    Arc::make_mut(stage.report.status.as_mut().unwrap()).stacks.clear();
    let told = stage.told();
    assert_eq!(told.entries[0].outcome, Outcome::Removed);
    assert_eq!(told.events.iter().map(shown).collect::<Vec<_>>(), ["stack-removed"]);
    assert_eq!(stage.told(), Told::default());
}

#[test]
fn every_way_in_which_a_release_ends_becomes_history() {
    let ends: [(Condition, Option<Verdict>, Outcome); 7] = [
        (Condition::Degraded, Some(Verdict::RolledBack), Outcome::RolledBack),
        (Condition::Degraded, Some(Verdict::Paused), Outcome::Paused),
        (Condition::Degraded, Some(Verdict::Failing), Outcome::Failed),
        (Condition::Stalled, None, Outcome::Blocked),
        (Condition::Retrying, None, Outcome::Retrying),
        (Condition::Suspended, None, Outcome::Suspended),
        (Condition::Ready, None, Outcome::Healthy),
    ];
    for (condition, verdict, expected) in ends {
        let mut stage = Stage::well();
        stage.releases("b2");
        stage.told();
        stage.condition(condition, "because");
        stage.service(verdict.unwrap_or(Verdict::Converged), None);
        let told = stage.told();
        let [entry] = told.entries.as_slice() else { panic!("{condition:?}: {told:?}") };
        assert_eq!(entry.outcome, expected);
        let reason = (expected != Outcome::Healthy).then(|| "because".to_owned());
        assert_eq!(entry.reason, reason);
    }
    let mut stage = Stage::well();
    stage.releases("b2");
    stage.told();
    stage.releases("c3");
    let told = stage.told();
    assert_eq!(told.entries[0].outcome, Outcome::Superseded);
    assert_eq!(told.events[0].message, "stack shop is released at c3 (git)");
    stage.report.stacks.clear();
    Arc::make_mut(stage.report.status.as_mut().unwrap()).stacks.clear();
    let told = stage.told();
    assert_eq!(told.entries[0].outcome, Outcome::Removed);
    let kinds: Vec<_> = told.events.iter().map(shown).collect();
    assert_eq!(kinds, ["stack-removed"]);
}

#[test]
fn what_is_tried_again_and_again_is_one_entry_with_a_count_and_no_noise() {
    let mut stage = Stage::well();
    let mut news = News::default();
    let mut kinds = Vec::new();
    for _ in 0..120 {
        stage.releases("b2");
        let told = stage.told();
        kinds.extend(told.events.iter().map(shown));
        news.add(told);
        stage.condition(Condition::Retrying, "the engine failed to write it");
        let told = stage.told();
        kinds.extend(told.events.iter().map(shown));
        news.add(told);
    }
    assert_eq!(kinds, ["release-started", "stack-retrying"]);
    let [entry] = news.history("shop") else { panic!("{:?}", news.history("shop")) };
    assert_eq!((entry.tried, entry.outcome), (120, Outcome::Retrying));
    assert_eq!(entry.began, Timestamp::from_second(1_020).unwrap());
    stage.condition(Condition::Progressing, "").causes = vec![Cause::Git];
    news.add(stage.told());
    stage.condition(Condition::Ready, "");
    stage.service(Verdict::Converged, None);
    let told = stage.told();
    let kinds: Vec<_> = told.events.iter().map(shown).collect();
    assert_eq!(kinds, ["release-healthy", "stack-retrying recovered"]);
    news.add(told);
    assert_eq!(news.history("shop").len(), 2);
    assert_eq!(news.history("shop")[0].outcome, Outcome::Healthy);
}

#[test]
fn while_a_release_is_tried_again_a_commit_for_other_stacks_begins_none_and_is_not_blamed() {
    let mut stage = Stage::well();
    let mut news = News::default();
    let mut kinds = Vec::new();
    for (revision, author) in [("b2", "Ada"), ("c3", "Bob"), ("d4", "Cid")] {
        stage.commits(revision, author);
        stage.stack().release = Some("sha1:b2".to_owned());
        for condition in [Condition::Progressing, Condition::Retrying] {
            stage.condition(condition, "the engine failed to write it").causes = vec![Cause::Git];
            let told = stage.told();
            kinds.extend(told.events.iter().map(shown));
            news.add(told);
        }
    }
    kinds.retain(|kind| kind != "revision-found");
    assert_eq!(kinds, ["release-started", "stack-retrying"]);
    let [entry] = news.history("shop") else { panic!("{:?}", news.history("shop")) };
    assert_eq!((entry.tried, entry.revision.as_deref()), (3, Some("sha1:b2")));
    assert_eq!((entry.author.as_deref(), entry.subject.as_deref()), (Some("Ada"), Some("by Ada")));
    // One that changes it is another release.
    stage.releases("e5");
    assert_eq!(stage.kinds(), ["release-started"]);
}

#[test]
fn after_a_start_nobody_is_blamed_before_a_commit_is_seen_to_change_the_stack() {
    let mut stage = Stage::well();
    let mut news = News::default();
    stage.commits("b2", "Ada");
    stage.releases("b2");
    news.add(stage.told());
    let last = |news: &News| {
        let entry = Entry::clone(&news.history("shop")[0]);
        (entry.outcome, entry.revision.unwrap(), entry.author, entry.tried)
    };
    // What was under way goes on, and so does what is tried again, whatever commits for other stacks come meanwhile.
    for (revision, condition, outcome) in [
        ("c3", Condition::Retrying, Outcome::Retrying),
        ("d4", Condition::Retrying, Outcome::Retrying),
        ("e5", Condition::Ready, Outcome::Healthy),
    ] {
        stage.restarts(&news);
        stage.commits(revision, "Bob");
        stage.condition(Condition::Progressing, "").causes = vec![Cause::Git];
        news.add(stage.told());
        stage.condition(condition, "");
        stage.service(Verdict::Converged, None);
        news.add(stage.told());
        let tried = if revision == "d4" { 2 } else { 1 };
        assert_eq!(last(&news), (outcome, "sha1:b2".to_owned(), None, tried));
    }
    let begun = news.events().filter(|event| event.event.kind == EventKind::ReleaseStarted);
    assert_eq!(begun.count(), 1);
    // A tag that moved, and what changed while nobody looked.
    for (revision, cause, known, tried) in
        [("f6", Cause::Image, "b2", 2), ("a7", Cause::Git, "a7", 1)]
    {
        stage.restarts(&news);
        stage.commits(revision, "Cid");
        for (condition, causes) in
            [(Condition::Progressing, vec![cause]), (Condition::Ready, vec![])]
        {
            stage.condition(condition, "").causes = causes;
            news.add(stage.told());
        }
        assert_eq!(last(&news), (Outcome::Healthy, format!("sha1:{known}"), None, tried));
    }
    // One that is seen to change it ends what is under way, and has an author.
    stage.restarts(&news);
    stage.condition(Condition::Progressing, "").causes = vec![Cause::Git];
    news.add(stage.told());
    stage.commits("b8", "Dee");
    stage.releases("b8");
    news.add(stage.told());
    assert_eq!(last(&news), (Outcome::Superseded, "sha1:a7".to_owned(), None, 1));
    news.add(stage.told());
    stage.condition(Condition::Ready, "");
    stage.service(Verdict::Converged, None);
    news.add(stage.told());
    assert_eq!(last(&news), (Outcome::Healthy, "sha1:b8".to_owned(), Some("Dee".to_owned()), 1));
}

#[test]
fn a_stack_that_was_not_there_is_released_by_the_commit_that_the_source_is_at() {
    let mut stage = Stage::well();
    let mut news = News::default();
    let judged = stage.service(Verdict::Rolling, None).clone();
    let deployed = |stage: &mut Stage, mode: Option<Mode>, condition: Condition| {
        let status = Arc::make_mut(stage.report.status.as_mut().unwrap());
        let service = &mut status.stacks[0].services[0];
        service.mode = mode;
        service.judged = mode.map(|_| judged.clone());
        let causes = if condition == Condition::Ready { vec![] } else { vec![Cause::Git] };
        stage.condition(condition, "").causes = causes;
        stage.told()
    };
    stage.journal = Journal::default();
    stage.commits("b2", "Ada");
    for (mode, condition) in [
        (None, Condition::Progressing),
        (Some(Mode::Replicated), Condition::Progressing),
        (Some(Mode::Replicated), Condition::Ready),
    ] {
        // A commit about other stacks comes in the middle.
        news.add(deployed(&mut stage, mode, condition));
        stage.commits("c3", "Bob");
    }
    let [entry] = news.history("shop") else { panic!("{:?}", news.history("shop")) };
    assert_eq!((entry.outcome, entry.revision.as_deref()), (Outcome::Healthy, Some("sha1:b2")));
    assert_eq!((entry.author.as_deref(), entry.subject.as_deref()), (Some("Ada"), Some("by Ada")));
    // What a directory declares has none.
    let mut stage = Stage::well();
    stage.journal = Journal::default();
    stage.report.sources[0].commit = None;
    deployed(&mut stage, None, Condition::Progressing);
    let told = deployed(&mut stage, Some(Mode::Replicated), Condition::Ready);
    let [entry] = told.entries.as_slice() else { panic!("{told:?}") };
    assert_eq!((entry.outcome, &entry.author), (Outcome::Healthy, &None));
}

#[test]
fn conditions_of_stacks_are_told_with_the_code_of_what_is_in_the_way() {
    let mut stage = Stage::well();
    stage.condition(Condition::Stalled, "no").code = Some(HoldCode::WriteRefused);
    assert_eq!(stage.kinds(), ["stack-blocked (write-refused)"]);
    stage.condition(Condition::Degraded, "web: rolled back").code = Some(HoldCode::RefusedRelease);
    assert_eq!(stage.kinds(), ["stack-degraded (refused-release)"]);
    stage.condition(Condition::Progressing, "");
    assert_eq!(stage.kinds(), [""; 0]);
    stage.condition(Condition::Ready, "");
    let told = stage.told();
    assert_eq!(told.events[0].message, "stack shop is Ready again");
    // What a guard keeps is told as that, and as nothing else.
    stage.condition(Condition::Stalled, "most would go").code = Some(HoldCode::GuardMostServices);
    stage.holds(&[(HoldCode::GuardMostServices, "most would go")]);
    assert_eq!(stage.kinds(), ["deletion-blocked (guard-most-services)"]);
    stage.condition(Condition::Ready, "");
    stage.holds(&[]);
    assert_eq!(stage.kinds(), ["deletion-blocked recovered (guard-most-services)"]);
    // A release that Swarm refused stays a problem although what runs is healthy.
    stage.holds(&[(HoldCode::RefusedRelease, "Swarm rolled it back")]);
    assert_eq!(stage.kinds(), ["release-rolled-back"]);
    stage.holds(&[]);
    assert_eq!(stage.kinds(), ["release-rolled-back recovered"]);
}

#[test]
fn drift_is_told_when_it_stays_and_when_it_was_put_right() {
    let mut stage = Stage::well();
    stage.stack().repaired = BTreeMap::from([("service shop_web".to_owned(), 1)]);
    let told = stage.told();
    assert_eq!(told.events[0].message, "service shop_web was changed by hand, and put right");
    assert_eq!(stage.kinds(), [""; 0]);
    stage.holds(&[(HoldCode::DriftReported, "drift is only reported")]);
    let told = stage.told();
    let message = "somebody changed service shop_web of stack shop by hand";
    assert_eq!(
        (shown(&told.events[0]).as_str(), told.events[0].message.as_str()),
        ("drift-found", message)
    );
    stage.holds(&[]);
    assert_eq!(stage.kinds(), ["drift-found recovered"]);
    // It is put right in a pass that is no release.
    stage.condition(Condition::Progressing, "").causes = vec![Cause::Drift, Cause::Superseded];
    assert_eq!(stage.told(), Told::default());
}

#[test]
fn the_engine_sources_settings_and_suspensions_go_and_come_back() {
    let mut stage = Stage::well();
    let broken = example::report();
    stage.report.trouble = example::in_trouble().trouble;
    assert_eq!(stage.kinds(), ["engine-unreachable"]);
    stage.report.trouble = None;
    assert_eq!(stage.kinds(), ["engine-unreachable recovered"]);
    stage.report.sources[0].failure.clone_from(&broken.sources[1].failure);
    assert_eq!(stage.kinds(), ["source-failing"]);
    stage.report.sources[0].failure = None;
    stage.report.sources[0].revision = Some("sha1:new".to_owned());
    stage.report.sources[0].findings.clone_from(&broken.sources[0].findings);
    let told = stage.told();
    let kinds: Vec<_> = told.events.iter().map(shown).collect();
    assert_eq!(
        kinds,
        ["revision-found", "source-failing recovered", "revision-invalid (unknown-key)"]
    );
    assert!(told.events[2].message.contains("shop/stack.yaml:3:5: unknown key"), "{told:?}");
    stage.report.sources[0].findings.clear();
    assert_eq!(stage.kinds(), ["revision-invalid recovered (unknown-key)"]);
    stage.report.settings.trouble = Some("line 3".to_owned());
    assert_eq!(stage.kinds(), ["settings-invalid"]);
    stage.report.settings.trouble = None;
    assert_eq!(stage.kinds(), ["settings-invalid recovered"]);
    stage.condition(Condition::Suspended, "stack shop is suspended");
    assert_eq!(stage.kinds(), ["stack-suspended"]);
    stage.condition(Condition::Ready, "");
    let told = stage.told();
    assert_eq!(told.events[0].message, "stack shop is resumed");
    // All of them is one event.
    stage.report.suspended = broken.suspended;
    stage.condition(Condition::Suspended, "stack shop is suspended");
    assert_eq!(stage.kinds(), ["stack-suspended"]);
    stage.report.engines.push(stage.report.engines[0].clone());
    stage.report.engines[1].address = "ssh://other".to_owned();
    stage.report.engines[0].in_use = false;
    assert_eq!(stage.kinds(), ["engine-changed"]);
}

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
