//! Observes the Swarm and asks registries, and has plans made from that.

use std::collections::BTreeSet;

use crate::model::desired::Desired;
use crate::model::error::chain;
use crate::model::live::{Live, Observed};
use crate::model::store::ConfigSpec;
use crate::swarm::{Connection, Observer, SwarmError};

use super::decide::{decide, declare};
use super::request::Request;
use crate::reconciler::caddy::{ProxyAim, ProxyReader, Sight};
use crate::reconciler::plan::{Answer, Images, Learned, Plan, unresolved};
use crate::reconciler::registries::{self, Registries};
use crate::reconciler::{health, record, volumes};

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
    pub(in crate::reconciler) async fn observe_with_tasks(&self) -> Result<Observed, SwarmError> {
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

    /// Makes the plan from what is declared and what was observed. Tasks and nodes are listed, and registries asked, only
    /// if the plan depends on them and they are not known: where everything is as declared, nothing more is asked.
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
                let reason = chain(&error);
                tracing::info!(reason, "volumes are not compared with their declarations");
            }
        }
    }

    /// What reads the Swarm itself.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// The way to the Swarm.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
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
