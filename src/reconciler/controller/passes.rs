//! The part of the loop that makes passes, and takes note of how they ended.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::model::error::chain;
use crate::swarm::SwarmError;

use super::agenda::Outcome;
use super::ask::Pending;
use super::engine::EngineReport;
use super::pass::{Manner, Memory, Passed, Work};
use super::reason::Reasons;
use super::report::{LastPass, Trouble};
use super::run::Controller;
use super::source::SourceState;
use super::sources::Sources;
use super::stacks;

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

impl<S: Sources, P: Passes> Controller<S, P> {
    /// Makes a pass.
    pub(super) async fn pass(&mut self, reasons: Reasons, stop: &watch::Receiver<bool>) {
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
        let Passed { sources, status, sight, suspensions, performed, failed, moving, again } =
            passed;
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
                "pass ({reasons}): {performed} written, {failed} failed, in {milliseconds} ms"
            );
        } else {
            tracing::debug!(
                milliseconds,
                "pass ({reasons}): nothing to write, in {milliseconds} ms"
            );
        }
        self.report.suspended = suspensions.all;
        self.report.status = Some(Arc::new(status));
        self.report.sight = Some(sight);
        self.report.last_pass =
            Some(LastPass { at: Timestamp::now(), reasons, performed, failed, milliseconds });
    }
}

/// The part of a state that a pass works with.
fn work(state: &mut SourceState) -> Option<Work<'_>> {
    let current = state.current.as_ref()?;
    Some(Work { current, learned: &mut state.learned })
}
