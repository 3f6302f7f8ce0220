//! Passes until the Swarm is as declared, or nothing more can be done.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::model::error::chain;
use crate::model::live::Observed;
use crate::model::nanos::Nanos;
use crate::reconciler::apply;
use crate::reconciler::consent::Consent;
use crate::reconciler::event::Event;
use crate::reconciler::plan::{Learned, Plan};
use crate::reconciler::stale::Stale;
use crate::reconciler::step::Write;
use crate::swarm::SwarmError;

use super::request::Request;
use super::tempo::Tempo;
use super::writer::{Writer, gateway};

/// How long a Swarm may be out of sight in the middle of a run: an election of a new leader takes seconds.
const BLINDNESS: Duration = Duration::from_secs(60);

/// Whether a run goes on until everything has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// One pass: what is ready is performed, what waits is left.
    No,
    /// Passes until nothing is ready and nothing waits.
    UntilSettled,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The plan of the last pass; after a full run it shows what is left.
    pub plan: Plan,
    /// What that was made from.
    pub observed: Observed,
    /// Steps that were performed.
    pub performed: usize,
    /// Whether it was interrupted before it had settled.
    pub interrupted: bool,
    /// Whether it gave up because nothing moved any more.
    pub stalled: bool,
    /// Why what would have been written next is not what was agreed to.
    pub stale: Vec<Stale>,
}

impl Writer {
    /// Makes passes until the Swarm is as declared, or nothing more can be done. With `consent`, only what was agreed
    /// to is written. `stop` ends it after the step that is under way.
    ///
    /// # Errors
    /// When the Swarm stays out of sight for longer than an election takes.
    pub async fn converge(
        &self,
        request: &Request,
        wait: Wait,
        consent: Option<&Consent>,
        mut seen: Option<(Plan, Observed)>,
        mut stop: watch::Receiver<bool>,
        sink: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Ended, SwarmError> {
        let mut learned = Learned::default();
        let mut consent = consent.cloned();
        let mut tempo = Tempo::new(request.policy.patience.map(Nanos::to_std));
        let mut last_seen = Instant::now();
        let mut last: Option<Plan> = None;
        let mut leaderless = None;
        let mut performed = 0;
        let mut pass = 0;
        loop {
            pass += 1;
            let looked = match seen.take() {
                Some(seen) => Ok(seen),
                None => self.reader().judge(request, &learned).await,
            };
            let (plan, observed) = match looked {
                Ok(seen) => seen,
                Err(error) if pass > 1 && last_seen.elapsed() < BLINDNESS && !*stop.borrow() => {
                    sink(Event::Unreachable { reason: chain(&error) });
                    tempo.rest(&mut stop).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            last_seen = Instant::now();
            sink(Event::Planned { pass, plan: &plan });
            let actuator = self.actuator(request.credentials.clone(), &observed);
            let stopped = stop.clone();
            let is_stopped = move || *stopped.borrow();
            let (agreed, stale) = match &mut consent {
                Some(consent) => {
                    let (steps, stale) = consent.sort(&plan, &observed);
                    (Some(steps), stale)
                }
                None => (None, Vec::new()),
            };
            let steps = agreed.as_ref().unwrap_or(&plan.steps);
            let report = apply::perform(
                steps,
                &actuator,
                plan.proxy.as_ref().zip(gateway(request, steps.iter()).as_mut()),
                self.fresh_key(),
                &request.view.sensitivity,
                &mut learned,
                &is_stopped,
                sink,
            )
            .await;
            performed += report.performed;
            if report.performed > 0 || report.leaderless.is_some() {
                leaderless = report.leaderless;
            }
            // A write that failed may have been made: its answer can be what was lost.
            learned.has_written |= report.performed + report.failed > 0;
            let is_stale = !stale.is_empty();
            let ended = |interrupted, stalled, plan| Ended {
                plan,
                observed,
                performed,
                interrupted,
                stalled,
                stale,
            };
            if is_stale {
                return Ok(ended(false, false, plan));
            }
            if *stop.borrow() {
                return Ok(ended(true, false, plan));
            }
            // The key of a new fleet is no end in itself; what it is for comes with the next plan.
            let only_began =
                plan.steps.iter().any(|step| matches!(step.write, Write::CreateRecord { .. }));
            if only_began && report.failed == 0 {
                continue;
            }
            if wait == Wait::No {
                return Ok(ended(false, false, plan));
            }
            let idle = plan.steps.is_empty() && !plan.is_waiting() && !plan.is_progressing();
            if idle {
                return Ok(ended(false, false, plan));
            }
            let is_news = last
                .as_ref()
                .is_none_or(|last| last.document != plan.document || last.health != plan.health);
            tempo.note(report.performed > 0 || is_news);
            // Services have deadlines of their own, in the engine's time; this one is for everything else.
            if !plan.is_progressing() && tempo.is_standstill() {
                return leaderless.map_or_else(|| Ok(ended(false, true, plan)), Err);
            }
            last = Some(plan);
            if report.performed == 0 || report.failed > 0 {
                tempo.rest(&mut stop).await;
            }
        }
    }
}
