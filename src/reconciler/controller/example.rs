//! A report with something of everything, for tests of those who read it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::condition::Condition;
use super::engine::EngineReport;
use super::reason::{Reason, Reasons};
use super::report::{
    FORMAT_VERSION, LastPass, Report, SettingsReport, SourceReport, StackReport, Trouble,
};
use super::source::{FetchFailure, Remedy};
use crate::diff::document::{EngineRef, Hold, HoldCode};
use crate::model::finding::Finding;
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::ApiVersion;
use crate::model::place::Place;
use crate::reconciler::status::{self, Health, OpenHold, StackStatus, Status, Sync};
use crate::reconciler::suspension::Suspension;

/// A controller with two sources, one of which cannot be read, and two stacks, one of which is held.
#[expect(clippy::too_many_lines, reason = "it is a list of what there is")]
pub(crate) fn report() -> Report {
    let at = Timestamp::from_second(1_800_000_000).unwrap();
    let source = |name: &str| SourceReport {
        name: name.to_owned(),
        revision: Some("sha1:4f2c9e1d".to_owned()),
        commit: None,
        seen_at: Some(at),
        failure: None,
        failing_since: None,
        stale_since: None,
        findings: Vec::new(),
    };
    let failure = FetchFailure {
        reason: "connect to git.example.com: connection refused".to_owned(),
        hint: Some("is the server up?".to_owned()),
        remedy: Remedy::Retry,
    };
    let place = Place { file: "shop/stack.yaml".into(), line: 3, column: 5, length: 5 };
    let main = SourceReport {
        findings: vec![Finding::error("unknown-key", place, "unknown key `imgae`")],
        ..source("main")
    };
    let other = SourceReport {
        revision: None,
        seen_at: None,
        failure: Some(failure),
        failing_since: Some(at),
        ..source("other")
    };
    let stack = |condition| StackReport {
        source: "main".to_owned(),
        condition,
        reason: None,
        code: None,
        causes: Vec::new(),
        since: at,
        release: None,
        last_attempted_revision: Some("sha1:4f2c9e1d".to_owned()),
        last_applied_revision: Some("sha1:4f2c9e1d".to_owned()),
        last_healthy_revision: Some("sha1:4f2c9e1d".to_owned()),
        suspended: None,
        repairs: 2,
        repaired: BTreeMap::new(),
    };
    let suspension = Suspension { by: "ann@host".to_owned(), since: at, reason: None };
    let suspended = StackReport {
        reason: Some("stack blog is suspended".to_owned()),
        suspended: Some(suspension.clone()),
        ..stack(Condition::Suspended)
    };
    let live = |name: &str, sync, holds| StackStatus {
        name: name.to_owned(),
        file: Some(format!("{name}/stack.yaml")),
        sync,
        health: Health::Healthy,
        services: Vec::new(),
        holds,
        suspended: None,
    };
    let hold = OpenHold {
        object: Some(ObjectKey::new(Kind::Service, "blog_web")),
        hold: Hold::new(HoldCode::Suspended, "stack blog is suspended"),
    };
    let status = Status {
        format_version: status::FORMAT_VERSION,
        fleet: "default".to_owned(),
        engine: EngineRef { api: ApiVersion { major: 1, minor: 51 }, version: "28.5.2".to_owned() },
        observed_at: at,
        sync: Sync::OutOfSync,
        health: Health::Healthy,
        stacks: vec![
            live("blog", Sync::OutOfSync, vec![hold]),
            live("shop", Sync::Synced, Vec::new()),
        ],
    };
    Report {
        format_version: FORMAT_VERSION,
        version: "0.1.0",
        fleet: "default".to_owned(),
        started_at: at,
        trouble: None,
        settings: SettingsReport::default(),
        engines: vec![EngineReport {
            address: "unix:///var/run/docker.sock".to_owned(),
            in_use: true,
            problem: None,
        }],
        passes: 7,
        last_pass: Some(LastPass {
            at,
            reasons: Reasons::from_iter([Reason::Revision, Reason::Event]),
            performed: 3,
            failed: 1,
            milliseconds: 120,
        }),
        suspended: Some(suspension),
        sources: vec![main, other],
        stacks: BTreeMap::from([
            ("blog".to_owned(), suspended),
            ("shop".to_owned(), stack(Condition::Ready)),
        ]),
        status: Some(Arc::new(status)),
        sight: None,
    }
}

/// The same controller while its engine is out of reach.
pub(crate) fn in_trouble() -> Report {
    let report = report();
    let reason = "cannot list services: no answer from unix:///var/run/docker.sock".to_owned();
    let trouble = Trouble { reason, since: report.started_at, failures: 4 };
    Report { trouble: Some(trouble), ..report }
}
