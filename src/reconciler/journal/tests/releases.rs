//! Releases from their beginning to their end, as events and as history.

use super::*;

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
