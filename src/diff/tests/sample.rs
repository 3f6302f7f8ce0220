//! A plan that has everything: every action, every effect, every hold, findings, text that attacks.

use std::sync::Arc;

use crate::diff::document::{
    Action, After, Cause, Change, Content, Document, Effect, EngineRef, FORMAT_VERSION,
    FieldChange, Hold, HoldCode, Impact, Need, Retained, RolloutOrder, Shown, SourceRef,
    StackSection, Summary,
};
use crate::model::desired::FieldPath;
use crate::model::finding::Finding;
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::ApiVersion;
use crate::model::place::Place;

fn service(name: &str) -> ObjectKey {
    ObjectKey::new(Kind::Service, name)
}

fn place(line: u32) -> Place {
    Place { file: Arc::from("stacks/shop/stack.yaml"), line, column: 5, length: 0 }
}

fn field(path: &str, before: Option<Shown>, after: Option<Shown>) -> FieldChange {
    FieldChange {
        path: FieldPath(path.to_owned()),
        before,
        after,
        impact: Impact::InPlace,
        causes_roll: false,
        cause: None,
        place: None,
    }
}

fn rolling(path: &str, before: Option<Shown>, after: Option<Shown>, line: u32) -> FieldChange {
    let field = field(path, before, after);
    FieldChange { impact: Impact::Roll, causes_roll: true, place: Some(place(line)), ..field }
}

#[expect(clippy::unnecessary_wraps, reason = "a side of a field may be absent")]
fn text(text: &str) -> Option<Shown> {
    Some(Shown::from(text))
}

#[expect(clippy::unnecessary_wraps, reason = "a side of a field may be absent")]
fn list(items: &[&str]) -> Option<Shown> {
    Some(Shown::List(items.iter().map(|&item| Shown::from(item)).collect()))
}

#[expect(clippy::unnecessary_wraps, reason = "a side of a field may be absent")]
fn sensitive(number: u32) -> Option<Shown> {
    Some(Shown::Sensitive { sensitive: number })
}

fn document(stacks: Vec<StackSection>) -> Document {
    Document {
        format_version: FORMAT_VERSION,
        fleet: "default".into(),
        source: Some(SourceRef { name: "cli".into(), revision: Some("main@sha1:4f2c9e1".into()) }),
        engine: EngineRef { api: ApiVersion { major: 1, minor: 51 }, version: "28.5.2".into() },
        summary: Summary::default(),
        holds: Vec::new(),
        fleet_changes: Vec::new(),
        record: None,
        stacks,
        findings: Vec::new(),
    }
}

fn section(name: &str, changes: Vec<Change>) -> StackSection {
    StackSection {
        name: name.into(),
        file: Some(format!("stacks/{name}/stack.yaml")),
        services: 4,
        holds: Vec::new(),
        changes,
        unchanged: 6,
        retained: Vec::new(),
    }
}

/// Nothing changes.
pub(super) fn unchanged() -> Document {
    let mut wiki = section("wiki", Vec::new());
    wiki.services = 10;
    document(vec![section("shop", Vec::new()), wiki]).counted()
}

/// A common day: a release, a rotated config, drift, something removed.
pub(super) fn release() -> Document {
    let mut shop = section("shop", vec![roll(), config(), drifted(), removed()]);
    shop.retained = vec![Retained {
        object: ObjectKey::new(Kind::Config, "shop_nginx-a17c03d4"),
        reason: "service shop_web can roll back to it".into(),
    }];
    document(vec![shop, section("wiki", Vec::new())]).counted()
}

fn roll() -> Change {
    let effect = Effect::Rolls {
        tasks: 6,
        parallelism: 2,
        order: RolloutOrder::StartFirst,
        keep_serving: 6,
    };
    let digest = |start: &str| format!("acme/api@sha256:{start}{}", "0".repeat(60));
    let workers = |number: &str| {
        let workers = format!("--workers={number}");
        list(&[
            "serve",
            "--bind=0.0.0.0:8080",
            &workers,
            "--log-format=json",
            "--graceful-timeout=30s",
        ])
    };
    let long = |zone: &str| {
        text(&format!(
            "Host(`api.example.com`) && PathPrefix(`/v1`) && Header(`X-Zone`, `{zone}`) && Method(`GET`, `POST`)"
        ))
    };
    Change {
        place: Some(place(38)),
        fields: vec![
            rolling("command", workers("4"), workers("8"), 44),
            rolling("environment.DB_PASSWORD", sensitive(1), sensitive(2), 47),
            rolling("environment.FEATURE_CHECKOUT_V2", None, text("on"), 48),
            FieldChange {
                cause: Some(Cause::Image),
                ..rolling("image", text(&digest("1111")), text(&digest("2222")), 39)
            },
            rolling("labels.traefik.http.routers.api.rule", long("eu-1"), long("eu-2"), 60),
        ],
        unchanged_fields: 14,
        ..Change::new(service("shop_api"), Action::Update, effect, vec![Cause::Git, Cause::Image])
    }
}

fn config() -> Change {
    Change {
        content: Some(Content::Lines {
            from: "shop_nginx-a17c03d4".into(),
            added: 12,
            removed: 3,
            unified: None,
        }),
        place: Some(place(90)),
        ..Change::new(
            ObjectKey::new(Kind::Config, "shop_nginx-3f9c2e11"),
            Action::Create,
            Effect::None,
            vec![Cause::Git],
        )
    }
}

fn drifted() -> Change {
    let replicas = field("deploy.replicas", Some(Shown::Integer(5)), Some(Shown::Integer(3)));
    Change {
        place: Some(place(12)),
        fields: vec![FieldChange { cause: Some(Cause::Drift), place: Some(place(20)), ..replicas }],
        unchanged_fields: 31,
        ..Change::new(
            service("shop_web"),
            Action::Update,
            Effect::InPlace { starts: 0, stops: 2 },
            vec![Cause::Drift],
        )
    }
}

fn removed() -> Change {
    Change {
        notes: vec!["not in stacks/shop/stack.yaml since 4f2c9e1".into()],
        ..Change::new(
            service("shop_legacy"),
            Action::Remove,
            Effect::Stops { tasks: 1 },
            vec![Cause::Git],
        )
    }
}

/// Everything that a plan can hold.
pub(super) fn everything() -> Document {
    let mut shop =
        section("shop", vec![roll(), config(), created(), replaced(), adopted(), moved(), job()]);
    shop.changes.extend([secret(), drifted(), hostile()]);
    let mut held = section("held", HoldCode::ALL.iter().map(|&code| with_hold(code)).collect());
    held.file = None;
    held.unchanged = 0;
    let mut paused = section("paused", vec![removed()]);
    paused.holds = vec![
        Hold::new(HoldCode::Paused, "x-skep.paused is set in stacks/paused/stack.yaml")
            .unblock("remove x-skep.paused (stacks/paused/stack.yaml:3)"),
    ];
    let mut document = document(vec![held, paused, shop, section("wiki", Vec::new())]);
    document.fleet_changes = vec![Change::new(
        ObjectKey::new(Kind::Config, "skep_default_record"),
        Action::Create,
        Effect::None,
        vec![Cause::Manual],
    )];
    document.findings = vec![
        Finding::warning(
            "unset-variable",
            place(7),
            "variable TAG is not set and is taken as empty",
        )
        .hint("write ${TAG:-} if that is meant, or set it with --var TAG=…")
        .related(place(9), "used again here"),
        Finding::error("no-such-network", None, "no network edge"),
    ];
    document.counted()
}

fn created() -> Change {
    Change {
        fields: vec![
            field("image", None, text("acme/worker:2.0.0")),
            field("deploy.replicas", None, Some(Shown::Integer(3))),
            field("ports.8080/tcp", None, text("8080:8080/tcp ingress")),
        ],
        after: vec![
            After { object: service("shop_migrate"), need: Need::Completed },
            After {
                object: ObjectKey::new(Kind::Config, "shop_nginx-3f9c2e11"),
                need: Need::Created,
            },
        ],
        holds: vec![
            Hold::new(HoldCode::WaitsForHealth, "waits for service shop_db: 1/3 tasks healthy")
                .needs(service("shop_db")),
        ],
        ..Change::new(
            service("shop_worker"),
            Action::Create,
            Effect::Starts { tasks: Some(3) },
            vec![Cause::Git],
        )
    }
}

fn replaced() -> Change {
    let mode = field("deploy.mode", text("replicated"), text("global"));
    Change {
        fields: vec![FieldChange { impact: Impact::Replace, ..mode }],
        unchanged_fields: 3,
        ..Change::new(
            service("shop_agent"),
            Action::Replace,
            Effect::Downtime { tasks: 3 },
            vec![Cause::Git],
        )
    }
}

fn adopted() -> Change {
    Change::new(
        service("shop_a_service_with_quite_a_long_name_that_breaks_columns"),
        Action::Adopt,
        Effect::InPlace { starts: 0, stops: 0 },
        vec![Cause::Ownership],
    )
}

fn moved() -> Change {
    let effect =
        Effect::Rolls { tasks: 2, parallelism: 0, order: RolloutOrder::StopFirst, keep_serving: 0 };
    Change {
        notes: vec!["it was called store_cache".into()],
        ..Change::new(service("shop_cache"), Action::Move, effect, vec![Cause::Git])
    }
}

fn job() -> Change {
    let field = field("image", text("acme/api:1.8.2"), text("acme/api:1.9.0"));
    Change {
        fields: vec![FieldChange { impact: Impact::Rerun, ..field }],
        unchanged_fields: 9,
        ..Change::new(
            service("shop_migrate"),
            Action::Update,
            Effect::RunsJob { again: true, completions: Some(1) },
            vec![Cause::Retry],
        )
    }
}

fn secret() -> Change {
    Change {
        content: Some(Content::Hidden { from: Some("shop_db_password-0c11".into()) }),
        ..Change::new(
            ObjectKey::new(Kind::Secret, "shop_db_password-77aa"),
            Action::Create,
            Effect::None,
            vec![Cause::Git],
        )
    }
}

/// Names and values that try to steer the terminal or to leave their block.
fn hostile() -> Change {
    let value = text("\x1b[2J\u{202e}``` </details> <script>\r\n\x07");
    Change {
        fields: vec![field(
            "environment.\x1b]0;x\x07",
            Some(Shown::NotComparable { not_comparable: true }),
            value,
        )],
        ..Change::new(
            service("shop_\x1b[31mred"),
            Action::Update,
            Effect::InPlace { starts: 1, stops: 0 },
            vec![Cause::Drift],
        )
    }
}

fn with_hold(code: HoldCode) -> Change {
    let hold = Hold::new(code, format!("a sentence that explains {code} to people"));
    let hold =
        if hold.is_standing() { hold.unblock("skep apply --prune stacks/held") } else { hold };
    Change {
        holds: vec![hold],
        ..Change::new(
            service(&format!("held_{code}")),
            Action::Remove,
            Effect::Stops { tasks: 2 },
            vec![Cause::Git],
        )
    }
}
