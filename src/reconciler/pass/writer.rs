//! What can write to a Swarm, and to the proxy before it.

use crate::model::live::Observed;
use crate::swarm::{Actuator, Credentials, SwarmError};

use super::reader::Reader;
use super::request::Request;
use crate::reconciler::apply::FreshKey;
use crate::reconciler::caddy::{self, Gateway};
use crate::reconciler::step::Step;

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
    pub(in crate::reconciler) fn fresh_key(&self) -> &FreshKey {
        &self.fresh_key
    }

    /// The objects of the Swarm.
    pub(in crate::reconciler) async fn observe(&self) -> Result<Observed, SwarmError> {
        self.reader.observer().observe().await
    }

    /// What writes to the Swarm as it was observed.
    pub(in crate::reconciler) fn actuator(
        &self,
        credentials: Credentials,
        observed: &Observed,
    ) -> Actuator {
        Actuator::new(self.reader.connection().clone(), credentials, observed)
    }
}

/// What writes `steps` on routes; nothing where there are none. An address that nothing can be made of was not read
/// either.
pub(in crate::reconciler) fn gateway<'s>(
    request: &Request,
    mut steps: impl Iterator<Item = &'s Step>,
) -> Option<Gateway> {
    let aim = request.proxy.as_ref().filter(|_| steps.any(caddy::is_of_proxy))?;
    Gateway::new(&aim.address, request.view.sensitivity.clone()).ok()
}
