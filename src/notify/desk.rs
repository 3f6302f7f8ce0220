//! Decides who is told of what and when. Pure: time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::reconciler::journal::{Event, Numbered, Severity};

use super::message::Message;
use super::route::Route;

/// How soon and how often people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long is waited for more that belongs together.
    pub group: Duration,
    /// How long something must be over before that is told.
    pub settle: Duration,
    /// After how long is told again of what goes on.
    pub repeat: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            group: Duration::from_secs(10),
            settle: Duration::from_secs(30),
            repeat: Duration::from_secs(4 * 3600),
        }
    }
}

impl Pace {
    /// Until when what was told together with its end must stay well so that its return is news: another message would
    /// have waited for more, and then it must have settled.
    fn calm(self, now: Instant) -> Instant {
        now + self.group * SPACING + self.settle
    }
}

/// By how much longer is waited for more after a message than before the first one.
const SPACING: u32 = 6;

/// What every target was told, and is to be told.
#[derive(Debug)]
pub struct Desk {
    fleet: String,
    /// The id of the next message.
    id: i64,
    routes: Vec<Route>,
    pace: Pace,
    targets: Vec<Tray>,
}

/// What one target was told, and is to be told.
#[derive(Debug)]
struct Tray {
    name: String,
    /// What it is to be told next.
    pending: Vec<Arc<Numbered>>,
    /// When.
    due: Option<Instant>,
    /// When it was last told something.
    sent: Option<Instant>,
    /// What it was told and is not over, by key, and when.
    told: BTreeMap<String, (Arc<Numbered>, Instant)>,
    /// What it was told and is over, if it stays so until then.
    ending: BTreeMap<String, (Arc<Numbered>, Instant)>,
    /// What it was told together with its end, by key, for as long as that comes back.
    passed: BTreeMap<String, Passed>,
}

/// What a target was told together with its end.
#[derive(Debug)]
struct Passed {
    known: Arc<Numbered>,
    /// When it was told.
    told: Instant,
    /// Until when more of the same is told only if it stays.
    until: Instant,
    /// What has come back, and is told then if it is not over.
    again: Option<(Arc<Numbered>, Instant)>,
}

impl Desk {
    /// A desk for `targets`, which know of nothing. Its messages are numbered from `id` on; with the time in microseconds,
    /// no desk before it had the same.
    pub fn new(
        fleet: &str,
        id: i64,
        pace: Pace,
        routes: Vec<Route>,
        targets: impl IntoIterator<Item = String>,
    ) -> Self {
        let tray = |name: String| Tray {
            name,
            pending: Vec::new(),
            due: None,
            sent: None,
            told: BTreeMap::new(),
            ending: BTreeMap::new(),
            passed: BTreeMap::new(),
        };
        let targets = targets.into_iter().map(tray).collect();
        Self { fleet: fleet.to_owned(), id, routes, pace, targets }
    }

    /// Has targets know of `open`, which began before this controller did. Of what `is_fresh` nobody can tell whether the
    /// message arrived, so that they are told once more: twice is better than never.
    pub fn know(&mut self, open: &Arc<Numbered>, is_fresh: bool, now: Instant) {
        let (routes, pace) = (&self.routes, self.pace);
        for tray in self.targets.iter_mut().filter(|tray| tray.wants(routes, open)) {
            let key = &open.event.key;
            tray.told.insert(key.clone(), (Arc::clone(open), now));
            if is_fresh {
                tray.await_more(open, pace, now);
            }
        }
    }

    /// Takes note of something that happened.
    pub fn take(&mut self, event: &Arc<Numbered>, now: Instant) {
        for tray in &mut self.targets {
            if event.event.recovered {
                tray.over(event, self.pace, now);
            } else if tray.wants(&self.routes, event) {
                tray.begin(event, self.pace, now);
            }
        }
    }

    /// The messages that are due, each with the number of its target.
    pub fn due(&mut self, now: Instant) -> Vec<(usize, Message)> {
        let mut messages = Vec::new();
        for (number, tray) in self.targets.iter_mut().enumerate() {
            tray.settle(self.pace, now);
            let digest = (tray.digest(self.pace, now), false);
            let reminder = (tray.reminder(self.pace, now), true);
            for (events, is_reminder) in [digest, reminder] {
                if !events.is_empty() {
                    let message = Message::new(&self.fleet, self.id, events, is_reminder);
                    messages.push((number, message));
                    self.id += 1;
                }
            }
        }
        messages
    }

    /// Everything that is still to be told, without waiting for more, or for whether what is over stays so.
    pub fn flush(&mut self, now: Instant) -> Vec<(usize, Message)> {
        for tray in &mut self.targets {
            for (_, at) in tray.ending.values_mut() {
                *at = now;
            }
            for (_, at) in tray.passed.values_mut().filter_map(|passed| passed.again.as_mut()) {
                *at = now;
            }
            tray.settle(self.pace, now);
            if !tray.pending.is_empty() {
                tray.due = Some(now);
            }
        }
        self.due(now)
    }

    /// When something is due again, unless something happens before.
    pub fn next(&self) -> Option<Instant> {
        let repeat = self.pace.repeat;
        let of = |tray: &Tray| {
            let ends = tray.ending.values().map(|(_, at)| *at);
            let repeats = tray.told.values().map(|(_, at)| *at + repeat);
            let again = tray.passed.values().filter_map(|passed| passed.again.as_ref());
            let again = again.map(|(_, at)| *at);
            tray.due.into_iter().chain(ends).chain(repeats).chain(again).min()
        };
        self.targets.iter().filter_map(of).min()
    }
}

impl Tray {
    fn wants(&self, routes: &[Route], event: &Numbered) -> bool {
        routes.iter().any(|route| route.to.contains(&self.name) && route.takes(&event.event))
    }

    fn begin(&mut self, event: &Arc<Numbered>, pace: Pace, now: Instant) {
        let key = &event.event.key;
        // It was over for a moment only.
        self.ending.remove(key);
        if self.told.get(key).is_some_and(|(known, _)| is_known(known, event)) {
            // It is again what they know, and they have not heard of its end.
            self.keep(|pending| {
                let is_same = !pending.event.recovered && is_known(pending, event);
                pending.event.key != *key || outlives(&pending.event) || is_same
            });
            return;
        }
        if let Some(passed) = self.passed.get_mut(key) {
            let is_damped = passed.until > now || passed.again.is_some();
            if is_damped && passed.told + pace.repeat > now && is_known(&passed.known, event) {
                let at = passed.again.take().map_or(now + pace.settle, |(_, at)| at);
                passed.again = Some((Arc::clone(event), at));
                return;
            }
            self.passed.remove(key);
        }
        self.await_more(event, pace, now);
    }

    /// It is to be told with whatever comes until that is due.
    fn await_more(&mut self, event: &Arc<Numbered>, pace: Pace, now: Instant) {
        if has_an_end(event) {
            let Event { key, kind, severity, .. } = &event.event;
            // What it was before and is over, or has become this, is said once, and what was worse stays said.
            let is_worse = |known: &Event| known.kind != *kind || known.severity > *severity;
            let is_kept = |known: &Event| outlives(known) && is_worse(known);
            self.pending.retain(|pending| pending.event.key != *key || is_kept(&pending.event));
            let is_said =
                |pending: &Numbered| pending.event.key == *key && is_known(pending, event);
            if self.pending.iter().any(|pending| is_said(pending)) {
                return;
            }
        }
        self.pending.push(Arc::clone(event));
        self.schedule(pace, now);
    }

    /// Something is over, and that is told if it stays so.
    fn over(&mut self, event: &Arc<Numbered>, pace: Pace, now: Instant) {
        let key = &event.event.key;
        if let Some(passed) = self.passed.get_mut(key)
            && passed.again.take().is_some()
        {
            passed.until = pace.calm(now);
            return;
        }
        // What nobody has heard of needs no end, unless people want to hear of both.
        self.keep(|pending| {
            pending.event.key != *key || pending.event.recovered || outlives(&pending.event)
        });
        if self.pending.iter().any(|pending| pending.event.key == *key) {
            self.pending.retain(|pending| pending.event.key != *key || !pending.event.recovered);
            self.pending.push(Arc::clone(event));
        } else if self.told.contains_key(key) {
            self.ending.insert(key.clone(), (Arc::clone(event), now + pace.settle));
        }
    }

    /// Only what `is_kept` is still to be told.
    fn keep(&mut self, is_kept: impl Fn(&Numbered) -> bool) {
        self.pending.retain(|pending| is_kept(pending));
        if self.pending.is_empty() {
            self.due = None;
        }
    }

    /// What has been over for long enough is to be told, and so is what has come back and stays. Until it is told, it may
    /// begin again, and then nobody has to hear of it.
    fn settle(&mut self, pace: Pace, now: Instant) {
        let is_settled = |ending: &(&String, &(Arc<Numbered>, Instant))| ending.1.1 <= now;
        let settled: Vec<String> =
            self.ending.iter().filter(is_settled).map(|(key, _)| key.clone()).collect();
        for key in settled {
            let Some((event, _)) = self.ending.remove(&key) else { continue };
            self.pending.push(event);
            self.schedule(pace, now);
        }
        let is_back = |passed: &Passed| passed.again.as_ref().is_some_and(|(_, at)| *at <= now);
        let back: Vec<String> = self
            .passed
            .iter()
            .filter(|(_, passed)| is_back(passed))
            .map(|(key, _)| key.clone())
            .collect();
        for key in back {
            let Some((event, _)) = self.passed.remove(&key).and_then(|passed| passed.again) else {
                continue;
            };
            self.await_more(&event, pace, now);
        }
        self.passed.retain(|_, passed| passed.until > now || passed.again.is_some());
    }

    fn schedule(&mut self, pace: Pace, now: Instant) {
        let earliest = self.sent.map_or(now, |sent| sent + pace.group * (SPACING - 1));
        let due = earliest.max(now) + pace.group;
        self.due = self.due.or(Some(due));
    }

    fn digest(&mut self, pace: Pace, now: Instant) -> Vec<Arc<Numbered>> {
        if self.due.take_if(|due| *due <= now).is_none() {
            return Vec::new();
        }
        let events = std::mem::take(&mut self.pending);
        let mut begun = BTreeSet::new();
        for event in &events {
            let key = &event.event.key;
            if has_an_end(event) {
                self.told.insert(key.clone(), (Arc::clone(event), now));
                begun.insert(key);
            } else if event.event.recovered
                && let Some((known, _)) = self.told.remove(key)
                && begun.contains(key)
            {
                // It began and ended in this message.
                let passed = Passed { known, told: now, until: pace.calm(now), again: None };
                self.passed.insert(key.clone(), passed);
            }
        }
        self.sent = Some(now);
        events
    }

    fn reminder(&mut self, pace: Pace, now: Instant) -> Vec<Arc<Numbered>> {
        let is_due = |(_, at): &(Arc<Numbered>, Instant)| *at + pace.repeat <= now;
        let mut events = Vec::new();
        if !self.told.values().any(is_due) {
            return events;
        }
        let ends = self.pending.iter().filter(|pending| pending.event.recovered);
        let ends: BTreeSet<&String> = ends.map(|end| &end.event.key).collect();
        // What goes on is told in one message, also what would be due a little later.
        for (key, (event, at)) in &mut self.told {
            if *at + pace.repeat / 2 > now {
                continue;
            }
            *at = now;
            let is_over = self.ending.contains_key(key) || ends.contains(key);
            if !is_over && event.event.severity > Severity::Info {
                events.push(Arc::clone(event));
            }
        }
        events
    }
}

/// Whether `event` is no news to those who know of `known`.
fn is_known(known: &Numbered, event: &Numbered) -> bool {
    let (known, event) = (&known.event, &event.event);
    let is_same = known.revision == event.revision || !event.kind.is_of_revision();
    is_same && known.severity >= event.severity && known.kind == event.kind
}

/// Whether an event is told although it is over: a warning of it may pass.
fn outlives(event: &Event) -> bool {
    !event.recovered && event.kind.outlives_its_end() && event.severity == Severity::Error
}

/// Whether an event begins something that has an end.
fn has_an_end(event: &Numbered) -> bool {
    !event.event.recovered && event.event.kind.is_problem()
}
