//! What a notifier does, on a clock of the tests, and the events that it is told.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Pace;
use crate::reconciler::journal::{Event, EventKind, Numbered, Severity};

mod courier;
mod desk;

pub(super) fn event(kind: EventKind, stack: &str, recovered: bool) -> Event {
    Event {
        at: Timestamp::UNIX_EPOCH,
        severity: if recovered { Severity::Info } else { kind.severity() },
        kind,
        recovered,
        key: format!("service/{stack}_web"),
        stack: Some(stack.to_owned()),
        service: Some(format!("{stack}_web")),
        source: None,
        revision: None,
        reason: None,
        message: format!("{kind} in {stack}"),
    }
}

pub(super) fn numbered(event: Event) -> Arc<Numbered> {
    Arc::new(Numbered { id: 1, event })
}

pub(super) fn fails(stack: &str) -> Arc<Numbered> {
    numbered(event(EventKind::ServiceFailing, stack, false))
}

pub(super) fn ends(stack: &str) -> Arc<Numbered> {
    numbered(event(EventKind::ServiceFailing, stack, true))
}

pub(super) const PACE: Pace = Pace {
    group: Duration::from_secs(10),
    settle: Duration::from_secs(30),
    repeat: Duration::from_secs(3600),
};
