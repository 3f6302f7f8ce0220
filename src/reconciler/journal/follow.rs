//! From one report to the next: what began, what ended, and which releases became history.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::diff::document::Cause;
use crate::reconciler::controller::condition::Condition;
use crate::reconciler::controller::engine::EngineReport;
use crate::reconciler::controller::report::{Report, StackReport};
use crate::reconciler::status::Status;

use super::attempt::{Attempt, end, revision};
use super::entry::{Entry, Outcome};
use super::event::{Event, EventKind, Severity, short};
use super::standing::{self, ENGINE, Standing, listed};

/// What one report tells that those before it did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What happened, in the order in which people want to read it.
    pub events: Vec<Event>,
    /// Releases that have ended.
    pub entries: Vec<Entry>,
}

impl Told {
    /// Whether it tells nothing.
    pub fn is_empty(&self) -> bool {
        let Self { events, entries } = self;
        events.is_empty() && entries.is_empty()
    }
}

/// What is remembered of an earlier controller, so that what goes on is not told as new.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resumed {
    /// The newest event of each key.
    pub newest: Vec<Event>,
    /// The newest entry of the history of each stack.
    pub entries: Vec<Entry>,
}

/// Follows the reports of one controller.
#[derive(Debug, Default)]
pub struct Journal {
    /// What is wrong, by key.
    open: BTreeMap<String, Event>,
    /// Releases under way, by stack.
    attempts: BTreeMap<String, Attempt>,
    /// What stacks were last released for, while that is tried again.
    again: BTreeMap<String, Option<String>>,
    /// With which revision each stack was last changed. A commit that changes nothing of it is no other one.
    changed: BTreeMap<String, Option<String>>,
    /// Stacks that are no longer declared and run on, with the source that they had.
    left: BTreeMap<String, String>,
    before: Option<Arc<Report>>,
}

impl Journal {
    /// One that goes on where another one ended.
    pub fn resume(resumed: Resumed) -> Self {
        let Resumed { newest, entries } = resumed;
        let mut journal = Self::default();
        let is_retried = |entry: &&Entry| entry.outcome == Outcome::Retrying;
        let retried = entries.iter().filter(is_retried);
        journal.again.extend(retried.map(|entry| (entry.stack.clone(), entry.revision.clone())));
        for event in newest {
            let Event { kind, recovered, stack, source, at, revision, .. } = &event;
            let is_release = matches!(kind, EventKind::ReleaseStarted | EventKind::ReleaseHealthy);
            let is_of_revision = kind.is_problem() && kind.is_of_revision() && !recovered;
            let is_change = is_release || is_of_revision;
            if let Some(stack) = stack.as_ref().filter(|_| is_change) {
                journal.changed.insert(stack.clone(), revision.clone());
            }
            match (kind, stack, source) {
                (EventKind::ReleaseStarted, Some(stack), Some(source)) => {
                    let ended = entries.iter().filter(|entry| entry.stack == *stack);
                    if ended.map(|entry| entry.ended).max().is_none_or(|ended| ended < *at) {
                        let attempt = Attempt {
                            source: source.clone(),
                            revision: revision.clone(),
                            commit: None,
                            causes: Vec::new(),
                            began: *at,
                        };
                        journal.again.remove(stack);
                        journal.attempts.insert(stack.clone(), attempt);
                    }
                }
                _ if !recovered && kind.is_problem() => {
                    journal.open.insert(event.key.clone(), event);
                }
                _ => {}
            }
        }
        journal
    }

    /// What is wrong now.
    pub fn open(&self) -> impl Iterator<Item = &Event> {
        self.open.values()
    }

    /// What `report` tells that those before it did not.
    pub fn follow(&mut self, report: &Arc<Report>, now: Timestamp) -> Told {
        let mut told = Told::default();
        let before = self.before.replace(Arc::clone(report));
        if before.is_none() {
            let message =
                format!("skep {} began to look after fleet {}", report.version, report.fleet);
            told.events.push(Event::new(now, EventKind::ControllerStarted, "controller", message));
        }
        if let Some(before) = &before {
            told.events.extend(engine_change(before, report, now));
        }
        revisions(before.as_deref(), report, now, &mut told.events);
        let is_new_pass = before.as_ref().is_none_or(|before| before.passes != report.passes);
        if is_new_pass && report.trouble.is_none() {
            self.releases(before.as_deref(), report, now, &mut told);
        }
        self.problems(report, now, &mut told.events);
        told
    }

    /// What began to be wrong, and what is well again.
    fn problems(&mut self, report: &Report, now: Timestamp, events: &mut Vec<Event>) {
        for (name, stack) in &report.stacks {
            let first = || revision(stack).cloned();
            self.changed.entry(name.clone()).or_insert_with(first);
        }
        let mut standings = standing::all(report, now);
        let ended: Vec<String> = self
            .open
            .keys()
            .filter(|key| !standings.contains_key(*key) && standing::is_told(report, key))
            .cloned()
            .collect();
        for key in ended {
            let open = self.open.remove(&key);
            events.extend(open.and_then(|open| recovery(open, report, now)));
        }
        while let Some((key, standing)) = standings.pop_first() {
            let Standing::Wrong(mut event) = standing else { continue };
            if let Some(changed) = event.stack.as_ref().and_then(|stack| self.changed.get(stack)) {
                event.revision.clone_from(changed);
            }
            let is_news = self.open.get(&key).is_none_or(|known| is_news(known, &event));
            if is_news {
                events.push(event.clone());
            }
            self.open
                .entry(key)
                .and_modify(|known| {
                    if is_news {
                        *known = event.clone();
                    }
                })
                .or_insert(event);
        }
    }

    /// Releases that began or ended, drift that was put right, stacks that are gone.
    fn releases(
        &mut self,
        before: Option<&Report>,
        report: &Report,
        now: Timestamp,
        told: &mut Told,
    ) {
        for (name, stack) in &report.stacks {
            let known = before.and_then(|before| before.stacks.get(name));
            told.events.extend(repairs(name, known, stack, now));
            let status = report.status.iter().flat_map(|status| &status.stacks);
            let status = status.into_iter().find(|status| status.name == *name);
            self.renew(name, report, stack, now, told);
            if self.attempts.contains_key(name) {
                if let Some(outcome) = end(stack, status)
                    && let Some(attempt) = self.attempts.remove(name)
                {
                    self.end(name, attempt, outcome, stack, now, told);
                }
            } else if let Some(attempt) =
                Attempt::begun(report, stack, status, self.released(name, stack), now)
            {
                let again = self.again.remove(name);
                if again.as_ref() != Some(&attempt.revision) {
                    told.events.push(started(name, &attempt, now));
                }
                self.changed.insert(name.clone(), attempt.revision.clone());
                self.attempts.insert(name.clone(), attempt);
            }
        }
        self.departures(before, report, now, told);
    }

    /// The revision that a release of `stack` that begins now is of: the one that changed the stack. Before this controller
    /// has seen one do so, what is tried again stays of its revision, and what no change of the stack begins is of the one
    /// that was released last.
    fn released(&self, name: &str, stack: &StackReport) -> Option<String> {
        if stack.release.is_some() {
            return stack.release.clone();
        }
        let last = self.changed.get(name).filter(|_| !stack.causes.contains(&Cause::Git));
        let known = self.again.get(name).or(last).cloned().flatten();
        known.or_else(|| stack.last_attempted_revision.clone())
    }

    /// Another revision ends a release that is under way only if it changes the stack, and so begins one. One that changes
    /// the stack back to what is live has nothing to begin, and the release goes on under its name.
    fn renew(
        &mut self,
        name: &str,
        report: &Report,
        stack: &StackReport,
        now: Timestamp,
        told: &mut Told,
    ) {
        let Some(mut attempt) = self.attempts.remove(name) else { return };
        let is_other = attempt.is_outdated(stack);
        if is_other && Attempt::begins(stack) {
            told.entries.push(attempt.ended(name, Outcome::Superseded, None, now));
            return;
        }
        if is_other && stack.causes.is_empty() {
            attempt.rename(report, stack);
        }
        self.attempts.insert(name.to_owned(), attempt);
    }

    /// Stacks that are no longer declared: told once nothing of them is left. Those of a source that has left the settings
    /// run on.
    fn departures(
        &mut self,
        before: Option<&Report>,
        report: &Report,
        now: Timestamp,
        told: &mut Told,
    ) {
        for (name, stack) in before.into_iter().flat_map(|before| &before.stacks) {
            self.left.insert(name.clone(), stack.source.clone());
        }
        self.left.retain(|name, _| !report.stacks.contains_key(name));
        self.again.retain(|name, _| report.stacks.contains_key(name));
        self.left.retain(|name, source| {
            // How a release ends of what runs on, nobody will hear.
            let attempt = self.attempts.remove(name);
            if !is_gone(report, name) {
                return true;
            }
            self.changed.remove(name);
            told.entries
                .extend(attempt.map(|attempt| attempt.ended(name, Outcome::Removed, None, now)));
            let message = format!("stack {name} is no longer declared, and nothing of it is left");
            told.events.push(Event {
                stack: Some(name.clone()),
                source: Some(source.clone()),
                ..Event::new(now, EventKind::StackRemoved, format!("release/{name}"), message)
            });
            false
        });
    }

    fn end(
        &mut self,
        name: &str,
        attempt: Attempt,
        outcome: Outcome,
        stack: &StackReport,
        now: Timestamp,
        told: &mut Told,
    ) {
        if outcome == Outcome::Retrying {
            self.again.insert(name.to_owned(), attempt.revision.clone());
        }
        let reason = if outcome == Outcome::Healthy { None } else { stack.reason.clone() };
        let entry = attempt.ended(name, outcome, reason, now);
        if outcome == Outcome::Healthy {
            let revision = entry.revision.as_deref().map(short).unwrap_or_default();
            let took = entry.took();
            let message = format!("stack {name} is healthy at {revision} after {took}");
            told.events.push(Event {
                stack: Some(name.to_owned()),
                source: Some(entry.source.clone()),
                revision: entry.revision.clone(),
                ..Event::new(now, EventKind::ReleaseHealthy, format!("release/{name}"), message)
            });
        }
        told.entries.push(entry);
    }
}

/// Whether nothing of a stack is left, as far as anybody has looked.
fn is_gone(report: &Report, stack: &str) -> bool {
    let is_left = |status: &Status| status.stacks.iter().any(|known| known.name == stack);
    report.status.as_ref().is_some_and(|status| !is_left(status))
}

/// Whether people must hear of `event` although they know of `known`: it is worse, of another revision where that counts,
/// or something else that is no less bad. Reasons that come and go with every crash are none.
fn is_news(known: &Event, event: &Event) -> bool {
    event.severity > known.severity
        || (event.kind.is_of_revision() && event.revision != known.revision)
        || (event.kind != known.kind && event.severity == known.severity)
}

/// The end of a problem in words; none where there is nothing to be glad of.
fn recovery(open: Event, report: &Report, now: Timestamp) -> Option<Event> {
    let Event { kind, key, stack, service, source, reason, .. } = open;
    let live = stack.as_ref().and_then(|stack| report.stacks.get(stack));
    let of_source = source.as_ref().filter(|_| stack.is_none());
    let named = report.sources.iter().find(|report| Some(&report.name) == of_source);
    let message = match (kind, &service, &stack, &source) {
        (EventKind::EngineUnreachable, ..) => "the Swarm can be observed again".to_owned(),
        (EventKind::SettingsInvalid, ..) => "the settings are followed again".to_owned(),
        (EventKind::SourceFailing, _, _, Some(source)) => match named {
            Some(_) => format!("source {source} can be read again"),
            None => format!("source {source} is no longer in the settings"),
        },
        (EventKind::RevisionInvalid, _, _, Some(source)) => {
            format!("source {source} has no errors any more")
        }
        (EventKind::StackSuspended, _, None, _) => "stacks are no longer suspended".to_owned(),
        (_, None, Some(stack), _) if live.is_none() && is_gone(report, stack) => {
            format!("stack {stack} is gone")
        }
        (_, None, Some(stack), _) if live.is_none() => {
            format!("stack {stack} is no longer looked after")
        }
        (EventKind::StackSuspended, _, Some(stack), _) => format!("stack {stack} is resumed"),
        (EventKind::DeletionBlocked, _, Some(stack), _) => {
            format!("no removal of stack {stack} is blocked any more")
        }
        (EventKind::DriftFound, _, Some(stack), _) => {
            format!("nothing of stack {stack} is changed by hand any more")
        }
        (_, Some(service), ..) => {
            let all = report.status.iter().flat_map(|status| &status.stacks);
            let mut all = all.flat_map(|stack| &stack.services);
            match all.find(|status| status.name == *service) {
                Some(status) => format!("service {service} is well again: {}", status.state),
                None => format!("service {service} is gone"),
            }
        }
        (_, None, Some(stack), _) => match live?.condition {
            Condition::Ready => format!("stack {stack} is Ready again"),
            other => format!("stack {stack} is {} now", other.as_str()),
        },
        _ => return None,
    };
    let revision = live.and_then(|live| live.last_attempted_revision.clone());
    let revision = revision.or_else(|| named.and_then(|source| source.revision.clone()));
    let severity = Severity::Info;
    let event = Event::new(now, kind, key, message);
    Some(Event { severity, recovered: true, stack, service, source, revision, reason, ..event })
}

fn started(stack: &str, attempt: &Attempt, now: Timestamp) -> Event {
    let revision = attempt.revision.as_deref().map(short).unwrap_or_default();
    let causes: Vec<String> =
        attempt.causes.iter().map(|cause| format!("{cause:?}").to_lowercase()).collect();
    let message = format!("stack {stack} is released at {revision} ({})", causes.join(", "));
    Event {
        stack: Some(stack.to_owned()),
        source: Some(attempt.source.clone()),
        revision: attempt.revision.clone(),
        ..Event::new(now, EventKind::ReleaseStarted, format!("release/{stack}"), message)
    }
}

/// What was put right since the report before, in one event.
fn repairs(
    name: &str,
    before: Option<&StackReport>,
    stack: &StackReport,
    now: Timestamp,
) -> Option<Event> {
    let known = |object: &str| before.and_then(|before| before.repaired.get(object)).copied();
    let repaired = stack.repaired.iter();
    let repaired: Vec<String> = repaired
        .filter(|(object, times)| **times > known(object).unwrap_or(0))
        .map(|(object, _)| object.clone())
        .collect();
    let objects = listed(&repaired)?;
    let was = if repaired.len() == 1 { "was" } else { "were" };
    let message = format!("{objects} {was} changed by hand, and put right");
    Some(Event {
        stack: Some(name.to_owned()),
        source: Some(stack.source.clone()),
        revision: stack.last_attempted_revision.clone(),
        ..Event::new(now, EventKind::DriftRepaired, format!("repair/{name}"), message)
    })
}

fn revisions(before: Option<&Report>, report: &Report, now: Timestamp, events: &mut Vec<Event>) {
    for source in &report.sources {
        let known = before.and_then(|before| {
            before.sources.iter().find(|known| known.name == source.name)?.revision.as_deref()
        });
        let (Some(known), Some(revision)) = (known, source.revision.as_deref()) else { continue };
        if known != revision {
            let name = &source.name;
            let message = format!("source {name} is at {}", short(revision));
            events.push(Event {
                source: Some(name.clone()),
                revision: Some(revision.to_owned()),
                ..Event::new(now, EventKind::RevisionFound, format!("found/{name}"), message)
            });
        }
    }
}

/// Another manager is worked with than before.
fn engine_change(before: &Report, report: &Report, now: Timestamp) -> Option<Event> {
    let in_use = |engine: &&EngineReport| engine.in_use;
    let now_used = report.engines.iter().find(in_use)?;
    let used = before.engines.iter().find(in_use)?;
    (now_used.address != used.address).then(|| {
        let problem = report.engines.iter().find(|engine| engine.address == used.address);
        let problem = problem.and_then(|engine| engine.problem.as_deref());
        let problem = problem.map(|problem| format!(": {problem}")).unwrap_or_default();
        let message =
            format!("{} is worked with instead of {}{problem}", now_used.address, used.address);
        Event::new(now, EventKind::EngineChanged, format!("{ENGINE}/in-use"), message)
    })
}
