//! A step: one write that is ready to be made, with everything that it needs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::key::ObjectKey;
use crate::model::labels::Labels;
use crate::model::live::RawSpec;
use crate::model::name::StackName;
use crate::model::network::NetworkSpec;
use crate::model::secret::Redacted;
use crate::model::service::ServiceSpec;
use crate::model::store::{ConfigSpec, SecretSpec};
use crate::proxy::RouteId;
use crate::swarm::RegistryAccess;

use super::record::{RouteMemo, Routed};

/// One write that is ready to be made. What is in it was decided by the plan; performing it decides nothing.
#[derive(Debug, Clone)]
pub struct Step {
    /// The object that it writes.
    pub object: ObjectKey,
    /// What is written.
    pub write: Write,
    /// Objects that earlier steps of the same pass must have written; if one of those fails, this step is left out.
    pub needs: Vec<ObjectKey>,
}

/// The write of a step. Updates and removals name the object as it was observed.
#[derive(Debug, Clone)]
pub enum Write {
    /// Make the fleet record, with a key that is made up when it is performed.
    CreateRecord {
        /// The name of the config.
        name: String,
        /// Its labels, without those that name the key.
        labels: Labels,
    },
    /// Change what the fleet record remembers.
    LabelRecord {
        /// Which version of the record.
        target: Target,
        /// All its labels afterwards.
        labels: Labels,
    },
    /// Note in the fleet record what this pass applied. It comes after everything else, tells only of what succeeded, and
    /// is no change of its own: losing it costs the knowledge that a missing service was there before.
    Remember {
        /// Which version of the record.
        target: Target,
        /// Its labels, before anything of this pass.
        labels: Labels,
        /// Whether these are written even if nothing of this pass succeeds.
        is_due: bool,
        /// What is noted of this pass.
        notes: Notes,
    },
    /// Create a network.
    CreateNetwork(NetworkSpec),
    /// Create a config.
    CreateConfig(ConfigSpec),
    /// Create a secret.
    CreateSecret(SecretSpec),
    /// Create a service.
    CreateService(Box<ServiceSpec>),
    /// Update a service.
    UpdateService {
        /// Which version of which service.
        target: Target,
        /// What it becomes.
        spec: Box<ServiceSpec>,
        /// Whether Swarm gets credentials with it.
        access: RegistryAccess,
        /// Its live spec, from which come the parts that no model knows.
        raw: RawSpec,
    },
    /// Change the labels of a config.
    LabelConfig {
        /// Which version of which config.
        target: Target,
        /// All its labels afterwards.
        spec: ConfigSpec,
    },
    /// Change the labels of a secret; Swarm refuses it when the data is not what the secret holds.
    LabelSecret {
        /// Which version of which secret.
        target: Target,
        /// All its labels afterwards.
        spec: SecretSpec,
        /// The data that it should hold; `None` when a plugin has it.
        proof: Option<Redacted<Vec<u8>>>,
    },
    /// Make routes of the proxy what they are to be.
    Route(Box<RouteWrite>),
    /// Put right what the proxy has beside routes, for these stacks.
    Proxy {
        /// The stacks whose certificates are written with it.
        stacks: BTreeSet<StackName>,
        /// Those of them for which something else is declared now than was last written.
        committed: BTreeSet<StackName>,
        /// What is written where the proxy has something else. It may hold what issuers of certificates are told.
        after: Redacted<Vec<Value>>,
    },
    /// Remove an object.
    Remove {
        /// The Engine's id.
        id: String,
    },
}

/// What the fleet record is told of the steps of a pass, each once it was performed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// Services that are created or updated, with what is remembered of them.
    pub applied: BTreeMap<String, String>,
    /// Services that are removed.
    pub removed: BTreeSet<String>,
    /// Routes that are written or removed.
    pub routes: Vec<RouteNote>,
    /// Stacks of which routes are written.
    pub routed: Vec<RoutedNote>,
}

impl Notes {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        let Self { applied, removed, routes, routed } = self;
        applied.is_empty() && removed.is_empty() && routes.is_empty() && routed.is_empty()
    }
}

/// What is remembered of a route once its step was performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteNote {
    /// Which: its name in plans.
    pub route: String,
    /// The stack that has it.
    pub stack: StackName,
    /// What it is then; `None` if it goes.
    pub memo: Option<RouteMemo>,
}

/// What is remembered of a stack once one of the steps on its routes was performed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedNote {
    /// Which.
    pub stack: StackName,
    /// What is remembered.
    pub routed: Routed,
    /// The objects of the steps.
    pub by: BTreeSet<ObjectKey>,
}

/// What becomes of one route, which the proxy may have at several entry points.
#[derive(Debug, Clone)]
pub struct RouteWrite {
    /// The objects that are written or removed; what they become stands in the plan's
    /// [`ProxyPart`](super::caddy::ProxyPart).
    pub ids: Vec<RouteId>,
    /// As the proxy has them. They may hold hashes of passwords.
    pub before: Redacted<Vec<Value>>,
    /// As they are to be; none if the route goes.
    pub after: Redacted<Vec<Value>>,
    /// Whether it has the proxy's own words, which this may refuse.
    pub is_raw: bool,
}

/// A version of a live object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The Engine's id.
    pub id: String,
    /// `Version.Index` as observed; the write fails if it has moved.
    pub version: u64,
}
