//! The state of an object as far as it counts for a plan: what was seen when it was made, and what is there now.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diff;
use crate::model::desired::FieldPath;
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::{ApiVersion, Observed};
use crate::model::network::NetworkSpec;
use crate::model::secret::Redacted;
use crate::model::service::ServiceSpec;
use crate::model::store::{ConfigSpec, SecretSpec};
use crate::proxy;

use super::plan::{comparable, essence};
use super::step::Write;

/// What an object is. Version indexes do not count, nor does what Swarm notes beside the spec.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// There is none.
    Absent,
    /// A service, without skep's own labels, the counter of restarts and the fields that someone else owns.
    Service(Box<ServiceSpec>),
    /// A network.
    Network(Box<NetworkSpec>),
    /// A config.
    Config(ConfigSpec),
    /// A secret, without its data, which nobody sees.
    Secret(SecretSpec),
    /// A route, as objects of the proxy.
    Route(Redacted<Vec<Value>>),
}

/// The routes that a plan changes, as they were observed.
pub(super) type Routes = BTreeMap<ObjectKey, Redacted<Vec<Value>>>;

impl State {
    /// The state of `object` as it was observed: among `routes`, or in the Swarm.
    pub(super) fn live(observed: &Observed, routes: &Routes, object: &ObjectKey) -> Self {
        let Observed { engine: _, networks, configs, secrets, services, workload: _ } = observed;
        let name = &object.name;
        let found = match object.kind {
            Kind::Service => services
                .iter()
                .find(|live| live.spec.name == *name)
                .map(|live| Self::Service(Box::new(essence(&live.spec)))),
            Kind::Network => networks
                .iter()
                .find(|live| live.spec.name == *name && live.spec.scope == "swarm")
                .map(|live| Self::Network(Box::new(live.spec.clone()))),
            Kind::Config => configs
                .iter()
                .find(|live| live.spec.name == *name)
                .map(|live| Self::Config(live.spec.clone())),
            Kind::Secret => secrets
                .iter()
                .find(|live| live.spec.name == *name)
                .map(|live| Self::Secret(live.spec.clone())),
            Kind::Route => routes.get(object).and_then(Self::route),
            Kind::Proxy => None,
        };
        found.unwrap_or(Self::Absent)
    }

    fn route(objects: &Redacted<Vec<Value>>) -> Option<Self> {
        (!objects.expose().is_empty()).then(|| Self::Route(objects.clone()))
    }

    /// The state after a write, as an engine that speaks `api` gives it back; `None` for the fleet record, which is
    /// skep's own, and for the proxy as a whole, which belongs to others as well.
    pub(super) fn written(write: &Write, api: ApiVersion) -> Option<Self> {
        Some(match write {
            Write::CreateRecord { .. }
            | Write::LabelRecord { .. }
            | Write::Remember { .. }
            | Write::Proxy { .. } => return None,
            Write::Route(write) => Self::route(&write.after).unwrap_or(Self::Absent),
            Write::CreateNetwork(spec) => Self::Network(Box::new(spec.clone())),
            Write::CreateConfig(spec) | Write::LabelConfig { target: _, spec } => {
                Self::Config(spec.clone())
            }
            Write::CreateSecret(spec) | Write::LabelSecret { target: _, spec, proof: _ } => {
                Self::Secret(SecretSpec { data: None, ..spec.clone() })
            }
            Write::CreateService(spec)
            | Write::UpdateService { target: _, spec, access: _, raw: _ } => {
                Self::Service(Box::new(essence(&comparable(spec, api).0)))
            }
            Write::Remove { id: _ } => Self::Absent,
        })
    }

    /// What is different `now`; `None` where nothing is. The list is empty where fields say nothing.
    pub(super) fn moved(&self, now: &Self) -> Option<Vec<FieldPath>> {
        let fields = match (self, now) {
            (Self::Service(before), Self::Service(after)) => {
                diff::service(after, before, &[]).fields
            }
            (Self::Network(before), Self::Network(after)) => diff::network(after, before).fields,
            (Self::Config(before), Self::Config(after)) if before == after => return None,
            (Self::Secret(before), Self::Secret(after)) if before == after => return None,
            (Self::Config(before), Self::Config(after)) => diff::config(after, before).fields,
            (Self::Secret(before), Self::Secret(after)) => diff::secret(after, before).fields,
            (Self::Route(before), Self::Route(after)) => {
                if before == after {
                    return None;
                }
                let paths = changed(before, after).fields.into_iter().map(|field| field.path);
                return Some(paths.collect());
            }
            (Self::Absent, Self::Absent) => return None,
            _ => return Some(Vec::new()),
        };
        let is_store = matches!(self, Self::Config(_) | Self::Secret(_));
        let paths: Vec<FieldPath> = fields.into_iter().map(|field| field.path).collect();
        (is_store || !paths.is_empty()).then_some(paths)
    }

    /// The fields that are set, for those kinds whose fields can be changed.
    pub(super) fn fields(&self) -> Vec<diff::FieldDiff> {
        match self {
            Self::Service(spec) => diff::new_service(spec).fields,
            Self::Route(objects) => changed(&Redacted::default(), objects).fields,
            Self::Absent | Self::Network(_) | Self::Config(_) | Self::Secret(_) => Vec::new(),
        }
    }

    /// Equal bytes for equal states; they may hold secrets. Nothing for what is not there.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        let json = match self {
            Self::Absent => return None,
            Self::Service(spec) => serde_json::to_vec(spec),
            Self::Network(spec) => serde_json::to_vec(spec),
            Self::Config(spec) => serde_json::to_vec(spec),
            Self::Secret(spec) => serde_json::to_vec(spec),
            Self::Route(objects) => serde_json::to_vec(objects.expose()),
        };
        // Specs of plain structs and string keys always serialise.
        Some(json.unwrap_or_default())
    }
}

/// What differs between two states of a route.
fn changed(before: &Redacted<Vec<Value>>, after: &Redacted<Vec<Value>>) -> diff::ObjectDiff {
    let fields = |objects: &Redacted<Vec<Value>>| {
        let all = objects.expose().iter().rev().flat_map(proxy::fields);
        all.collect::<BTreeMap<_, _>>()
    };
    diff::route(&fields(after), &fields(before))
}
