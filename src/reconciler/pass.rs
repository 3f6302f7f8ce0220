//! One pass: observe, decide. And passes until nothing is left to do: observe, decide, perform, again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::diff::mask::Scrub;
use crate::model::desired::Desired;
use crate::model::live::{Live, Observed};
use crate::model::name::StackName;
use crate::model::nanos::Nanos;
use crate::model::store::ConfigSpec;
use crate::spec::desired::{Identity, world};
use crate::spec::lock::Lock;
use crate::spec::stack::Stack;
use crate::swarm::{Actuator, Connection, Credentials, Observer, Resolved, SwarmError};

use super::apply::{self, FreshKey};
use super::caddy::{self, Gateway, ProxyAim, ProxyReader, Sight};
use super::consent::Consent;
use super::event::Event;
use super::health;
use super::logs;
use super::plan::{self, Answer, Images, Inputs, Learned, Plan, View, unresolved};
use super::policy::{Policy, ResolveImage, Scope};
use super::record;
use super::registries::{self, Registries};
use super::stale::Stale;
use super::step::{Step, Write};
use super::volumes;

/// The first and the longest wait between passes while something is on its way.
const PACE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// How long a Swarm may be out of sight in the middle of a run: an election of a new leader takes seconds.
const BLINDNESS: Duration = Duration::from_secs(60);
/// How long waiting may go on when nothing moves, where the user names no time-out.
const STANDSTILL: Duration = Duration::from_secs(300);

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The stacks that loaded without an error.
    pub stacks: Vec<Stack>,
    /// What tags mean, as far as it is written down.
    pub lock: Lock,
    /// What tags meant when stacks were as they are, where that was before `lock`.
    pub older_locks: BTreeMap<StackName, Arc<Lock>>,
    /// What absence means.
    pub scope: Scope,
    /// What the user allows and asks for.
    pub policy: Policy,
    /// Credentials for registries.
    pub credentials: Credentials,
    /// When registries are asked.
    pub resolve: ResolveImage,
    /// What registries said when the plan was saved; they are not asked again.
    pub pinned: BTreeMap<String, Resolved>,
    /// The proxy that routes are written to, if there is one.
    pub proxy: Option<ProxyAim>,
    /// How plans are shown.
    pub view: View,
}

/// Reads from a Swarm and from the registries behind it, which are asked once in a while. It has no way to write.
#[derive(Debug)]
pub struct Reader {
    observer: Observer,
    connection: Connection,
    registries: Registries,
    proxies: ProxyReader,
}

impl Reader {
    /// A reader of the Swarm behind `connection`.
    ///
    /// # Errors
    /// When the connection cannot be used for reading.
    pub fn new(connection: Connection) -> Result<Self, SwarmError> {
        let observer = Observer::new(connection.clone())?;
        let (registries, proxies) = (Registries::default(), ProxyReader::default());
        Ok(Self { observer, connection, registries, proxies })
    }

    /// The objects of the Swarm, by four list calls. `tell` gets the records of fleets as soon as they are known, so
    /// that what is declared can be worked out while the rest is still on its way.
    ///
    /// # Errors
    /// When the Swarm cannot be observed as a whole. A part that is missing is never taken for absent.
    pub async fn observe(
        &self,
        tell: impl FnOnce(Vec<Live<ConfigSpec>>),
    ) -> Result<Observed, SwarmError> {
        self.observer.observe_telling(|configs| tell(record::only_records(configs))).await
    }

    /// What there is to see of the proxy, by one request.
    pub async fn look_at_proxy(&self, aim: Option<&ProxyAim>) -> Sight {
        self.proxies.look(aim).await
    }

    /// The same with tasks and nodes, which take two more.
    pub(super) async fn observe_with_tasks(&self) -> Result<Observed, SwarmError> {
        let mut observed = self.observer.observe().await?;
        observed.workload = Some(self.observer.workload(&observed).await?);
        Ok(observed)
    }

    /// Observes the Swarm, its tasks included, and makes the plan. Only tasks tell how services really are: counts take
    /// one that is about to crash again for one that runs.
    ///
    /// # Errors
    /// As [`Reader::observe`].
    pub async fn judge(
        &self,
        request: &Request,
        learned: &Learned,
    ) -> Result<(Plan, Observed), SwarmError> {
        let (plan, observed, _) = self.look(request, learned).await?;
        Ok((plan, observed))
    }

    /// The same for the first plan of a run, which people read: with warnings of volumes.
    ///
    /// # Errors
    /// As [`Reader::observe`].
    pub async fn judge_at_first(&self, request: &Request) -> Result<(Plan, Observed), SwarmError> {
        let (mut plan, observed, desired) = self.look(request, &Learned::default()).await?;
        self.warn_of_volumes(&desired, &mut plan).await;
        Ok((plan, observed))
    }

    async fn look(
        &self,
        request: &Request,
        learned: &Learned,
    ) -> Result<(Plan, Observed, Desired), SwarmError> {
        let look = self.look_at_proxy(request.proxy.as_ref());
        let (observed, sight) = tokio::join!(self.observe_with_tasks(), look);
        let observed = observed?;
        let desired = declare(request, &observed.configs);
        let images = self.ask(&desired, &observed, request).await;
        let plan = decide(request, &desired, &observed, &sight, &images, learned);
        Ok((plan, observed, desired))
    }

    /// Makes the plan from what is declared and what was observed. Tasks and nodes are listed, and registries asked, only if the plan
    /// depends on them and they are not known: where everything is as declared, nothing more is asked.
    ///
    /// # Errors
    /// As [`Reader::observe`].
    pub async fn plan_from(
        &self,
        mut observed: Observed,
        sight: &Sight,
        desired: &Desired,
        request: &Request,
        learned: &Learned,
    ) -> Result<(Plan, Observed), SwarmError> {
        let images = self.ask(desired, &observed, request).await;
        let plan = decide(request, desired, &observed, sight, &images, learned);
        let moving = plan.document.changes().next().is_some()
            || observed
                .services
                .iter()
                .any(|live| plan.health.contains_key(&live.spec.name) && health::needs_tasks(live));
        if !moving || observed.workload.is_some() {
            return Ok((plan, observed));
        }
        observed.workload = Some(self.observer.workload(&observed).await?);
        let mut plan = decide(request, desired, &observed, sight, &images, learned);
        self.warn_of_volumes(desired, &mut plan).await;
        Ok((plan, observed))
    }

    /// Adds warnings of volumes that exist with other options than those declared for services that `plan` writes.
    /// They are looked for only then, and a plan does without them where volumes cannot be listed.
    async fn warn_of_volumes(&self, desired: &Desired, plan: &mut Plan) {
        if !volumes::matter(desired, &plan.document) {
            return;
        }
        match self.observer.volumes().await {
            Ok(found) => {
                let findings = volumes::findings(desired, &plan.document, &found);
                plan.document.findings.extend(findings);
            }
            Err(error) => {
                let reason = crate::model::error::chain(&error);
                tracing::info!(reason, "volumes are not compared with their declarations");
            }
        }
    }

    /// What reads the Swarm itself.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// Asks registries for the references that changed.
    async fn ask(&self, desired: &Desired, observed: &Observed, request: &Request) -> Images {
        let references = unresolved(desired, observed, request.resolve);
        let credentials = &request.credentials;
        let is_pinned = |image: &String| request.pinned.contains_key(image);
        let (pinned, open): (BTreeSet<_>, BTreeSet<_>) =
            references.into_iter().partition(is_pinned);
        let mut answers = self.registries.ask(&self.connection, credentials, open).await;
        answers.extend(pinned.into_iter().filter_map(|image| {
            let resolved = request.pinned.get(&image)?.clone();
            Some((image, Answer::Found(resolved)))
        }));
        Images { answers, logins: registries::logins(desired, credentials) }
    }
}

/// What takes secrets out of logs: it knows those that `request` declares.
pub fn scrub(request: &Request, observed: &Observed) -> Scrub {
    let scrub = Scrub::new(request.view.sensitivity.clone());
    logs::with_declared(scrub, &declare(request, &observed.configs))
}

/// Makes the plan from what is declared and what was observed. Pure.
pub fn decide(
    request: &Request,
    desired: &Desired,
    observed: &Observed,
    sight: &Sight,
    images: &Images,
    learned: &Learned,
) -> Plan {
    plan::plan(&Inputs {
        desired,
        observed,
        scope: &request.scope,
        policy: &request.policy,
        images,
        rules: request.proxy.as_ref().map(|aim| &aim.rules),
        sight,
        learned,
        view: &request.view,
    })
}

/// What the stacks of a request declare, under the key that the fleet's record among `configs` holds.
pub fn declare(request: &Request, configs: &[Live<ConfigSpec>]) -> Desired {
    let record = record::find(configs, &request.scope.fleet);
    let identity = Identity {
        fleet: &request.scope.fleet,
        source: &request.scope.source,
        key: record.as_ref().map(|record| &record.key),
    };
    let mut desired = world(&request.stacks, &identity);
    for (name, stack) in &mut desired.stacks {
        request.older_locks.get(name).map_or(&request.lock, Arc::as_ref).pin(stack);
    }
    desired
}

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

/// Writes to a Swarm what `request` declares.
#[derive(Debug)]
pub struct Writer {
    reader: Reader,
    fresh_key: FreshKey,
}

impl Writer {
    /// A writer to the Swarm that `reader` reads; `fresh_key` is used if the fleet has no key yet.
    pub fn new(reader: Reader, fresh_key: FreshKey) -> Self {
        Self { reader, fresh_key }
    }

    /// What it reads the Swarm with.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The key of a fleet that has none yet.
    pub(super) fn fresh_key(&self) -> &FreshKey {
        &self.fresh_key
    }

    /// The objects of the Swarm.
    pub(super) async fn observe(&self) -> Result<Observed, SwarmError> {
        self.reader.observer.observe().await
    }

    /// What writes to the Swarm as it was observed.
    pub(super) fn actuator(&self, credentials: Credentials, observed: &Observed) -> Actuator {
        Actuator::new(self.reader.connection.clone(), credentials, observed)
    }

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
        let mut pace = PACE.0;
        let mut last_seen = Instant::now();
        let mut last_move = Instant::now();
        let mut last: Option<Plan> = None;
        let mut leaderless = None;
        let mut performed = 0;
        let mut pass = 0;
        loop {
            pass += 1;
            let looked = match seen.take() {
                Some(seen) => Ok(seen),
                None => self.reader.judge(request, &learned).await,
            };
            let (plan, observed) = match looked {
                Ok(seen) => seen,
                Err(error) if pass > 1 && last_seen.elapsed() < BLINDNESS && !*stop.borrow() => {
                    sink(Event::Unreachable { reason: crate::model::error::chain(&error) });
                    rest(pace, &mut stop).await;
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
                &self.fresh_key,
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
            let moved = last
                .as_ref()
                .is_none_or(|last| last.document != plan.document || last.health != plan.health);
            if report.performed > 0 || moved {
                last_move = Instant::now();
                pace = PACE.0;
            } else {
                pace = (pace * 2).min(PACE.1);
            }
            let patience = request.policy.patience.map_or(STANDSTILL, Nanos::to_std);
            // Services have deadlines of their own, in the engine's time; this one is for everything else.
            if !plan.is_progressing() && last_move.elapsed() > patience {
                return leaderless.map_or_else(|| Ok(ended(false, true, plan)), Err);
            }
            last = Some(plan);
            if report.performed == 0 || report.failed > 0 {
                rest(pace, &mut stop).await;
            }
        }
    }
}

/// What writes `steps` on routes; nothing where there are none. An address that nothing can be made of was not read either.
pub(super) fn gateway<'s>(
    request: &Request,
    mut steps: impl Iterator<Item = &'s Step>,
) -> Option<Gateway> {
    let aim = request.proxy.as_ref().filter(|_| steps.any(caddy::is_of_proxy))?;
    Gateway::new(&aim.address, request.view.sensitivity.clone()).ok()
}

/// Waits for the next pass, or until it is to stop.
async fn rest(pace: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = sleep(pace) => {}
        // The sender is gone only when the program ends, and then there is nobody to stop for.
        _ = stop.wait_for(|stop| *stop) => {}
    }
}
