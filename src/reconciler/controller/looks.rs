//! The part of the loop that follows settings and sources.

use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::model::name::SourceName;

use super::ask::Pending;
use super::declared::{Current, Declared, set_doubled_aside};
use super::elsewhere;
use super::passes::Passes;
use super::reason::Reason;
use super::run::Controller;
use super::source::{FetchFailure, Looked, SourceState};
use super::sources::{Look, Otherwise, Plan, Sources};
use super::stacks;

/// What a look came to, and at which source.
pub(super) type SourceLooked = (SourceName, Result<Declared, FetchFailure>);

impl<S: Sources, P: Passes> Controller<S, P> {
    /// Begins to look at every source that is due. All looks go on at the same time, and during passes.
    pub(super) fn begin_looks(&mut self, looks: &mut JoinSet<SourceLooked>, now: Instant) {
        let is_due = |state: &SourceState| state.due().is_some_and(|due| due <= now);
        if !self.states.iter().any(is_due) {
            return;
        }
        for state in self.states.iter_mut().filter(|state| state.is_nearly_due(now)) {
            state.begin(now);
            let is_known = state.current.is_some();
            let otherwise = if is_known { Otherwise::Failure } else { Otherwise::Memory };
            let look = self.sources.look(&state.name, now, otherwise);
            let span = tracing::info_span!("look", source = %state.name);
            looks.spawn(named(state.name.clone(), look).instrument(span));
        }
    }

    /// A look is over.
    pub(super) fn ended(&mut self, look: Result<SourceLooked, JoinError>) {
        match look.map_err(JoinError::try_into_panic) {
            Ok((name, result)) => self.looked(&name, result),
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Nobody ends a look but the end of the program.
            Err(Err(_)) => {}
        }
    }

    /// Reads the settings again, and follows what they say now.
    pub(super) fn reload(&mut self) {
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
            self.states.iter_mut().for_each(|state| state.follow(timing.retry));
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

    /// Takes up what a look at a source came to.
    fn looked(&mut self, name: &SourceName, result: Result<Declared, FetchFailure>) {
        let now = Instant::now();
        let chance = (self.identity.chance)();
        let mut states = self.states.iter_mut();
        // It may have left the settings meanwhile.
        let Some(state) = states.find(|state| state.name == *name) else { return };
        let known = state.failure.as_ref().map(|(failure, _)| failure.clone());
        let (is_first, was_doubted) = (state.current.is_none(), state.is_doubted());
        let looked = state.end(result, now, chance);
        self.tally.looked(name, looked, state.looked().filter(|_| !is_first));
        if known.is_some() && state.failure.is_none() {
            tracing::info!(source = %name, "source {name} can be read again");
        }
        match looked {
            Looked::Same => {}
            Looked::Doubted => {
                if !was_doubted {
                    tracing::info!(source = %name, "source {name} lacks stacks that it had: it is looked at again once nobody changes it");
                }
            }
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
                if known.as_ref() != state.failure.as_ref().map(|(failure, _)| failure) {
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
}

async fn named(source: SourceName, look: Look) -> SourceLooked {
    (source, look.await)
}
