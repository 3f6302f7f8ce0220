//! What happened, counted.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::diff::document::HoldCode;
use crate::model::key::{Kind, ObjectKey};
use crate::reconciler::controller::source::Looked;
use crate::reconciler::event::Event;

/// What can become of a message, and that it is tried again.
const DELIVERIES: [&str; 4] = ["sent", "retried", "failed", "dropped"];

type Seconds = Family<BySource, Histogram, fn() -> Histogram>;

/// What happened since the controller was started. Clones are the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    passes: Family<ByTrigger, Counter>,
    pass_duration: Histogram,
    last_success: Gauge,
    steps: Family<ByKind, Counter>,
    drift_found: Family<ByStack, Counter>,
    drift_repaired: Family<ByStack, Counter>,
    holds: Family<ByCode, Gauge>,
    fetches: Family<ByOutcome, Counter>,
    revisions: Family<ByOutcome, Counter>,
    push_to_ready: Seconds,
    event_streams: Counter,
    notifications: Family<ByTarget, Counter>,
    history_up: Gauge,
    history_lost: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTarget {
    target: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTrigger {
    trigger: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStack {
    source: String,
    stack: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    source: String,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    source: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySource {
    source: String,
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PassOutcome {
    /// Nothing was to be written.
    Unchanged,
    /// Everything that was to be written was.
    Changed,
    /// Something could not be written.
    Failed,
    /// The Swarm could not be observed.
    Unobservable,
}

impl PassOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::Unobservable => "unobservable",
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            passes: Family::default(),
            pass_duration: Histogram::new([
                0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
            ]),
            last_success: Gauge::default(),
            steps: Family::default(),
            drift_found: Family::default(),
            drift_repaired: Family::default(),
            holds: Family::default(),
            fetches: Family::default(),
            revisions: Family::default(),
            push_to_ready: Family::new_with_constructor(|| {
                Histogram::new([
                    1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
                ])
            }),
            event_streams: Counter::default(),
            notifications: Family::default(),
            history_up: Gauge::default(),
            history_lost: Counter::default(),
        }
    }
}

impl Metrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let Self {
            passes,
            pass_duration,
            last_success,
            steps,
            drift_found,
            drift_repaired,
            holds,
            fetches,
            revisions,
            push_to_ready,
            event_streams,
            notifications,
            history_up,
            history_lost,
        } = self.clone();
        registry.register("passes", "Passes, by what woke the controller first", passes);
        registry.register_with_unit(
            "pass_duration",
            "How long passes take, those that fail included",
            Unit::Seconds,
            pass_duration,
        );
        registry.register_with_unit(
            "last_success_timestamp",
            "When the last pass without a failure ended",
            Unit::Seconds,
            last_success,
        );
        registry.register(
            "steps",
            "Writes to the Swarm and to the proxy, by kind of object",
            steps,
        );
        registry.register("drift_found", "Objects that somebody changed by hand", drift_found);
        registry.register("drift_repaired", "Objects that were put right", drift_repaired);
        registry.register("holds", "What is not done now, by why it is not", holds);
        registry.register("source_fetches", "Looks at a source", fetches);
        registry.register("revisions", "New revisions of a source, by their end", revisions);
        registry.register_with_unit(
            "push_to_ready",
            "From the look that found a revision until all stacks of its source are ready",
            Unit::Seconds,
            push_to_ready,
        );
        registry.register(
            "engine_event_streams",
            "How often the engine's events were listened to anew; each is followed by a comparison of everything",
            event_streams,
        );
        registry.register(
            "notifications",
            "Messages to people, by what became of them",
            notifications,
        );
        registry.register("history_up", "Whether what happens is kept on the disk", history_up);
        registry.register("history_lost", "Events and releases that were not kept", history_lost);
    }

    /// Messages to the target of this name are counted from now on. Whoever asks for an increase sees the first one only if
    /// there was a zero before it.
    pub fn begin_target(&self, target: &str) {
        for outcome in DELIVERIES {
            drop(
                self.notifications.get_or_create(&ByTarget { target: target.to_owned(), outcome }),
            );
        }
    }

    /// The same for what somebody changes by hand in a stack.
    pub(super) fn begin_stack(&self, source: &str, stack: &str) {
        for drift in [&self.drift_found, &self.drift_repaired] {
            drop(drift.get_or_create(&by_stack(source, stack)));
        }
    }

    /// Something became of a message to the target of this name.
    pub fn notified(&self, target: &str, outcome: &'static str) {
        let by = ByTarget { target: target.to_owned(), outcome };
        self.notifications.get_or_create(&by).inc();
    }

    /// Whether what happens is kept on the disk.
    pub fn history_is_up(&self, is_up: bool) {
        self.history_up.set(i64::from(is_up));
    }

    /// Events and releases that were not kept.
    pub fn history_lost(&self, number: usize) {
        self.history_lost.inc_by(u64::try_from(number).unwrap_or(u64::MAX));
    }

    /// Whether what happens is kept, and how much of it was not.
    #[cfg(test)]
    pub(crate) fn history(&self) -> (bool, u64) {
        (self.history_up.get() == 1, self.history_lost.get())
    }

    /// How many messages to a target had this outcome.
    #[cfg(test)]
    pub(crate) fn notifications(&self, target: &str, outcome: &'static str) -> u64 {
        let by = ByTarget { target: target.to_owned(), outcome };
        self.notifications.get_or_create(&by).get()
    }

    /// A step came to an end. `is_drift` tells that it would put something right in a stack of a source.
    pub(in crate::reconciler::controller) fn step(
        &self,
        event: &Event<'_>,
        is_drift: Option<(&str, &str)>,
    ) {
        let (object, outcome) = match event {
            Event::Performed { done, object, .. } => (*object, *done),
            Event::Deferred { object, .. } => (*object, "deferred"),
            Event::Failed { object, .. } => (*object, "refused"),
            Event::Planned { .. } | Event::Unreachable { .. } => return,
        };
        self.steps.get_or_create(&ByKind { kind: kind(object), outcome }).inc();
        if let (Event::Performed { .. }, Some((source, stack))) = (event, is_drift) {
            self.drift_repaired.get_or_create(&by_stack(source, stack)).inc();
        }
    }

    pub(super) fn pass(&self, trigger: &'static str, outcome: PassOutcome, took: Duration) {
        self.passes.get_or_create(&ByTrigger { trigger, outcome: outcome.as_str() }).inc();
        self.pass_duration.observe(took.as_secs_f64());
        if matches!(outcome, PassOutcome::Unchanged | PassOutcome::Changed) {
            self.last_success.set(jiff::Timestamp::now().as_second());
        }
    }

    pub(super) fn found_drift(&self, source: &str, stack: &str) {
        self.drift_found.get_or_create(&by_stack(source, stack)).inc();
    }

    /// The holds of now, in place of those of before.
    pub(super) fn hold<'a>(&self, holds: impl Iterator<Item = (&'a str, HoldCode)>) {
        self.holds.clear();
        for (source, code) in holds {
            let by = ByCode { source: source.to_owned(), code: code.as_str() };
            self.holds.get_or_create(&by).inc();
        }
    }

    pub(super) fn looked(&self, source: &str, looked: Looked) {
        let outcome = match looked {
            Looked::Same | Looked::Doubted => "unchanged",
            Looked::New => "changed",
            Looked::Failed | Looked::Recalled => "failed",
        };
        self.fetches.get_or_create(&ByOutcome { source: source.to_owned(), outcome }).inc();
    }

    pub(super) fn superseded(&self, source: &str) {
        let by = ByOutcome { source: source.to_owned(), outcome: "superseded" };
        self.revisions.get_or_create(&by).inc();
    }

    pub(super) fn ready(&self, source: &str, after: Duration) {
        let by = ByOutcome { source: source.to_owned(), outcome: "ready" };
        self.revisions.get_or_create(&by).inc();
        let by = BySource { source: source.to_owned() };
        self.push_to_ready.get_or_create(&by).observe(after.as_secs_f64());
    }

    pub(super) fn heard(&self) {
        self.event_streams.inc();
    }
}

fn by_stack(source: &str, stack: &str) -> ByStack {
    ByStack { source: source.to_owned(), stack: stack.to_owned() }
}

fn kind(object: &ObjectKey) -> &'static str {
    match object.kind {
        Kind::Network => "network",
        Kind::Config => "config",
        Kind::Secret => "secret",
        Kind::Service => "service",
        Kind::Route => "route",
        Kind::Proxy => "proxy",
    }
}
