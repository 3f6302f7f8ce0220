//! One pass of the controller: observes the Swarm once, plans every source, performs what is ready.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::diff::document::{Change, Document};
use crate::diff::mask::Sensitivity;
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::Observed;
use crate::model::name::FleetName;
use crate::reconciler::apply::{self, FreshKey};
use crate::reconciler::caddy::{self, Gateway, ProxyPart};
use crate::reconciler::event::Event;
use crate::reconciler::health::ServiceHealth;
use crate::reconciler::pass::{Reader, Writer, declare, gateway};
use crate::reconciler::plan::{Learned, Plan};
use crate::reconciler::record;
use crate::reconciler::status::{self, StackStatus, Status};
use crate::reconciler::suspension::Suspensions;
use crate::swarm::{Connection, SwarmError};

use super::declared::Current;
use super::delays::{Repairs, Troubles};
use super::excerpts::Excerpts;
use super::learning;
use super::metrics::Metrics;
use super::routes::{RoutesSight, elsewhere};
use super::sight::{Declaration, Declares, Sight};
use super::withhold;

/// For how long the same write is held against another writer.
const CONTENTION: Duration = Duration::from_secs(600);

/// One source, as a pass sees it.
#[derive(Debug)]
pub struct Work<'a> {
    /// What it declares.
    pub current: &'a Current,
    /// What was learned from Swarm's answers about it.
    pub learned: &'a mut Learned,
}

/// What passes remember about single objects, and count of all.
#[derive(Debug, Default)]
pub struct Memory {
    /// What was put right, and how often.
    pub repairs: Repairs,
    /// What could not be written.
    pub troubles: Troubles,
    /// Services of which Swarm rolled a release back that was not to blame.
    pub disturbed: Troubles,
    /// Where steps are counted. Nothing is decided by it.
    pub metrics: Metrics,
    /// What tasks that failed have written to their logs.
    pub excerpts: Excerpts,
}

impl Memory {
    /// Something else is to be written now, or a person asks: nothing is put off any more but repairs.
    pub fn forget(&mut self) {
        self.troubles.forget();
        self.disturbed.forget();
    }
}

/// How a pass is made.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    /// Whether tasks are listed in any case: while something is on its way, counts alone tell too little.
    pub thorough: bool,
    /// The longest wait before a failed write is tried again.
    pub retry: Duration,
    /// A number from 0 to 1 for what is to be a little random.
    pub chance: f64,
    /// The installation of skep.
    pub fleet: &'a FleetName,
    /// The command that resumes stacks, to which holds add which.
    pub resume: &'a str,
}

/// What one source came to in a pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The plan as it was published, with what was withheld.
    pub document: Arc<Document>,
    /// How its services are.
    pub health: BTreeMap<String, ServiceHealth>,
}

/// What a pass came to.
#[derive(Debug)]
pub struct Passed {
    /// What each source came to, in the order in which they were given.
    pub sources: Vec<Seen>,
    /// How all stacks of the fleet are.
    pub status: Status,
    /// What was planned and is declared, for those who look closer.
    pub sight: Arc<Sight>,
    /// What is suspended.
    pub suspensions: Suspensions,
    /// Steps that were performed.
    pub performed: usize,
    /// Steps that were tried in vain.
    pub failed: usize,
    /// Whether something is on its way.
    pub moving: bool,
    /// When something that was put off is due.
    pub again: Option<Instant>,
}

/// A Swarm to observe and to write to. What plans has no way to write.
#[derive(Debug)]
pub struct Swarm {
    writer: Writer,
}

impl Swarm {
    /// The Swarm behind `connection`; `fresh_key` is used if its fleet has no key yet.
    ///
    /// # Errors
    /// When the connection cannot be used for reading.
    pub fn new(connection: Connection, fresh_key: FreshKey) -> Result<Self, SwarmError> {
        Ok(Self { writer: Writer::new(Reader::new(connection)?, fresh_key) })
    }

    /// Makes one pass. `None` if it was stopped before it had seen everything; writes that were begun are finished.
    ///
    /// # Errors
    /// When the Swarm cannot be observed as a whole; then nothing was written.
    pub async fn pass(
        &self,
        work: &mut [Work<'_>],
        memory: &mut Memory,
        manner: Manner<'_>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Option<Passed>, SwarmError> {
        let mut stopped = stop.clone();
        let looked = tokio::select! {
            looked = self.look(work, manner) => looked?,
            _ = stopped.wait_for(|stop| *stop) => return Ok(None),
        };
        let (observed, proxy, mut plans) = looked;
        let now = Instant::now();
        let record = record::find(&observed.configs, manner.fleet);
        let key = record.as_ref().map(|record| record.key.clone());
        let elsewhere = record.as_ref().map(|record| elsewhere(work, record)).unwrap_or_default();
        let suspensions = record.map(|record| Suspensions::of(&record.labels)).unwrap_or_default();
        let (mut moving, mut again): (bool, Option<Instant>) = (false, None);
        for (work, plan) in work.iter_mut().zip(&mut plans) {
            let (longest, chance) = (manner.retry, manner.chance);
            learning::follow(work.learned, &mut memory.disturbed, plan, longest, chance, now);
            withhold::for_people(plan, &suspensions, &work.current.drift, manner.resume);
            moving |= plan.is_waiting() || plan.is_progressing();
            if let Some(fetched_at) = work.current.stale {
                withhold::for_stale(plan, fetched_at);
            }
            let later = withhold::for_now(plan, memory, now);
            again = again.into_iter().chain(later).min();
        }
        // All sources have the same settings.
        let sensitivity = work.first().map(|work| work.current.request.view.sensitivity.clone());
        let mut status = fold(&plans, &observed, manner.fleet, &sensitivity.unwrap_or_default());
        let steps = || plans.iter().flat_map(|plan| &plan.steps);
        // All sources have one proxy, and each writes after what the one before has written.
        let mut gateway = work.first().and_then(|work| gateway(&work.current.request, steps()));
        let (mut performed, mut failed) = (0, 0);
        let mut written = BTreeSet::new();
        for (work, plan) in work.iter_mut().zip(&plans) {
            let proxy = plan.proxy.as_ref().zip(gateway.as_mut());
            let seen = (&observed, proxy);
            let report = self.perform(work, plan, memory, seen, stop, &mut written).await;
            performed += report.performed;
            failed += report.failed;
            work.learned.has_written = report.performed + report.failed > 0
                || (work.learned.has_written && (plan.is_progressing() || plan.is_waiting()));
            // Passes do not come one right after another for the sake of a note.
            work.learned.unnoted = 0;
            for object in std::mem::take(&mut work.learned.failures).keys() {
                let reason = match object.kind {
                    Kind::Route | Kind::Proxy => "the proxy did not take it",
                    _ => "the engine failed to write it",
                };
                let now = Instant::now();
                memory.troubles.failed(object, reason, manner.retry, now, manner.chance);
                let due = memory.troubles.waits(object, now).map(|trouble| trouble.due.at);
                again = again.into_iter().chain(due).min();
            }
        }
        // How they were before the writes says nothing about them any more.
        status = status.written(&written);
        // Whoever wants it to end does not wait for a node that does not give its logs.
        tokio::select! {
            () = memory.excerpts.add(self.writer.reader().observer(), &observed, work, &mut status) => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
        let aim = work.first().and_then(|work| work.current.request.proxy.as_ref());
        let routes = RoutesSight::of(&plans, (aim, &proxy), manner.fleet, &elsewhere, &status);
        let seen = |plan: Plan| Seen { document: Arc::new(plan.document), health: plan.health };
        let sources: Vec<Seen> = plans.into_iter().map(seen).collect();
        let of_source = |work: &Work<'_>| -> Arc<dyn Declares> {
            Arc::new(Declaration::of(&work.current.request, key.as_ref()))
        };
        let declared = work.iter().map(of_source).collect();
        let plans = sources.iter().map(|seen| Arc::clone(&seen.document)).collect();
        let sight = Arc::new(Sight { plans, declared, routes });
        Ok(Some(Passed { sources, status, sight, suspensions, performed, failed, moving, again }))
    }

    /// Observes the Swarm and the proxy, and plans every source.
    async fn look(
        &self,
        work: &mut [Work<'_>],
        manner: Manner<'_>,
    ) -> Result<(Observed, caddy::Sight, Vec<Plan>), SwarmError> {
        let reader = self.writer.reader();
        let observe = async {
            if manner.thorough {
                reader.observe_with_tasks().await
            } else {
                reader.observer().observe().await
            }
        };
        let aim = work.first().and_then(|work| work.current.request.proxy.as_ref());
        let (observed, sight) = tokio::join!(observe, reader.look_at_proxy(aim));
        let mut observed = observed?;
        let mut plans = Vec::with_capacity(work.len());
        for work in work {
            work.learned.contention.forget(CONTENTION);
            let request = &work.current.request;
            let desired = declare(request, &observed.configs);
            let plan = reader.plan_from(observed, &sight, &desired, request, work.learned).await?;
            plans.push(plan.0);
            observed = plan.1;
        }
        Ok((observed, sight, plans))
    }

    async fn perform(
        &self,
        work: &mut Work<'_>,
        plan: &Plan,
        memory: &mut Memory,
        (observed, proxy): (&Observed, Option<(&ProxyPart, &mut Gateway)>),
        stop: &watch::Receiver<bool>,
        written: &mut BTreeSet<String>,
    ) -> apply::Report {
        if plan.steps.is_empty() {
            return apply::Report::default();
        }
        let Current { request, .. } = work.current;
        let actuator = self.writer.actuator(request.credentials.clone(), observed);
        let (name, revision) = (&request.scope.source, &work.current.revision);
        let span = tracing::info_span!("source", %name, revision);
        let changes: BTreeMap<&ObjectKey, (&str, &Change)> = changes(&plan.document);
        let Memory { repairs, troubles, disturbed: _, metrics, excerpts: _ } = memory;
        let source = request.scope.source.as_str();
        let drift_of = |object: &ObjectKey| {
            let (stack, change) = changes.get(object)?;
            withhold::is_drift(change).then_some((source, *stack))
        };
        let mut sink = |event: Event<'_>| {
            log(&event, &changes, work.current);
            let drift = event.object().and_then(drift_of);
            metrics.step(&event, drift);
            written.extend(written_service(&event));
            if let Event::Performed { object, .. } = event {
                troubles.ended(object);
                if drift.is_some() {
                    repairs.made(object, Instant::now());
                }
            }
        };
        let stopped = || *stop.borrow();
        let key = self.writer.fresh_key();
        let sensitivity = &request.view.sensitivity;
        let (steps, learned) = (&plan.steps, &mut *work.learned);
        apply::perform(steps, &actuator, proxy, key, sensitivity, learned, &stopped, &mut sink)
            .instrument(span)
            .await
    }
}

/// The service that was written, or may have been.
fn written_service(event: &Event<'_>) -> Option<String> {
    let object = match event {
        Event::Performed { object, .. }
        | Event::Deferred { object, may_have_happened: true, .. } => object,
        Event::Deferred { .. }
        | Event::Failed { .. }
        | Event::Planned { .. }
        | Event::Unreachable { .. } => return None,
    };
    (object.kind == Kind::Service).then(|| object.name.clone())
}

fn changes(document: &Document) -> BTreeMap<&ObjectKey, (&str, &Change)> {
    let of_stacks = document.stacks.iter().flat_map(|section| {
        section.changes.iter().map(|change| (&change.object, (section.name.as_str(), change)))
    });
    of_stacks.collect()
}

/// One line for each write.
fn log(event: &Event<'_>, changes: &BTreeMap<&ObjectKey, (&str, &Change)>, current: &Current) {
    let about = |object: &ObjectKey| {
        let (stack, change) = changes.get(object).map_or(("", None), |(s, c)| (*s, Some(*c)));
        let causes = change.map_or_else(String::new, |change| {
            let causes = change.causes.iter();
            causes.map(|cause| format!("{cause:?}").to_lowercase()).collect::<Vec<_>>().join(",")
        });
        let revision = current.revision_of(stack).unwrap_or(&current.revision).to_owned();
        (stack.to_owned(), causes, revision)
    };
    match event {
        Event::Performed { done, object, again: _, warnings } => {
            let (stack, cause, revision) = about(object);
            tracing::info!(stack, %object, cause, revision, "{done} {object}");
            for warning in warnings {
                tracing::warn!(stack, %object, "the engine says about {object}: {warning}");
            }
        }
        Event::Deferred { object, reason, may_have_happened: _ } => {
            let (stack, cause, revision) = about(object);
            tracing::warn!(stack, %object, cause, revision, "{object} is left for later: {reason}");
        }
        Event::Failed { object, reason } => {
            let (stack, cause, revision) = about(object);
            tracing::error!(stack, %object, cause, revision, "{object} was refused: {reason}");
        }
        Event::Planned { .. } | Event::Unreachable { .. } => {}
    }
}

/// How all stacks of the fleet are: those of the plans compared with what they declare, others with what was applied.
fn fold(
    plans: &[Plan],
    observed: &Observed,
    fleet: &FleetName,
    sensitivity: &Sensitivity,
) -> Status {
    let mut whole = status::fold(observed, fleet, None, sensitivity);
    for plan in plans {
        let declared: BTreeSet<&str> =
            plan.document.stacks.iter().map(|section| section.name.as_str()).collect();
        let is_declared = |stack: &StackStatus| declared.contains(stack.name.as_str());
        whole.stacks.retain(|stack| !is_declared(stack));
        let compared = status::fold(observed, fleet, Some(plan), sensitivity);
        whole.stacks.extend(compared.stacks.into_iter().filter(is_declared));
    }
    whole.stacks.sort_by(|a, b| a.name.cmp(&b.name));
    whole.only(&BTreeSet::new())
}
