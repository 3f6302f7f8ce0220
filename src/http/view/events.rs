//! What happened, the newest first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Scope;
use super::overview::Looked;
use super::words::{SENTENCE, tidy};
use crate::reconciler::journal::{Entry, Event, News, Numbered, Severity};

/// How many events are shown.
const EVENTS: usize = 200;
/// How many releases of a stack are shown.
const ENTRIES: usize = 20;

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Wanted {
    /// Those of this stack; all if empty.
    pub stack: String,
    /// Those that matter as much as this, or more: `info`, `warning` or `error`; all if empty.
    pub severity: String,
}

impl Wanted {
    fn has(&self, event: &Event) -> bool {
        let least = Severity::ALL.into_iter().find(|severity| severity.as_str() == self.severity);
        least.is_none_or(|least| event.severity >= least)
            && (self.stack.is_empty() || event.stack.as_ref() == Some(&self.stack))
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EventsView {
    /// When the controller looked last.
    pub looked: Looked,
    /// Which events are wanted.
    pub wanted: Wanted,
    /// The stacks that events can be about.
    pub stacks: Vec<String>,
    /// The events, the newest first, at most 200.
    pub events: Vec<Numbered>,
}

impl EventsView {
    /// What `scope` shows of what happened.
    pub fn of(scope: &Scope<'_>, wanted: Wanted) -> Self {
        let all = scope.news.into_iter().flat_map(News::events).rev();
        let events = all.filter(|numbered| wanted.has(&numbered.event)).take(EVENTS);
        Self {
            looked: Looked::of(scope),
            stacks: scope.stacks().into_iter().map(|known| known.name.to_owned()).collect(),
            events: events.map(|numbered| tidied(numbered)).collect(),
            wanted,
        }
    }
}

/// An event with words that can be shown.
pub(in crate::http) fn tidied(numbered: &Numbered) -> Numbered {
    let Numbered { id, event } = numbered;
    let message = tidy(&event.message, SENTENCE);
    Numbered { id: *id, event: Event { message, ..event.clone() } }
}

/// The newest releases of a stack, the newest first.
pub(super) fn history(scope: &Scope<'_>, stack: &str) -> Vec<Entry> {
    let entries = scope.news.map_or(&[][..], |news| news.history(stack));
    let shown = entries.iter().take(ENTRIES).map(|entry| {
        let short = |text: &Option<String>| text.as_ref().map(|text| tidy(text, SENTENCE));
        Entry {
            reason: short(&entry.reason),
            author: short(&entry.author),
            subject: short(&entry.subject),
            ..Entry::clone(entry)
        }
    });
    shown.collect()
}
