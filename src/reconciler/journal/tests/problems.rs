//! What goes wrong and what is well again, as events.

use super::*;

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
