//! The overview: what needs somebody, what goes on, what waits, and how every stack is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::source::SourceView;
use super::words::{SENTENCE, count, tidy};
use super::{Known, Scope};
use crate::diff::document::{HoldClass, HoldCode};
use crate::model::finding::Finding;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::status::{Health, OpenHold, StackStatus, Sync};
use crate::reconciler::suspension::Suspension;

/// How everything is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Overview {
    /// The installation of skep that is looked after.
    pub fleet: String,
    /// The version of skep that runs.
    pub version: String,
    /// Since when it runs.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// The version of the engine that was observed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// When the controller looked last.
    pub looked: Looked,
    /// How many stacks are in each condition; `Unknown` are those that no source declares any more.
    pub conditions: BTreeMap<String, usize>,
    /// What needs somebody, the most urgent first.
    pub attention: Vec<Attention>,
    /// Services that are on their way.
    pub moving: Vec<Moving>,
    /// What is not done now, and why.
    pub blocked: Vec<Blocked>,
    /// Where stacks come from.
    pub sources: Vec<SourceView>,
    /// Every stack, by name.
    pub stacks: Vec<StackRow>,
}

/// When the controller looked last, and whether it still does.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Looked {
    /// How far what is shown can be relied on.
    pub state: Looking,
    /// When the last pass ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// Why it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasons: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
    /// Why the Swarm cannot be observed, while it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

/// How far what is shown can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Looking {
    /// Nothing was compared yet.
    Starting,
    /// The controller looks as it should.
    Fresh,
    /// The Swarm cannot be observed; what is shown is how it was before.
    Blind,
    /// The controller's loop does not turn.
    Stuck,
}

/// Something that needs somebody.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Attention {
    /// How much.
    pub urgency: Urgency,
    /// What it is about: `stack shop`, `source main`.
    pub subject: String,
    /// The stack, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// What is the matter.
    pub words: String,
    /// What may help, or the command that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

/// How much somebody is needed. The first matters most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Something does not work.
    Broken,
    /// Nothing goes on before somebody decides.
    Stuck,
    /// Good to know.
    Note,
}

/// A service that is on its way.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Moving {
    /// Its stack.
    pub stack: String,
    /// Its full name.
    pub service: String,
    /// How it is: `rolling (2/6, batch 2 of 3)`.
    pub state: String,
    /// Tasks of the current spec that run and are healthy.
    pub ready: u64,
    /// Tasks that are wanted.
    pub wanted: u64,
}

/// Something that is not done now.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Blocked {
    /// The stack.
    pub stack: String,
    /// The object that would change; absent when the whole stack is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The stable name of the reason.
    pub code: HoldCode,
    /// Who can end it.
    pub class: HoldClass,
    /// The reason for people.
    pub reason: String,
    /// What ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unblock: Option<String>,
}

/// A stack in a line.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StackRow {
    /// Its name.
    pub name: String,
    /// The source that declares it; absent where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The revision that passes work with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether it is as declared.
    pub sync: Sync,
    /// Whether it works.
    pub health: Health,
    /// How it is getting on; absent where no source declares it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub condition: Option<Condition>,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is in this condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// How many services it has.
    pub service_count: usize,
    /// Tasks that are well.
    pub ready: u64,
    /// Tasks that are wanted.
    pub wanted: u64,
    /// Objects that are not as declared.
    pub changes: usize,
    /// What is in the way of that.
    pub holds: usize,
    /// How often its objects were put right since the controller was started.
    pub repairs: u64,
    /// Who suspended it, when and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<String>,
}

impl Overview {
    /// What `scope` shows as a whole.
    pub fn of(scope: &Scope<'_>) -> Self {
        let report = scope.report;
        let stacks = scope.stacks();
        let rows: Vec<StackRow> = stacks.iter().map(|known| StackRow::of(*known)).collect();
        let mut conditions = BTreeMap::new();
        for row in &rows {
            let word = row.condition.map_or("Unknown", Condition::as_str);
            *conditions.entry(word.to_owned()).or_default() += 1;
        }
        let live = || stacks.iter().filter_map(|known| known.live);
        Self {
            fleet: report.fleet.clone(),
            version: report.version.to_owned(),
            started_at: report.started_at,
            engine: report.status.as_ref().map(|status| status.engine.version.clone()),
            looked: Looked::of(scope),
            conditions,
            attention: attention(scope, rows.iter().zip(&stacks)),
            moving: live().flat_map(moving).collect(),
            blocked: live().flat_map(blocked).collect(),
            sources: report.sources.iter().map(SourceView::from).collect(),
            stacks: rows,
        }
    }
}

impl Looked {
    pub(super) fn of(scope: &Scope<'_>) -> Self {
        let report = scope.report;
        let state = match (&report.trouble, &report.status) {
            _ if !scope.is_alive => Looking::Stuck,
            (Some(_), _) => Looking::Blind,
            (None, None) => Looking::Starting,
            (None, Some(_)) => Looking::Fresh,
        };
        let pass = report.last_pass.as_ref();
        Self {
            state,
            at: pass.map(|pass| pass.at),
            reasons: pass.map(|pass| pass.reasons.to_string()),
            milliseconds: pass.map(|pass| pass.milliseconds),
            trouble: report.trouble.as_ref().map(|trouble| tidy(&trouble.reason, SENTENCE)),
            since: report.trouble.as_ref().map(|trouble| trouble.since),
        }
    }
}

impl StackRow {
    pub(super) fn of(known: Known<'_>) -> Self {
        let Known { name, live, told, plan } = known;
        let services = live.map_or(&[][..], |live| live.services.as_slice());
        let judged = || services.iter().filter_map(|service| service.judged.as_ref());
        let suspended = told.and_then(|told| told.suspended.as_ref());
        let suspended = suspended.or_else(|| live.and_then(|live| live.suspended.as_ref()));
        Self {
            name: name.to_owned(),
            source: told.map(|told| told.source.clone()),
            revision: told.and_then(|told| told.last_attempted_revision.clone()),
            sync: live.map_or(Sync::Unknown, |live| live.sync),
            health: live.map_or(Health::Unknown, |live| live.health),
            condition: told.map(|told| told.condition),
            reason: told.and_then(|told| told.reason.as_ref()).map(|reason| tidy(reason, SENTENCE)),
            since: told.map(|told| told.since),
            service_count: services.len(),
            ready: judged().map(|judged| judged.ready.min(judged.wanted)).sum(),
            wanted: judged().map(|judged| judged.wanted).sum(),
            changes: plan.map_or(0, |(_, section)| section.changes.len()),
            holds: live.map_or(0, |live| live.holds.len()),
            repairs: told.map_or(0, |told| told.repairs),
            suspended: suspended.map(suspension),
        }
    }
}

/// `by ada@manager1 since 2026-05-01T10:00:00Z: database move`
fn suspension(suspension: &Suspension) -> String {
    let Suspension { by, since, reason } = suspension;
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    tidy(&format!("by {by} since {since:.0}{reason}"), SENTENCE)
}

/// Services of a stack that are on their way.
fn moving(stack: &StackStatus) -> impl Iterator<Item = Moving> {
    let on_their_way = stack.services.iter().filter(|of| of.health == Health::Progressing);
    on_their_way.map(|service| Moving {
        stack: stack.name.clone(),
        service: service.name.clone(),
        state: tidy(&service.state, SENTENCE),
        ready: service.judged.as_ref().map_or(0, |judged| judged.ready),
        wanted: service.judged.as_ref().map_or(0, |judged| judged.wanted),
    })
}

/// What is in the way of changes of a stack.
pub(super) fn blocked(stack: &StackStatus) -> impl Iterator<Item = Blocked> {
    stack.holds.iter().map(|OpenHold { object, hold }| Blocked {
        stack: stack.name.clone(),
        object: object.as_ref().map(ToString::to_string),
        code: hold.code,
        class: hold.class,
        reason: tidy(&hold.reason, SENTENCE),
        unblock: hold.unblock.as_ref().map(|unblock| tidy(unblock, SENTENCE)),
    })
}

/// What needs somebody, the most urgent first.
fn attention<'a>(
    scope: &Scope<'_>,
    stacks: impl Iterator<Item = (&'a StackRow, &'a Known<'a>)>,
) -> Vec<Attention> {
    let report = scope.report;
    let mut all = Vec::new();
    let plain = |urgency, subject: String, words: String| Attention {
        urgency,
        subject,
        stack: None,
        words,
        help: None,
        since: None,
    };
    if !scope.is_alive {
        let words = "its loop does not turn; nothing is compared".to_owned();
        all.push(plain(Urgency::Broken, "controller".to_owned(), words));
    }
    if let Some(trouble) = &report.trouble {
        let words = format!("cannot be observed: {}", tidy(&trouble.reason, SENTENCE));
        let attention = plain(Urgency::Broken, "the Swarm".to_owned(), words);
        all.push(Attention { since: Some(trouble.since), ..attention });
    }
    for source in &report.sources {
        let subject = format!("source {}", source.name);
        let errors: Vec<&Finding> =
            source.findings.iter().filter(|finding| finding.is_error()).collect();
        if let Some(failure) = &source.failure {
            let words = format!("cannot be read: {}", tidy(&failure.reason, SENTENCE));
            let attention = plain(Urgency::Broken, subject, words);
            let (help, since) = (failure.hint.clone(), source.failing_since);
            all.push(Attention { help, since, ..attention });
        } else if let Some(first) = errors.first() {
            let place = first.place.as_ref().map(|place| format!(" at {place}"));
            let words = format!(
                "has {} in its newest revision, the first{}: {}",
                count(errors.len(), "error"),
                place.unwrap_or_default(),
                tidy(&first.message, SENTENCE)
            );
            let attention = plain(Urgency::Stuck, subject, words);
            all.push(Attention { help: first.hint.clone(), ..attention });
        }
    }
    if let Some(trouble) = &report.settings.trouble {
        let words = format!("stay as they were: {}", tidy(trouble, SENTENCE));
        all.push(plain(Urgency::Stuck, "the settings".to_owned(), words));
    }
    if !report.settings.needs_restart.is_empty() {
        let keys = report.settings.needs_restart.join(", ");
        let words = format!("have changes that count after a restart: {keys}");
        all.push(plain(Urgency::Note, "the settings".to_owned(), words));
    }
    all.extend(stacks.filter_map(|(row, known)| of_stack(row, known.live)));
    all.sort_by_key(|attention| attention.urgency);
    all
}

fn of_stack(row: &StackRow, live: Option<&StackStatus>) -> Option<Attention> {
    let urgency = match row.condition {
        Some(Condition::Degraded) => Urgency::Broken,
        Some(Condition::Stalled) => Urgency::Stuck,
        Some(
            Condition::Ready | Condition::Progressing | Condition::Retrying | Condition::Suspended,
        )
        | None => match row.health {
            Health::Degraded | Health::Missing | Health::Paused => Urgency::Broken,
            Health::Healthy | Health::Progressing | Health::Unknown => return None,
        },
    };
    let holds = live.into_iter().flat_map(|live| &live.holds);
    let mut holds = holds.filter(|open| open.hold.is_standing());
    let help = holds.find_map(|open| open.hold.unblock.clone());
    let words = row.reason.clone().unwrap_or_else(|| format!("is {}", row.health));
    Some(Attention {
        urgency,
        subject: format!("stack {}", row.name),
        stack: Some(row.name.clone()),
        words,
        help: help.map(|help| tidy(&help, SENTENCE)),
        since: row.since,
    })
}
