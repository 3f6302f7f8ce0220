//! The loop: waits for something to happen, looks at sources, makes passes, tells how it went.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::model::error::chain;
use crate::model::name::{FleetName, SourceName};
use crate::swarm::SwarmError;

use super::agenda::{Agenda, Outcome, Timing};
use super::ask::{Ask, Pending};
use super::bell::{Bell, Trigger};
use super::declared::{Current, Declared, set_doubled_aside};
use super::elsewhere;
use super::engine::EngineReport;
use super::learning;
use super::metrics::{Metrics, Tally};
use super::pass::{Manner, Memory, Passed, Seen, Work};
use super::pulse::{self, Pulse};
use super::reason::{Reason, Reasons};
use super::report::{FORMAT_VERSION, LastPass, Report, SettingsReport, Trouble};
use super::source::{FetchFailure, Looked, SourceState};
use super::stacks;

/// A look at a source that is under way.
pub type Look = Pin<Box<dyn Future<Output = Result<Declared, FetchFailure>> + Send>>;

/// What is wanted of a source that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// Why that is.
    Failure,
    /// What was last read of it, if anybody remembers.
    Memory,
}

/// Where declarations come from.
pub trait Sources {
    /// Begins to look at a source, as it is at `asked` or later. Looks at different sources go on at the same time.
    fn look(&self, source: &SourceName, asked: Instant, otherwise: Otherwise) -> Look;

    /// Reads the settings again, as far as they can change while the controller runs. With errors in them, what they
    /// said before stays.
    fn reload(&mut self) -> Plan;
}

/// What the controller looks after, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The sources, in the order of the settings.
    pub sources: Vec<Planned>,
    /// How often and how soon it looks.
    pub timing: Timing,
    /// How the settings are followed.
    pub settings: SettingsReport,
}

/// A source that the controller looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: SourceName,
    /// How often it is looked at.
    pub poll: Duration,
}

/// What makes passes.
pub trait Passes {
    /// Makes one pass; `None` if it was stopped before it had seen everything.
    ///
    /// # Errors
    /// When the Swarm cannot be observed as a whole.
    fn pass(
        &mut self,
        work: &mut [Work<'_>],
        memory: &mut Memory,
        manner: Manner<'_>,
        stop: &watch::Receiver<bool>,
    ) -> impl Future<Output = Result<Option<Passed>, SwarmError>>;

    /// The engines that passes may work with, in the order of preference.
    fn engines(&self) -> Vec<EngineReport>;
}

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
    identity: Identity,
    pulse: Pulse,
    tally: Tally,
    sources: S,
    passes: P,
    states: Vec<SourceState>,
    timing: Timing,
    agenda: Agenda,
    memory: Memory,
    moving: bool,
    last_sight: Vec<Seen>,
    pending: Vec<Pending>,
    report: Report,
    published: watch::Sender<Arc<Report>>,
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
        let mut looks = FuturesUnordered::new();
        while !*stop.borrow() {
            self.pulse.beat();
            let now = Instant::now();
            for state in &mut self.states {
                if state.due().is_some_and(|due| due <= now) {
                    state.begin(now);
                    let is_known = state.current.is_some();
                    let otherwise = if is_known { Otherwise::Failure } else { Otherwise::Memory };
                    let look = self.sources.look(&state.name, now, otherwise);
                    let name = state.name.clone();
                    let span = tracing::info_span!("look", source = %name);
                    looks.push(async move { (name, look.await) }.instrument(span));
                }
            }
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
                Some((name, result)) = looks.next() => self.looked(&name, result),
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
                    state.want(now);
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

    fn reload(&mut self) {
        let now = Instant::now();
        let Plan { sources, timing, settings } = self.sources.reload();
        if !settings.needs_restart.is_empty() && settings != self.report.settings {
            let keys = settings.needs_restart.join(", ");
            tracing::warn!(keys, "changed settings that count after a restart only: {keys}");
        }
        self.report.settings = settings;
        if timing != self.timing {
            self.timing = timing;
            self.agenda.follow(timing, now);
        }
        let is_gone = |state: &mut SourceState| sources.iter().all(|of| of.name != state.name);
        for gone in self.states.extract_if(.., is_gone) {
            tracing::warn!(
                source = %gone.name,
                "source {} is no longer in the settings; its stacks stay as they are", gone.name
            );
        }
        for (place, planned) in sources.into_iter().enumerate() {
            let mut states = self.states.iter_mut();
            if let Some(state) = states.find(|state| state.name == planned.name) {
                state.poll = planned.poll;
            } else {
                let place = place.min(self.states.len());
                self.states.insert(place, SourceState::new(planned, timing.retry, now));
            }
        }
        elsewhere::tell(&mut self.states);
        // What the settings say about stacks comes with the next look.
        self.states.iter_mut().for_each(|state| state.want(now));
    }

    fn looked(&mut self, name: &SourceName, result: Result<Declared, FetchFailure>) {
        let now = Instant::now();
        let chance = (self.identity.chance)();
        let mut states = self.states.iter_mut();
        // It may have left the settings meanwhile.
        let Some(state) = states.find(|state| state.name == *name) else { return };
        let known = state.failure.take();
        state.failure.clone_from(&known);
        let is_first = state.current.is_none();
        let looked = state.end(result, now, chance);
        self.tally.looked(name, looked, state.looked().filter(|_| !is_first));
        match looked {
            Looked::Same => {}
            looked @ (Looked::New | Looked::Recalled) => {
                if looked == Looked::Recalled {
                    stacks::log_failure(state);
                }
                stacks::log_new(state);
                self.memory.forget();
                let states = self.states.iter_mut();
                let mut all: Vec<&mut Current> =
                    states.filter_map(|state| state.current.as_mut()).collect();
                for (stack, sources) in set_doubled_aside(&mut all) {
                    stacks::log_doubled(&stack, &sources);
                }
                if !is_first {
                    self.want_others(name, now);
                }
                self.agenda.wake(Reason::Revision, now);
            }
            Looked::Failed => {
                if known.map(|(failure, _)| failure) != state.failure.as_ref().map(|f| f.0.clone())
                {
                    stacks::log_failure(state);
                }
            }
        }
        if elsewhere::tell(&mut self.states) {
            self.agenda.wake(Reason::Revision, now);
        }
        let is_seen =
            |pending: &Pending| self.states.iter().all(|state| state.is_seen_since(pending.asked));
        if self.pending.iter().any(|pending| !pending.served && is_seen(pending)) {
            self.agenda.wake(Reason::Asked, now);
        }
        self.publish();
    }

    /// Has the other sources looked at too where they were not since this one changed: a stack may have moved.
    fn want_others(&mut self, changed: &SourceName, now: Instant) {
        let changed = self.states.iter().find(|state| state.name == *changed);
        let renewed = changed.and_then(SourceState::renewed);
        for state in self.states.iter_mut().filter(|state| state.read() < renewed) {
            state.want(now);
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

    async fn pass(&mut self, reasons: Reasons, stop: &watch::Receiver<bool>) {
        let begun = Instant::now();
        let states = &self.states;
        let is_seen =
            |pending: &Pending| states.iter().all(|state| state.is_seen_since(pending.asked));
        let seen: Vec<bool> = self.pending.iter().map(is_seen).collect();
        let manner = Manner {
            thorough: self.moving,
            retry: self.timing.retry,
            chance: (self.identity.chance)(),
            fleet: &self.identity.fleet,
            resume: &self.identity.resume,
        };
        let mut work: Vec<Work<'_>> = self.states.iter_mut().filter_map(work).collect();
        let span = tracing::info_span!("pass", number = self.report.passes + 1, why = %reasons);
        let passed = self.passes.pass(&mut work, &mut self.memory, manner, stop);
        let passed = passed.instrument(span.clone()).await;
        let now = Instant::now();
        let _entered = span.enter();
        self.report.passes += 1;
        match passed {
            // It was stopped.
            Ok(None) => return,
            Ok(Some(passed)) => self.passed(passed, reasons, begun),
            Err(error) => {
                self.tally.failed(&reasons, begun);
                let pause = self.agenda.failed(now, (self.identity.chance)());
                let reason = chain(&error);
                let known = self.report.trouble.take().filter(|known| known.reason == reason);
                if known.is_none() {
                    let hint = error.hint().unwrap_or_default();
                    tracing::error!(hint, "the Swarm cannot be observed: {reason}");
                } else {
                    tracing::debug!(reason, "the Swarm still cannot be observed");
                }
                tracing::debug!("next try in {} ms", pause.as_millis());
                let since = known.map_or_else(Timestamp::now, |known| known.since);
                let failures = self.agenda.failures();
                self.report.trouble = Some(Trouble { reason, since, failures });
            }
        }
        for (pending, seen) in self.pending.iter_mut().zip(seen) {
            pending.served |= seen;
        }
    }

    fn passed(&mut self, passed: Passed, reasons: Reasons, begun: Instant) {
        let now = Instant::now();
        let Passed { sources, status, suspensions, performed, failed, moving, again } = passed;
        let states = self.states.iter().filter(|state| state.current.is_some());
        stacks::update(
            &mut self.report.stacks,
            states.zip(&sources),
            &status,
            &suspensions,
            &self.memory,
        );
        let states = self.states.iter().filter(|state| state.current.is_some());
        let seen = states.zip(&sources);
        self.tally.passed(&reasons, begun, (performed, failed), seen, &self.report.stacks);
        let moved = sources != self.last_sight;
        self.last_sight = sources;
        self.moving = moving || performed + failed > 0;
        let outcome = Outcome { wrote: performed > 0, moving: self.moving, moved, again };
        self.agenda.ended(outcome, now, (self.identity.chance)());
        if self.report.trouble.take().is_some() {
            tracing::info!("the Swarm can be observed again");
        }
        let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if performed + failed > 0 {
            tracing::info!(
                performed,
                failed,
                milliseconds,
                "pass ({reasons}): {performed} written, {failed} failed"
            );
        } else {
            tracing::debug!(milliseconds, "pass ({reasons}): nothing to write");
        }
        self.report.suspended = suspensions.all;
        self.report.status = Some(status);
        self.report.last_pass =
            Some(LastPass { at: Timestamp::now(), reasons, performed, failed, milliseconds });
    }

    /// Tells everybody how things are, and answers those whose answer is due.
    fn publish(&mut self) {
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

/// The part of a state that a pass works with.
fn work(state: &mut SourceState) -> Option<Work<'_>> {
    let current = state.current.as_ref()?;
    Some(Work { current, learned: &mut state.learned })
}
