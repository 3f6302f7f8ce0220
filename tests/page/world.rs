//! A fleet with something of everything, for pages to show.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use skep::diff::document::{
    Action, Cause, Change, Document, Effect, EngineRef, FORMAT_VERSION, FieldChange, Hold,
    HoldCode, Impact, RolloutOrder, Shown, SourceRef, StackSection, Summary,
};
use skep::model::desired::FieldPath;
use skep::model::finding::Finding;
use skep::model::key::{Kind, ObjectKey};
use skep::model::live::{ApiVersion, TaskState};
use skep::model::place::Place;
use skep::reconciler::controller::condition::Condition;
use skep::reconciler::controller::engine::EngineReport;
use skep::reconciler::controller::reason::{Reason, Reasons};
use skep::reconciler::controller::report::{
    self, CommitReport, LastPass, Report, SettingsReport, SourceReport, StackReport,
};
use skep::reconciler::controller::scene::{Look, NodeSight, Scene, Scenes, Share, TaskSight};
use skep::reconciler::controller::sight::{Declares, ServiceDeclaration, Sight};
use skep::reconciler::health::{
    self, Direction, Excerpt, Rollout, ServiceHealth, TaskFailure, Verdict,
};
use skep::reconciler::journal::{Entry, Event, EventKind, News, Numbered, Outcome};
use skep::reconciler::status::{
    self, Health, Mode, OpenHold, ServiceStatus, StackStatus, Status, Sync,
};
use skep::reconciler::suspension::Suspension;

use crate::routes;

pub(crate) const REVISION: &str = "sha1:4f2c9e1a0b7d";
const OLDER: &str = "sha1:9d31c07f55ae";
const DIGEST: &str = "sha256:8b31d5e6a1f04c77e9b2c3d4e5f60718293a4b5c6d7e8f901a2b3c4d5e6f7081";

pub(crate) fn ago(seconds: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_secs(seconds)
}

fn place(file: &str, line: u32) -> Place {
    Place { file: file.into(), line, column: 5, length: 8 }
}

pub(crate) fn healthy(ready: u64, wanted: u64) -> ServiceHealth {
    let verdict = if ready == wanted { Verdict::Converged } else { Verdict::Rolling };
    ServiceHealth {
        verdict,
        reason: None,
        ready,
        wanted,
        running: ready,
        rollout: None,
        message: None,
        failure: None,
        obstacles: Vec::new(),
        proven: ready,
    }
}

pub(crate) fn service(name: &str, image: &str, sync: Sync, judged: ServiceHealth) -> ServiceStatus {
    ServiceStatus {
        name: name.to_owned(),
        mode: Some(Mode::Replicated),
        image: Some(format!("{image}@{DIGEST}")),
        sync,
        health: Health::from(judged.verdict),
        state: health::state(&judged),
        judged: Some(judged),
    }
}

pub(crate) fn stack(name: &str, services: Vec<ServiceStatus>) -> StackStatus {
    let sync = services.iter().map(|service| service.sync).max().unwrap_or(Sync::Synced);
    let health = services.iter().map(|service| service.health).max().unwrap_or(Health::Healthy);
    StackStatus {
        name: name.to_owned(),
        file: Some(format!("{name}/stack.yaml")),
        sync,
        health,
        services,
        holds: Vec::new(),
        suspended: None,
    }
}

pub(crate) fn told(
    source: &str,
    condition: Condition,
    reason: Option<&str>,
    age: i64,
) -> StackReport {
    StackReport {
        source: source.to_owned(),
        condition,
        reason: reason.map(str::to_owned),
        code: None,
        causes: Vec::new(),
        since: ago(age),
        release: None,
        last_attempted_revision: Some(REVISION.to_owned()),
        last_applied_revision: Some(REVISION.to_owned()),
        last_healthy_revision: Some(OLDER.to_owned()),
        suspended: None,
        repairs: 0,
        repaired: BTreeMap::new(),
    }
}

fn source(name: &str, subject: &str, author: &str) -> SourceReport {
    SourceReport {
        name: name.to_owned(),
        revision: Some(REVISION.to_owned()),
        commit: Some(CommitReport {
            url: format!("https://git.example.com/ops/{name}.git"),
            reference: Some("main".to_owned()),
            author: author.to_owned(),
            time: ago(2400),
            subject: subject.to_owned(),
            signed_by: Some(vec!["ada@example.com".to_owned()]),
        }),
        seen_at: Some(ago(21)),
        failure: None,
        failing_since: None,
        stale_since: None,
        findings: Vec::new(),
    }
}

fn field(path: &str, before: Option<&str>, after: &str, line: u32) -> FieldChange {
    FieldChange {
        path: FieldPath(path.to_owned()),
        before: before.map(Shown::from),
        after: Some(if after == "(secret)" {
            Shown::Sensitive { sensitive: 1 }
        } else {
            Shown::from(after)
        }),
        impact: Impact::Roll,
        causes_roll: before.is_some(),
        cause: None,
        place: Some(place("shop/stack.yaml", line)),
    }
}

fn change(name: &str, causes: Vec<Cause>, fields: Vec<FieldChange>, holds: Vec<Hold>) -> Change {
    Change {
        object: ObjectKey::new(Kind::Service, name),
        action: Action::Update,
        effect: Effect::Rolls {
            tasks: 6,
            parallelism: 2,
            order: RolloutOrder::StartFirst,
            keep_serving: 6,
        },
        causes,
        place: Some(place("shop/stack.yaml", 3)),
        fields,
        unchanged_fields: 14,
        content: None,
        after: Vec::new(),
        holds,
        notes: Vec::new(),
        target: None,
    }
}

fn section(stack: &StackStatus, changes: Vec<Change>) -> StackSection {
    StackSection {
        name: stack.name.clone(),
        file: stack.file.clone(),
        services: stack.services.len(),
        holds: Vec::new(),
        changes,
        unchanged: stack.services.len(),
        retained: Vec::new(),
    }
}

pub(crate) fn document(stacks: Vec<StackSection>) -> Document {
    Document {
        format_version: FORMAT_VERSION,
        fleet: "production".to_owned(),
        source: Some(SourceRef {
            name: "main".to_owned(),
            revision: Some(format!("main@{REVISION}")),
        }),
        engine: engine(),
        summary: Summary::default(),
        holds: Vec::new(),
        fleet_changes: Vec::new(),
        record: None,
        stacks,
        findings: Vec::new(),
    }
    .counted()
}

fn engine() -> EngineRef {
    EngineRef { api: ApiVersion { major: 1, minor: 51 }, version: "28.5.2".to_owned() }
}

fn rolling() -> ServiceHealth {
    let rollout = Rollout { direction: Direction::Forward, batch: 2, batches: 3 };
    ServiceHealth { rollout: Some(rollout), running: 6, ..healthy(4, 6) }
}

fn failing() -> ServiceHealth {
    let log = [
        "10:41:07 INFO  connecting to smtp.example.com:587",
        "10:41:12 ERROR connection timed out after 5s",
        "10:41:12 FATAL cannot start without a relay",
    ];
    let failure = TaskFailure {
        task: "q3v0b6k2n9x8c7z5".to_owned(),
        slot: 1,
        node: Some("worker-2".to_owned()),
        state: TaskState::Failed,
        error: "task: non-zero exit (1)".to_owned(),
        exit_code: Some(1),
        at: ago(47),
        log: Some(Excerpt { lines: log.map(str::to_owned).into(), note: None }),
    };
    ServiceHealth {
        verdict: Verdict::Failing,
        reason: Some(skep::reconciler::health::Reason::CrashLoop),
        failure: Some(failure),
        ..healthy(0, 2)
    }
}

/// A fleet in which something of everything is going on.
#[expect(clippy::too_many_lines, reason = "it is a list of what there is")]
pub(crate) fn report() -> Report {
    let ready = |name: &str, services: &[(&str, &str, u64)]| {
        let services = services.iter().map(|(service_name, image, tasks)| {
            service(&format!("{name}_{service_name}"), image, Sync::Synced, healthy(*tasks, *tasks))
        });
        stack(name, services.collect())
    };
    let mut shop = ready("shop", &[("db", "postgres:17", 1), ("cache", "valkey/valkey:8", 1)]);
    shop.services.push(service("shop_web", "acme/shop:2.4.0", Sync::OutOfSync, rolling()));
    let mut shop = stack("shop", shop.services);
    let waits =
        Hold::new(HoldCode::WaitsForHealth, "waits for service shop_web: 4/6 tasks healthy");
    let worker = ObjectKey::new(Kind::Service, "shop_worker");
    shop.holds.push(OpenHold { object: Some(worker), hold: waits.clone() });
    let mail = stack(
        "mail",
        vec![
            service("mail_relay", "acme/relay:1.9", Sync::Synced, failing()),
            service("mail_spam", "rspamd/rspamd:3.11", Sync::Synced, healthy(1, 1)),
        ],
    );
    let mut billing =
        ready("billing", &[("api", "acme/billing:7.1", 3), ("export", "acme/export:3", 1)]);
    billing.sync = Sync::OutOfSync;
    let guard = Hold::new(HoldCode::GuardMostServices, "2 of 3 services would be removed")
        .unblock("skep apply --prune --unblock guard-most-services:billing");
    billing.holds.push(OpenHold { object: None, hold: guard });
    let blog = ready("blog", &[("web", "ghost:5.118", 2)]);
    let auth = ready(
        "auth",
        &[("keycloak", "quay.io/keycloak/keycloak:26.3", 2), ("db", "postgres:17", 1)],
    );
    let docs = ready("docs", &[("site", "acme/docs:2026-11", 2)]);
    let observability = ready(
        "observability",
        &[
            ("prometheus", "prom/prometheus:v3.5.0", 1),
            ("grafana", "grafana/grafana:12.1", 1),
            ("agent", "grafana/alloy:v1.10", 3),
        ],
    );
    let edge = ready("edge", &[("caddy", "caddy:2.10", 3)]);
    let suspension = Suspension {
        by: "ada@manager-1".to_owned(),
        since: ago(5400),
        reason: Some("the database moves".to_owned()),
    };
    let plan = document(vec![
        section(&billing, Vec::new()),
        section(
            &shop,
            vec![
                change(
                    "shop_web",
                    vec![Cause::Git],
                    vec![
                        field("image", Some("acme/shop:2.3.1"), "acme/shop:2.4.0", 9),
                        field("environment.FEATURE_CHECKOUT", None, "v2", 14),
                    ],
                    Vec::new(),
                ),
                change(
                    "shop_worker",
                    vec![Cause::Git],
                    vec![field("image", Some("acme/shop:2.3.1"), "acme/shop:2.4.0", 31)],
                    vec![waits],
                ),
            ],
        ),
        section(
            &docs,
            vec![change(
                "docs_site",
                vec![Cause::Drift],
                vec![field("deploy.replicas", Some("5"), "2", 12)],
                vec![Hold::new(HoldCode::DriftReported, "changed by hand; it is only reported")],
            )],
        ),
    ]);
    let mut infra = source("infra", "edge: answer HTTP/3 <fast>", "Grace Hopper");
    let stale = Place { file: "edge/stack.yaml".into(), line: 12, column: 7, length: 6 };
    infra.findings.push(
        Finding::warning("unknown-key", Some(stale), "unknown key `expse`")
            .hint("did you mean `expose`?"),
    );
    let stacks = vec![auth, billing, blog, docs, edge, mail, observability, shop];
    let status = Status {
        format_version: status::FORMAT_VERSION,
        fleet: "production".to_owned(),
        engine: engine(),
        observed_at: ago(4),
        sync: Sync::OutOfSync,
        health: Health::Degraded,
        stacks,
    };
    let routes = routes::seen(&status);
    let suspended = StackReport {
        suspended: Some(suspension),
        ..told("main", Condition::Suspended, Some("stack auth is suspended"), 5400)
    };
    Report {
        format_version: report::FORMAT_VERSION,
        version: "0.1.0",
        fleet: "production".to_owned(),
        started_at: ago(3 * 86_400),
        trouble: None,
        settings: SettingsReport::default(),
        engines: vec![EngineReport {
            address: "unix:///var/run/docker.sock".to_owned(),
            in_use: true,
            problem: None,
        }],
        passes: 4211,
        last_pass: Some(LastPass {
            at: ago(4),
            reasons: Reasons::from_iter([Reason::Progress]),
            performed: 0,
            failed: 0,
            milliseconds: 83,
        }),
        suspended: None,
        sources: vec![source("main", "shop: checkout v2", "Ada Lovelace"), infra],
        stacks: BTreeMap::from([
            ("auth".to_owned(), suspended),
            (
                "billing".to_owned(),
                told("main", Condition::Stalled, Some("2 of 3 services would be removed"), 700),
            ),
            ("blog".to_owned(), told("main", Condition::Ready, None, 86_000)),
            (
                "docs".to_owned(),
                StackReport { repairs: 2, ..told("main", Condition::Ready, None, 4000) },
            ),
            ("edge".to_owned(), told("infra", Condition::Ready, None, 260_000)),
            (
                "mail".to_owned(),
                told(
                    "main",
                    Condition::Degraded,
                    Some("mail_relay: failing (0/2, crash loop)"),
                    380,
                ),
            ),
            ("observability".to_owned(), told("infra", Condition::Ready, None, 250_000)),
            (
                "shop".to_owned(),
                told(
                    "main",
                    Condition::Progressing,
                    Some("waits for service shop_web: 4/6 tasks healthy"),
                    75,
                ),
            ),
        ]),
        status: Some(Arc::new(status)),
        sight: Some(Arc::new(Sight {
            plans: vec![Arc::new(plan)],
            declared: vec![Arc::new(Declared(web()))],
            routes,
        })),
    }
}

/// A source that declares one service.
#[derive(Debug)]
pub(crate) struct Declared(pub(crate) ServiceDeclaration);

impl Declares for Declared {
    fn service(&self, name: &str) -> Option<ServiceDeclaration> {
        let Self(only) = self;
        (name == format!("{}_{}", only.stack, only.key)).then(|| only.clone())
    }
}

pub(crate) fn web() -> ServiceDeclaration {
    ServiceDeclaration {
        stack: "shop".to_owned(),
        key: "web".to_owned(),
        place: place("shop/stack.yaml", 3),
        image: "acme/shop:2.4.0".to_owned(),
        fields: vec![
            field("image", None, "acme/shop:2.4.0", 9),
            field("environment.FEATURE_CHECKOUT", None, "v2", 14),
            field("environment.DB_PASSWORD", None, "(secret)", 15),
            field("deploy.replicas", None, "6", 20),
            field("deploy.update_config.order", None, "start-first", 22),
            field("healthcheck.test", None, "CMD curl -fsS http://localhost:8080/healthz", 26),
            FieldChange { place: None, ..field("labels.skep.stack", None, "shop", 1) },
        ],
    }
}

fn node(hostname: &str, manager: bool, cpu: i64, memory: i64, running: usize) -> NodeSight {
    NodeSight {
        id: format!("id-{hostname}"),
        hostname: hostname.to_owned(),
        manager,
        availability: "active".to_owned(),
        state: "ready".to_owned(),
        platform: "linux/x86_64".to_owned(),
        cpu: Share { reserved: cpu, total: 8_000_000_000 },
        memory: Share { reserved: memory, total: 32 << 30 },
        running,
    }
}

pub(crate) fn task(slot: u64, node: &str, state: TaskState) -> TaskSight {
    TaskSight {
        id: format!("t{slot}{node}q3v0b6k2n9x8"),
        slot,
        node: Some(node.to_owned()),
        state,
        desired: if state > TaskState::Running { TaskState::Shutdown } else { TaskState::Running },
        since: ago(40 + i64::try_from(slot).unwrap()),
        image: "acme/shop:2.4.0".to_owned(),
        error: (state == TaskState::Failed).then(|| "non-zero exit (1)".to_owned()),
        exit_code: (state == TaskState::Failed).then_some(1),
    }
}

pub(crate) fn scene() -> Scene {
    let web = ["worker-1", "worker-2", "worker-3", "worker-1", "worker-2", "worker-3"];
    let web = web.iter().zip(1..).map(|(node, slot)| {
        task(slot, node, if slot < 5 { TaskState::Running } else { TaskState::Starting })
    });
    let relay = vec![
        TaskSight { node: None, ..task(1, "", TaskState::Pending) },
        task(2, "worker-2", TaskState::Preparing),
        task(1, "worker-2", TaskState::Failed),
        task(2, "worker-3", TaskState::Failed),
    ];
    let mut drained = node("worker-3", false, 2_500_000_000, 11 << 30, 6);
    "drain".clone_into(&mut drained.availability);
    Scene {
        at: ago(1),
        nodes: vec![
            node("manager-1", true, 1_000_000_000, 4 << 30, 5),
            node("worker-1", false, 7_500_000_000, 27 << 30, 14),
            node("worker-2", false, 4_250_000_000, 19 << 30, 11),
            drained,
        ],
        tasks: BTreeMap::from([
            ("shop_web".to_owned(), web.collect()),
            ("shop_db".to_owned(), vec![task(1, "worker-1", TaskState::Running)]),
            ("shop_cache".to_owned(), vec![task(1, "worker-2", TaskState::Running)]),
            ("mail_relay".to_owned(), relay),
        ]),
    }
}

/// A scene that stays as it is.
#[derive(Debug)]
pub(crate) struct Still(pub(crate) Result<Arc<Scene>, String>);

impl Scenes for Still {
    fn look(&self, _: Option<Timestamp>) -> Look<'_> {
        Box::pin(async { self.0.clone() })
    }
}

/// A fleet of `stacks` stacks with `services` services each, all well.
pub(crate) fn large(stacks: usize, services: usize) -> Report {
    let names: Vec<String> = (0..stacks).map(|number| format!("stack-{number:04}")).collect();
    let of = |name: &String| {
        let of_stack = (0..services).map(|number| {
            service(&format!("{name}_service-{number}"), "acme/app:1", Sync::Synced, healthy(3, 3))
        });
        stack(name, of_stack.collect())
    };
    let mut report = report();
    report.stacks =
        names.iter().map(|name| (name.clone(), told("main", Condition::Ready, None, 60))).collect();
    let stacks: Vec<StackStatus> = names.iter().map(of).collect();
    let sections = stacks.iter().map(|stack| section(stack, Vec::new())).collect();
    let plans = vec![Arc::new(document(sections))];
    report.sight = Some(Arc::new(Sight { plans, ..Sight::default() }));
    let with = |status| Arc::new(Status { stacks, ..Arc::unwrap_or_clone(status) });
    report.status = report.status.map(with);
    report
}

fn event(seconds: i64, kind: EventKind, stack: &str, message: &str) -> Event {
    Event {
        at: ago(seconds),
        severity: kind.severity(),
        kind,
        recovered: false,
        key: format!("stack/{stack}"),
        stack: Some(stack.to_owned()),
        service: None,
        source: Some("main".to_owned()),
        revision: Some(REVISION.to_owned()),
        reason: None,
        message: message.to_owned(),
    }
}

/// What happened before.
pub(crate) fn news() -> News {
    let failing = Event {
        service: Some("mail_relay".to_owned()),
        reason: Some("crash-loop".to_owned()),
        ..event(380, EventKind::ServiceFailing, "mail", "tasks fail: non-zero exit (1)")
    };
    let well = Event {
        recovered: true,
        severity: skep::reconciler::journal::Severity::Info,
        ..event(3900, EventKind::DriftFound, "docs", "is as declared again")
    };
    let events = [
        event(86_000, EventKind::ReleaseHealthy, "blog", "is as declared and healthy"),
        event(
            4100,
            EventKind::DriftFound,
            "docs",
            "deploy.replicas of docs_site was changed by hand",
        ),
        well,
        event(700, EventKind::DeletionBlocked, "billing", "2 of 3 services would be removed"),
        failing,
        event(75, EventKind::ReleaseStarted, "shop", "is being written"),
    ];
    let numbered = (1..).zip(events).map(|(id, event)| Numbered { id, event });
    let entry = |outcome, revision: &str, seconds: i64, reason: Option<&str>, tried| Entry {
        stack: "shop".to_owned(),
        source: "main".to_owned(),
        revision: Some(revision.to_owned()),
        causes: vec![Cause::Git],
        author: Some("Ada Lovelace".to_owned()),
        subject: Some("shop: checkout v2".to_owned()),
        outcome,
        reason: reason.map(str::to_owned),
        began: ago(seconds + 42),
        ended: ago(seconds),
        milliseconds: 42_000,
        tried,
    };
    let failed = Some("shop_web: rolled back, 6/6 tasks healthy");
    let entries = vec![
        entry(Outcome::Healthy, OLDER, 5400, None, 1),
        entry(Outcome::RolledBack, "sha1:77aa01c2d3e4", 9000, failed, 3),
        entry(Outcome::Healthy, "sha1:0b1c2d3e4f5a", 90_000, None, 1),
    ];
    News::of(numbered, entries)
}
