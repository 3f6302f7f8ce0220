//! Decides who is told of what and when. Pure: time is an argument.

use std::collections::BTreeMap;
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

/// By how much longer is waited for more after a message than before the first one.
const SPACING: u32 = 6;

/// What every target was told, and is to be told.
#[derive(Debug)]
pub struct Desk {
    fleet: String,
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
}

impl Desk {
    /// A desk for `targets`, which know of nothing.
    pub fn new(
        fleet: &str,
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
        };
        let targets = targets.into_iter().map(tray).collect();
        Self { fleet: fleet.to_owned(), routes, pace, targets }
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
                tray.over(event, now + self.pace.settle);
            } else if tray.wants(&self.routes, event) {
                tray.begin(event, self.pace, now);
            }
        }
    }

    /// The messages that are due, each with the number of its target.
    pub fn due(&mut self, now: Instant) -> Vec<(usize, Message)> {
        let (fleet, pace) = (&self.fleet, self.pace);
        let trays = self.targets.iter_mut().enumerate();
        trays
            .flat_map(|(number, tray)| {
                tray.settle(pace, now);
                let messages = [tray.digest(fleet, now), tray.reminder(fleet, pace, now)];
                messages.into_iter().flatten().map(move |message| (number, message))
            })
            .collect()
    }

    /// Everything that is still to be told, without waiting for more, or for whether what is over stays so.
    pub fn flush(&mut self, now: Instant) -> Vec<(usize, Message)> {
        for tray in &mut self.targets {
            for (_, at) in tray.ending.values_mut() {
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
            tray.due.into_iter().chain(ends).chain(repeats).min()
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
        if let Some((known, _)) = self.told.get(key) {
            let is_same = known.event.revision == event.event.revision;
            let is_known = (is_same || !event.event.kind.is_of_revision())
                && known.event.severity >= event.event.severity
                && known.event.kind == event.event.kind;
            if is_known {
                return;
            }
        }
        self.await_more(event, pace, now);
    }

    /// It is to be told with whatever comes until that is due.
    fn await_more(&mut self, event: &Arc<Numbered>, pace: Pace, now: Instant) {
        if has_an_end(event) {
            let Event { key, kind, .. } = &event.event;
            // What it was before and is over, or has become this, is said once.
            let is_kept = |known: &Event| outlives(known) && known.kind != *kind;
            self.pending.retain(|pending| pending.event.key != *key || is_kept(&pending.event));
        }
        self.pending.push(Arc::clone(event));
        self.schedule(pace, now);
    }

    /// Something is over, and that is told at `at` if it stays so.
    fn over(&mut self, event: &Arc<Numbered>, at: Instant) {
        let key = &event.event.key;
        // What nobody has heard of needs no end, unless people want to hear of both.
        self.pending.retain(|pending| {
            pending.event.key != *key || pending.event.recovered || outlives(&pending.event)
        });
        if self.pending.is_empty() {
            self.due = None;
        }
        if self.pending.iter().any(|pending| pending.event.key == *key) {
            self.pending.retain(|pending| pending.event.key != *key || !pending.event.recovered);
            self.pending.push(Arc::clone(event));
        } else if self.told.contains_key(key) {
            self.ending.insert(key.clone(), (Arc::clone(event), at));
        }
    }

    /// What has been over for long enough is to be told.
    fn settle(&mut self, pace: Pace, now: Instant) {
        let is_settled = |ending: &(&String, &(Arc<Numbered>, Instant))| ending.1.1 <= now;
        let settled: Vec<String> =
            self.ending.iter().filter(is_settled).map(|(key, _)| key.clone()).collect();
        for key in settled {
            let Some((event, _)) = self.ending.remove(&key) else { continue };
            self.told.remove(&key);
            self.pending.push(event);
            self.schedule(pace, now);
        }
    }

    fn schedule(&mut self, pace: Pace, now: Instant) {
        let earliest = self.sent.map_or(now, |sent| sent + pace.group * (SPACING - 1));
        let due = earliest.max(now) + pace.group;
        self.due = self.due.or(Some(due));
    }

    fn digest(&mut self, fleet: &str, now: Instant) -> Option<Message> {
        self.due.take_if(|due| *due <= now)?;
        let events = std::mem::take(&mut self.pending);
        for event in &events {
            if has_an_end(event) {
                self.told.insert(event.event.key.clone(), (Arc::clone(event), now));
            } else if event.event.recovered {
                // It began and ended in this message.
                self.told.remove(&event.event.key);
            }
        }
        self.sent = Some(now);
        (!events.is_empty()).then(|| Message::new(fleet, events, false))
    }

    fn reminder(&mut self, fleet: &str, pace: Pace, now: Instant) -> Option<Message> {
        let is_due = |(_, at): &(Arc<Numbered>, Instant)| *at + pace.repeat <= now;
        if !self.told.values().any(is_due) {
            return None;
        }
        let (mut events, ending) = (Vec::new(), &self.ending);
        // What goes on is told in one message, also what would be due a little later.
        for (key, (event, at)) in &mut self.told {
            if *at + pace.repeat / 2 > now {
                continue;
            }
            *at = now;
            if !ending.contains_key(key) && event.event.severity > Severity::Info {
                events.push(Arc::clone(event));
            }
        }
        (!events.is_empty()).then(|| Message::new(fleet, events, true))
    }
}

/// Whether an event is told although it is over: a warning of it may pass.
fn outlives(event: &Event) -> bool {
    !event.recovered && event.kind.outlives_its_end() && event.severity == Severity::Error
}

/// Whether an event begins something that has an end.
fn has_an_end(event: &Numbered) -> bool {
    !event.event.recovered && event.event.kind.is_problem()
}
