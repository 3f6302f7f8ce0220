//! Another try for releases that Swarm has refused.

use std::collections::BTreeSet;

use crate::model::key::{Kind, ObjectKey};
use crate::model::live::{LiveService, Observed, UpdateState};
use crate::model::name::{FleetName, StackName};
use crate::model::store::ConfigSpec;
use crate::swarm::{Credentials, SwarmError};

use super::known;
use super::ownership::owning_stack;
use super::pass::Writer;
use super::record::{self, FleetRecord, Refusal};
use super::step::Target;

/// What came of allowing another try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// The releases of these services are tried once more.
    Allowed(Vec<String>),
    /// Those of these may be tried already, and nobody has done so yet.
    AllowedBefore(Vec<String>),
    /// Swarm is still rolling these back; what is allowed now would not count for what it comes to.
    RollingBack(Vec<String>),
    /// There is no such stack; these there are.
    NoStack(BTreeSet<String>),
    /// The stack has no such service; these it has.
    NoService(Vec<String>),
    /// Nothing of it was refused.
    NotRefused,
}

/// Which services are meant, how their releases stand, and what comes of that. Pure.
pub(super) fn judge<'a>(
    observed: &'a Observed,
    fleet: &FleetName,
    record: Option<&FleetRecord>,
    stack: &StackName,
    service: Option<&str>,
) -> Result<Vec<&'a LiveService>, Retried> {
    let stacks = known::stacks(observed, fleet, record);
    if !stacks.contains(stack.as_str()) {
        return Err(Retried::NoStack(stacks));
    }
    let is_ours = |live: &&LiveService| {
        let key = ObjectKey::new(Kind::Service, &live.spec.name);
        owning_stack(&key, &live.spec.labels, fleet).as_ref() == Some(stack)
    };
    let ours = || observed.services.iter().filter(is_ours);
    let is_meant = |live: &&LiveService| {
        service.is_none_or(|service| live.spec.name == format!("{stack}_{service}"))
    };
    if ours().all(|live| !is_meant(&live)) {
        return Err(Retried::NoService(ours().map(|live| live.spec.name.clone()).collect()));
    }
    let refusal =
        |live: &LiveService| record.and_then(|record| record.refused.get(&live.spec.name));
    let names = |those: Vec<&LiveService>| -> Vec<String> {
        those.into_iter().map(|live| live.spec.name.clone()).collect()
    };
    let rolling: Vec<_> = ours().filter(is_meant).filter(|live| is_rolling_back(live)).collect();
    if !rolling.is_empty() {
        return Err(Retried::RollingBack(names(rolling)));
    }
    let is_refused = |live: &&LiveService| matches!(refusal(live), Some(Refusal::Refused { .. }));
    let refused: Vec<_> = ours().filter(is_meant).filter(is_refused).collect();
    if !refused.is_empty() {
        return Ok(refused);
    }
    let is_allowed = |live: &&LiveService| matches!(refusal(live), Some(Refusal::Allowed(version)) if *version == live.version);
    let allowed: Vec<_> = ours().filter(is_meant).filter(is_allowed).collect();
    Err(if allowed.is_empty() {
        Retried::NotRefused
    } else {
        Retried::AllowedBefore(names(allowed))
    })
}

fn is_rolling_back(live: &LiveService) -> bool {
    live.rollback().is_some_and(|update| update.state == UpdateState::RollbackStarted)
}

impl Writer {
    /// Allows refused releases of a stack, or of one of its services, to be tried once more. What is remembered about
    /// others stays.
    ///
    /// # Errors
    /// When the Swarm cannot be observed, or the record was written by someone else meanwhile.
    pub async fn retry(
        &self,
        fleet: &FleetName,
        stack: &StackName,
        service: Option<&str>,
    ) -> Result<Retried, SwarmError> {
        let observed = self.observe().await?;
        let record = record::find(&observed.configs, fleet);
        let refused = match judge(&observed, fleet, record.as_ref(), stack, service) {
            Ok(refused) => refused,
            Err(retried) => return Ok(retried),
        };
        let Some(record) = record else { return Ok(Retried::NotRefused) };
        let mut labels = record.labels.clone();
        let mut allowed = Vec::new();
        for live in refused {
            record::allow(&mut labels, &live.spec.name, live.version);
            allowed.push(live.spec.name.clone());
        }
        let actuator = self.actuator(Credentials::default(), &observed);
        let spec = ConfigSpec { name: record::name(fleet), labels, ..ConfigSpec::default() };
        let Target { id, version } = &record.target;
        actuator.label_config(id, *version, &spec).await?;
        Ok(Retried::Allowed(allowed))
    }
}
