//! The newest of what happened, in memory: what is shown works without anything on a disk.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::event::Event;
use super::follow::Told;

/// How many events are kept.
const EVENTS: usize = 1000;
/// How many entries of each stack are kept.
const ENTRIES: usize = 50;

/// An event with its number. Numbers grow, also from one controller to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Numbered {
    /// Its number.
    pub id: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What was added to the news.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Added {
    /// Events, with their numbers.
    pub events: Vec<Arc<Numbered>>,
    /// Entries as they are now: one that was there before with one more try.
    pub entries: Vec<Arc<Entry>>,
}

impl Added {
    /// Whether nothing was.
    pub fn is_empty(&self) -> bool {
        let Self { events, entries } = self;
        events.is_empty() && entries.is_empty()
    }
}

/// The newest of what happened. A clone is cheap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    events: VecDeque<Arc<Numbered>>,
    history: BTreeMap<String, Vec<Arc<Entry>>>,
}

impl News {
    /// Those that were kept: events from the oldest, entries from the newest.
    pub fn of(events: impl IntoIterator<Item = Numbered>, entries: Vec<Entry>) -> Self {
        let events = events.into_iter().map(Arc::new).collect();
        let mut news = Self { events, history: BTreeMap::new() };
        for entry in entries {
            news.history.entry(entry.stack.clone()).or_default().push(Arc::new(entry));
        }
        news.shorten();
        news
    }

    /// Adds what happened, and numbers it. A number is the time in milliseconds, or the next one that is free: so they
    /// grow even if all that was kept is lost.
    pub fn add(&mut self, told: Told) -> Added {
        let Told { events, entries } = told;
        let (mut last, mut added) = (self.last(), Added::default());
        for event in events {
            last = event.at.as_millisecond().max(last.saturating_add(1));
            added.events.push(Arc::new(Numbered { id: last, event }));
        }
        self.events.extend(added.events.iter().cloned());
        for entry in entries {
            let of_stack = self.history.entry(entry.stack.clone()).or_default();
            added.entries.push(Entry::add(of_stack, entry));
        }
        self.shorten();
        added
    }

    /// The number of the newest event; 0 if there is none.
    pub fn last(&self) -> i64 {
        self.events.back().map_or(0, |newest| newest.id)
    }

    /// Events from the oldest.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Arc<Numbered>> {
        self.events.iter()
    }

    /// Events after the one with number `id`, from the oldest.
    pub fn after(&self, id: i64) -> impl Iterator<Item = &Arc<Numbered>> {
        let at = self.events.partition_point(|known| known.id <= id);
        self.events.range(at..)
    }

    /// The stacks that have a history.
    pub fn stacks(&self) -> impl Iterator<Item = &str> {
        self.history.keys().map(String::as_str)
    }

    /// The history of `stack`, the newest first.
    pub fn history(&self, stack: &str) -> &[Arc<Entry>] {
        self.history.get(stack).map_or(&[], Vec::as_slice)
    }

    fn shorten(&mut self) {
        let excess = self.events.len().saturating_sub(EVENTS);
        self.events.drain(..excess);
        for entries in self.history.values_mut() {
            entries.truncate(ENTRIES);
        }
    }
}
