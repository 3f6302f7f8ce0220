//! Credentials of services: Swarm keeps those that a write sends, and never shows them. A label tells which ones it
//! has, and a plan whether others have taken their place.

use crate::diff::document::Change;
use crate::model::fleet::is_under_key;
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::service::ServiceSpec;
use crate::swarm::{self, RegistryAccess};

use super::super::ownership::Owner;
use super::context::Context;
use super::image::image;

/// What is known of the credentials of one service.
#[derive(Debug)]
pub(super) struct ServiceLogin {
    /// The registry of the declared image.
    registry: String,
    /// What tells our credentials from others; unknown without credentials that last, or without a key.
    ours: Option<String>,
    /// What tells those that Swarm has, as far as skep sent them for the same registry.
    sent: Option<String>,
}

impl ServiceLogin {
    /// What is known of the credentials of `spec`, which `live` is to become.
    pub(super) fn of(
        context: &Context<'_>,
        spec: &ServiceSpec,
        live: Option<&LiveService>,
    ) -> Self {
        let registry = swarm::registry_of(image(spec));
        let login = context.images.logins.known.get(registry);
        let key = context.record.map(|record| &record.key);
        let sent = live
            .filter(|live| swarm::registry_of(image(&live.spec)) == registry)
            .and_then(|live| live.spec.labels.get(labels::REGISTRY_LOGIN));
        Self {
            registry: registry.to_owned(),
            ours: login.zip(key).map(|(login, key)| login.fingerprint(key)),
            sent: sent.cloned(),
        }
    }

    /// Leaves the label as it is, so that it never is a difference of its own.
    pub(super) fn keep(&self, spec: &mut ServiceSpec) {
        if let Some(sent) = &self.sent {
            spec.labels.insert(labels::REGISTRY_LOGIN.to_owned(), sent.clone());
        }
    }

    /// Says with a write that sends our credentials which ones they are.
    pub(super) fn stamp(&self, mut spec: ServiceSpec, access: RegistryAccess) -> ServiceSpec {
        if let (Some(ours), RegistryAccess::Send) = (&self.ours, access) {
            spec.labels.insert(labels::REGISTRY_LOGIN.to_owned(), ours.clone());
        }
        spec
    }

    /// Whether other credentials are known than those that Swarm has. Without a label of this fleet's key nobody can
    /// tell; ours go with the next write then. A job is never written for it.
    pub(super) fn is_rotated(&self, live: &LiveService) -> bool {
        let (Some(ours), Some(sent)) = (&self.ours, &self.sent) else { return false };
        let comparable = ours.split(':').nth(1).is_some_and(|key_id| is_under_key(sent, key_id));
        comparable && ours != sent && !live.spec.mode.kind().is_job() && !live.is_paused()
    }

    /// Tells that the credentials are all that changes, or what else does.
    pub(super) fn describe(&self, change: &mut Change) {
        change.notes.push(format!(
            "the credentials for {} changed; Swarm gets the new ones",
            self.registry
        ));
    }
}

/// Whether an update of `live` to `spec` sends credentials. Taking a service over leaves those that it has; with
/// another image it needs ours.
pub(super) fn access(owner: &Owner, spec: &ServiceSpec, live: &LiveService) -> RegistryAccess {
    if *owner != Owner::Ours && image(spec) == image(&live.spec) {
        RegistryAccess::Keep
    } else {
        RegistryAccess::Send
    }
}
