//! What is wrong now, by key: read from one report alone.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::diff::document::HoldCode;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::report::{Report, SourceReport, StackReport};
use crate::reconciler::status::{OpenHold, StackStatus};

use super::event::{Event, EventKind, short};
use super::service;

/// How things stand with one key. What has none is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// This is wrong.
    Wrong(Event),
    /// Nobody can tell yet; what was wrong is so until somebody can.
    Undecided,
}

/// The guards: holds that keep something from being removed.
const GUARDS: [HoldCode; 7] = [
    HoldCode::GuardNoStacks,
    HoldCode::GuardMostServices,
    HoldCode::GuardWholeStack,
    HoldCode::GuardRenamed,
    HoldCode::GuardStillDeclared,
    HoldCode::GuardInUse,
    HoldCode::SelfProtection,
];

/// The key of what is said of the engine.
pub(super) const ENGINE: &str = "engine";
/// The key of what is said of the settings.
const SETTINGS: &str = "settings";
/// The key of the suspension of everything.
const FLEET: &str = "suspension";

/// Everything that is wrong or undecided in `report`.
pub(super) fn all(report: &Report, now: Timestamp) -> BTreeMap<String, Standing> {
    let mut all = Standings { now, of: BTreeMap::new() };
    if let Some(trouble) = &report.trouble {
        let message = format!("the Swarm cannot be observed: {}", trouble.reason);
        all.wrong(Event::new(now, EventKind::EngineUnreachable, ENGINE, message));
    }
    if let Some(trouble) = &report.settings.trouble {
        let message = format!("the settings stay as they were: {trouble}");
        all.wrong(Event::new(now, EventKind::SettingsInvalid, SETTINGS, message));
    }
    for source in &report.sources {
        all.source(source);
    }
    if let Some(suspension) = &report.suspended {
        let message = format!("all stacks are suspended {suspension}");
        all.wrong(Event::new(now, EventKind::StackSuspended, FLEET, message));
    }
    for (name, stack) in &report.stacks {
        all.stack(name, stack, report);
    }
    for status in report.status.iter().flat_map(|status| &status.stacks) {
        all.services(status, report.stacks.get(&status.name));
    }
    all.of
}

/// Whether `report` tells about `key` at all. Before the first pass nothing is known of stacks, before the first look
/// nothing of a source.
pub(super) fn is_told(report: &Report, key: &str) -> bool {
    match key.split_once('/') {
        // A source that has left the settings is nobody's problem any more.
        Some(("source" | "revision", name)) => {
            let mut sources = report.sources.iter();
            let source = sources.find(|source| source.name == name);
            source.is_none_or(|source| source.seen_at.is_some() || source.failure.is_some())
        }
        Some(_) => report.status.is_some(),
        None if key == SETTINGS => true,
        None => report.last_pass.is_some(),
    }
}

struct Standings {
    now: Timestamp,
    of: BTreeMap<String, Standing>,
}

impl Standings {
    fn wrong(&mut self, event: Event) {
        self.of.insert(event.key.clone(), Standing::Wrong(event));
    }

    fn undecided(&mut self, key: String) {
        self.of.entry(key).or_insert(Standing::Undecided);
    }

    fn source(&mut self, report: &SourceReport) {
        let name = &report.name;
        let about = |kind, key: String, message: String| Event {
            source: Some(name.clone()),
            revision: report.revision.clone(),
            ..Event::new(self.now, kind, key, message)
        };
        let errors: Vec<_> = report.findings.iter().filter(|finding| finding.is_error()).collect();
        let invalid = errors.first().map(|first| {
            let place = first.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
            let more = match errors.len() {
                1 => String::new(),
                all => format!(" (and {} more)", all - 1),
            };
            let revision = report.revision.as_deref().map(short).unwrap_or_default();
            let message = format!(
                "revision {revision} of source {name} has errors: {place}{}{more}",
                first.message
            );
            let event = about(EventKind::RevisionInvalid, format!("revision/{name}"), message);
            Event { reason: Some(first.code.to_owned()), ..event }
        });
        let failing = report.failure.as_ref().map(|failure| {
            let message = format!("source {name} cannot be read: {}", failure.reason);
            about(EventKind::SourceFailing, format!("source/{name}"), message)
        });
        for event in failing.into_iter().chain(invalid) {
            self.wrong(event);
        }
    }

    fn stack(&mut self, name: &str, stack: &StackReport, report: &Report) {
        let key = format!("stack/{name}");
        let status = report.status.iter().flat_map(|status| &status.stacks);
        let holds: Vec<&OpenHold> =
            status.filter(|status| status.name == name).flat_map(|status| &status.holds).collect();
        let reason = stack.reason.as_deref().unwrap_or("nobody knows why");
        let about = |kind, key: &str, message: String| Event {
            stack: Some(name.to_owned()),
            source: Some(stack.source.clone()),
            revision: stack.last_attempted_revision.clone(),
            reason: stack.code.map(|code| code.to_string()),
            ..Event::new(self.now, kind, key, message)
        };
        let mut wrong = Vec::new();
        if stack.condition == Condition::Suspended && report.suspended.is_none() {
            let message = match &stack.suspended {
                Some(suspension) => format!("stack {name} is suspended {suspension}"),
                None => reason.to_owned(),
            };
            wrong.push(about(EventKind::StackSuspended, &format!("suspension/{name}"), message));
        }
        let is_guard = |code: HoldCode| GUARDS.contains(&code);
        let guard = holds.iter().find(|open| is_guard(open.hold.code));
        let guarded = guard.map(|open| (open.hold.code, open.hold.reason.as_str()));
        let guarded =
            guarded.or_else(|| Some((stack.code.filter(|code| is_guard(*code))?, reason)));
        if let Some((code, reason)) = guarded {
            let message = format!("nothing of stack {name} is removed: {reason}");
            let event = about(EventKind::DeletionBlocked, &format!("deletion/{name}"), message);
            wrong.push(Event { reason: Some(code.to_string()), ..event });
        }
        if let Some(event) = drift(name, &holds) {
            let event = about(EventKind::DriftFound, &format!("drift/{name}"), event);
            wrong.push(Event { reason: None, ..event });
        }
        match stack.condition {
            Condition::Degraded => {
                let message = format!("stack {name} is Degraded: {reason}");
                wrong.push(about(EventKind::StackDegraded, &key, message));
            }
            // That something is not removed is told already.
            Condition::Stalled if stack.code.is_some_and(is_guard) => {}
            Condition::Stalled => {
                let message = format!("stack {name} is Stalled: {reason}");
                wrong.push(about(EventKind::StackBlocked, &key, message));
            }
            Condition::Retrying => {
                let message = format!("stack {name} is Retrying: {reason}");
                wrong.push(about(EventKind::StackRetrying, &key, message));
            }
            Condition::Progressing => self.undecided(key),
            Condition::Ready | Condition::Suspended => {}
        }
        for event in wrong {
            self.wrong(event);
        }
    }

    fn services(&mut self, status: &StackStatus, stack: Option<&StackReport>) {
        for service in &status.services {
            match service::standing(service, &status.holds) {
                service::Verdict::Well => {}
                service::Verdict::Undecided => self.undecided(service::key(&service.name)),
                service::Verdict::Wrong { kind, severity, reason, message } => {
                    let event = Event::new(self.now, kind, service::key(&service.name), message);
                    self.wrong(Event {
                        severity,
                        stack: Some(status.name.clone()),
                        service: Some(service.name.clone()),
                        source: stack.map(|stack| stack.source.clone()),
                        revision: stack.and_then(|stack| stack.last_attempted_revision.clone()),
                        reason: reason.map(str::to_owned),
                        ..event
                    });
                }
            }
        }
    }
}

/// What somebody changed by hand and is left as it is for now, in words.
fn drift(stack: &str, holds: &[&OpenHold]) -> Option<String> {
    let is_drift = |open: &&&OpenHold| {
        matches!(open.hold.code, HoldCode::DriftReported | HoldCode::RepairLater)
    };
    let objects: Vec<String> = holds
        .iter()
        .filter(is_drift)
        .filter_map(|open| open.object.as_ref().map(ToString::to_string))
        .collect();
    let objects = listed(&objects)?;
    Some(format!("somebody changed {objects} of stack {stack} by hand"))
}

/// `a, b, c and 4 more`; `None` of nothing.
pub(super) fn listed(names: &[String]) -> Option<String> {
    const SHOWN: usize = 3;
    let (shown, rest) = names.split_at(SHOWN.min(names.len()));
    match (shown, rest.len()) {
        ([], _) => None,
        (shown, 0) => Some(shown.join(", ")),
        (shown, more) => Some(format!("{} and {more} more", shown.join(", "))),
    }
}
