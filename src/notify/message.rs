//! One message: what happened together, in words that every target can show.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::diff::render::clean;
use crate::reconciler::journal::{Event, EventKind, Numbered, Severity};

/// The version of the document's layout; it moves when a reader of the old one would misread the new one.
const FORMAT_VERSION: u32 = 1;
/// How many events are shown one by one.
const LINES: usize = 20;
/// How long a title is, in characters.
const TITLE: usize = 140;
/// How long a line is, in characters.
const LINE: usize = 400;

/// What happened together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What tells it from all others; every try of it has the same.
    id: i64,
    /// The installation of skep.
    fleet: String,
    events: Vec<Arc<Numbered>>,
    /// Whether it tells of what was told before, and goes on.
    is_reminder: bool,
}

impl Message {
    /// A message about `events` of `fleet`. That a stack is degraded goes without saying where its services are named.
    pub fn new(fleet: &str, id: i64, events: Vec<Arc<Numbered>>, is_reminder: bool) -> Self {
        let named: BTreeSet<(bool, String)> = events
            .iter()
            .filter(|numbered| numbered.event.service.is_some())
            .filter_map(|numbered| Some((numbered.event.recovered, numbered.event.stack.clone()?)))
            .collect();
        let is_said = |event: &Event| {
            let stack = (event.recovered, event.stack.clone().unwrap_or_default());
            event.kind == EventKind::StackDegraded && named.contains(&stack)
        };
        let events = events.into_iter().filter(|numbered| !is_said(&numbered.event)).collect();
        Self { id, fleet: fleet.to_owned(), events, is_reminder }
    }

    /// A message that tells of nothing but itself.
    pub fn test(fleet: &str, at: jiff::Timestamp) -> Self {
        let message = "this is a test: messages of skep arrive here".to_owned();
        let event = Event {
            at,
            severity: Severity::Info,
            kind: EventKind::ControllerStarted,
            recovered: false,
            key: "test".to_owned(),
            stack: None,
            service: None,
            source: None,
            revision: None,
            reason: None,
            message,
        };
        let numbered = Numbered { id: at.as_millisecond(), event };
        Self::new(fleet, at.as_microsecond(), vec![Arc::new(numbered)], false)
    }

    /// What tells it from all others, reminders of the same events included; every try of it has the same.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The worst in it; good to know if everything in it is over.
    pub fn severity(&self) -> Severity {
        self.events.iter().map(|numbered| numbered.event.severity).max().unwrap_or(Severity::Info)
    }

    /// Whether it tells of nothing but ends.
    pub fn is_recovery(&self) -> bool {
        self.events.iter().all(|numbered| numbered.event.recovered)
    }

    /// It in one line: `[production] stack shop is healthy at 4f2c9e1 after 42s`.
    pub fn title(&self) -> String {
        let still = if self.is_reminder { "still: " } else { "" };
        let of = |wanted: fn(&Event) -> bool| {
            self.events.iter().filter(|numbered| wanted(&numbered.event)).count()
        };
        let text = match self.events.as_slice() {
            [only] => only.event.message.clone(),
            [begin, end] if end.event.recovered && begin.event.key == end.event.key => {
                format!("over already: {}", begin.event.message)
            }
            events => {
                let recovered = of(|event| event.recovered);
                let wrong = of(|event| !event.recovered && event.severity > Severity::Info);
                let counts = [
                    count(wrong, "problem", "problems"),
                    count(recovered, "over", "over"),
                    count(events.len() - wrong - recovered, "event", "events"),
                ];
                let counts: Vec<String> = counts.into_iter().flatten().collect();
                let stacks: BTreeSet<&str> =
                    events.iter().filter_map(|numbered| numbered.event.stack.as_deref()).collect();
                let (shown, more) = (stacks.iter().take(5), stacks.len().saturating_sub(5));
                let names: Vec<&str> = shown.copied().collect();
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let about = if names.is_empty() {
                    String::new()
                } else {
                    format!(": {}{more}", names.join(", "))
                };
                format!("{}{about}", counts.join(", "))
            }
        };
        short(&clean(&format!("[{}] {still}{text}", self.fleet)), TITLE)
    }

    /// Its events, one on each line, the worst first: `error: service shop_web rolled back…`.
    pub fn lines(&self) -> Vec<String> {
        let mut events: Vec<&Event> = self.events.iter().map(|numbered| &numbered.event).collect();
        events.sort_by_key(|event| std::cmp::Reverse(event.severity));
        let mut lines: Vec<String> = events
            .iter()
            .take(LINES)
            .map(|event| short(&clean(&format!("{}: {}", word(event), event.message)), LINE))
            .collect();
        if events.len() > LINES {
            lines.push(format!("and {} more", events.len() - LINES));
        }
        lines
    }

    /// Its events as a text.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// It for programs.
    pub fn document(&self) -> Value {
        json!({
            "format_version": FORMAT_VERSION,
            "fleet": self.fleet,
            "title": self.title(),
            "severity": self.severity(),
            "recovered": self.is_recovery(),
            "reminder": self.is_reminder,
            "events": self.events,
        })
    }

    /// The installation of skep that it is about.
    pub fn fleet(&self) -> &str {
        &self.fleet
    }
}

fn word(event: &Event) -> &'static str {
    if event.recovered { "over" } else { event.severity.as_str() }
}

fn count(number: usize, one: &str, many: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    }
}

/// The beginning of a text.
pub(super) fn short(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
