//! The loop: waits for something to happen, has it done, and tells how it went.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::model::name::FleetName;

use super::agenda::{Agenda, Timing};
use super::ask::{Ask, Pending};
use super::bell::{Bell, Trigger};
use super::learning;
use super::metrics::{Metrics, Tally};
use super::pass::{Memory, Seen};
use super::passes::Passes;
use super::pulse::{self, Pulse};
use super::reason::Reason;
use super::report::{FORMAT_VERSION, Report};
use super::source::SourceState;
use super::sources::{Plan, Planned, Sources};
use super::stacks;

/// What a controller is for as long as it runs.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The installation of skep that it looks after.
    pub fleet: FleetName,
    /// The command that resumes stacks, to which holds add which.
    pub resume: String,
    /// Numbers from 0 to 1 for what is to be a little random.
    pub chance: fn() -> f64,
}

/// Where a controller shows those who watch it what it does.
#[derive(Debug, Clone)]
pub struct Instruments {
    /// Where it counts.
    pub metrics: Metrics,
    /// What it beats as long as it turns.
    pub pulse: Pulse,
}

/// The controller of one fleet.
#[derive(Debug)]
pub struct Controller<S, P> {
    pub(super) identity: Identity,
    pub(super) pulse: Pulse,
    pub(super) tally: Tally,
    pub(super) sources: S,
    pub(super) passes: P,
    pub(super) states: Vec<SourceState>,
    pub(super) timing: Timing,
    pub(super) agenda: Agenda,
    pub(super) memory: Memory,
    pub(super) moving: bool,
    pub(super) last_sight: Vec<Seen>,
    pub(super) pending: Vec<Pending>,
    pub(super) report: Report,
    pub(super) published: watch::Sender<Arc<Report>>,
}

impl<S: Sources, P: Passes> Controller<S, P> {
    /// A controller that has not looked at anything yet, and what it tells about itself from now on.
    pub fn new(
        identity: Identity,
        mut sources: S,
        passes: P,
        instruments: Instruments,
    ) -> (Self, watch::Receiver<Arc<Report>>) {
        let now = Instant::now();
        let Instruments { metrics, pulse } = instruments;
        let Plan { sources: planned, timing, settings } = sources.reload();
        let report = Report {
            format_version: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION"),
            fleet: identity.fleet.to_string(),
            started_at: Timestamp::now(),
            trouble: None,
            settings,
            engines: passes.engines(),
            passes: 0,
            last_pass: None,
            suspended: None,
            sources: Vec::new(),
            stacks: BTreeMap::new(),
            status: None,
            sight: None,
        };
        let (published, reports) = watch::channel(Arc::new(report.clone()));
        let state = |planned: Planned| SourceState::new(planned, timing.retry, now);
        let controller = Self {
            identity,
            pulse,
            tally: Tally::new(metrics.clone()),
            sources,
            passes,
            states: planned.into_iter().map(state).collect(),
            timing,
            agenda: Agenda::new(timing, now),
            memory: Memory { metrics, ..Memory::default() },
            moving: false,
            last_sight: Vec::new(),
            pending: Vec::new(),
            report,
            published,
        };
        (controller, reports)
    }

    /// Runs until `stop` says so. A step that is under way is finished then, and no other is begun.
    pub async fn run(
        mut self,
        bell: &Bell,
        mut asks: mpsc::Receiver<Ask>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut looks = JoinSet::new();
        while !*stop.borrow() {
            self.pulse.beat();
            let now = Instant::now();
            self.begin_looks(&mut looks, now);
            if self.may_pass()
                && let Some(reasons) = self.agenda.begin(now)
            {
                self.pass(reasons, &stop).await;
                self.publish();
                continue;
            }
            let looks_due = self.states.iter().filter_map(SourceState::due).min();
            let pass_due = self.may_pass().then(|| self.agenda.due());
            let due = looks_due.into_iter().chain(pass_due).min();
            let due = due.unwrap_or(now + self.timing.resync).min(now + pulse::TURN);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => {}
                Some(look) = looks.join_next() => self.ended(look),
                triggers = bell.rung() => {
                    for trigger in triggers {
                        self.triggered(trigger);
                    }
                }
                Some(ask) = asks.recv() => self.asked(ask),
                () = sleep_until(due) => {}
            }
        }
        self.publish();
    }

    /// Before anything was seen of any source there is nothing to do, unless nothing can be seen.
    fn may_pass(&self) -> bool {
        let is_known = |state: &SourceState| state.current.is_some();
        let is_tried = |state: &SourceState| is_known(state) || state.failure.is_some();
        self.states.iter().any(is_known) || self.states.iter().all(is_tried)
    }

    fn triggered(&mut self, trigger: Trigger) {
        let now = Instant::now();
        match trigger {
            Trigger::Pass(reason) => {
                if reason == Reason::Gap {
                    self.tally.heard();
                }
                self.agenda.wake(reason, now);
            }
            Trigger::Look(name) => {
                let mut states = self.states.iter_mut();
                if let Some(state) = states.find(|state| state.name == name) {
                    state.stir(now);
                }
            }
            Trigger::Settings => self.reload(),
            Trigger::Everything => {
                self.reload();
                self.states.iter_mut().for_each(|state| state.want(now));
                self.agenda.wake(Reason::Signal, now);
            }
        }
    }

    fn asked(&mut self, ask: Ask) {
        let now = Instant::now();
        for state in &mut self.states {
            state.want(now);
            learning::forget(&mut state.learned);
        }
        self.memory.forget();
        self.pending.push(Pending::new(ask, now));
        if self.states.is_empty() {
            self.agenda.wake(Reason::Asked, now);
        }
    }

    /// Tells everybody how things are, and answers those whose answer is due.
    pub(super) fn publish(&mut self) {
        self.report.engines = self.passes.engines();
        self.report.sources = self.states.iter().map(stacks::source).collect();
        let report = Arc::new(self.report.clone());
        for pending in self.pending.extract_if(.., |pending| pending.is_due(&report)) {
            // Who asked may have gone away.
            let _ = pending.ask.answer.send(Arc::clone(&report));
        }
        self.pending.retain(|pending| !pending.ask.answer.is_closed());
        self.published.send_replace(report);
    }
}
