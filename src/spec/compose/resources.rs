//! `deploy.resources` of a service.

use schemars::JsonSchema;

use super::cpus::Cpus;
use super::size::ByteSize;
use super::unsupported::{self, Unsupported, no};
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// What tasks may use, and what must be free for them.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Resources {
    /// What a task may use at most.
    pub limits: Option<Limits>,
    /// What a node must have free for a task.
    pub reservations: Option<Reservations>,
}

/// What a task may use at most.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// Cores.
    pub cpus: Option<Located<Cpus>>,
    /// Memory.
    pub memory: Option<Located<ByteSize>>,
    /// Processes.
    #[schemars(example = 100)]
    pub pids: Option<Located<i64>>,
}

/// What a node must have free for a task.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Reservations {
    /// Cores.
    pub cpus: Option<Located<Cpus>>,
    /// Memory.
    pub memory: Option<Located<ByteSize>>,
    /// Resources that the nodes declare, such as GPUs.
    pub generic_resources: Option<Located<Vec<GenericResource>>>,
}

/// A number of equal resources that a node declares.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct GenericResource {
    /// Which, and how many.
    pub discrete_resource_spec: Option<DiscreteResource>,
}

/// A kind of resource and a number.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DiscreteResource {
    /// The kind.
    #[schemars(example = &"gpu")]
    pub kind: Option<String>,
    /// How many.
    #[schemars(example = 1)]
    pub value: Option<i64>,
}

/// Keys of the Compose specification that a Swarm has no place for.
pub const UNSUPPORTED: &[Unsupported] = &[no(
    "devices",
    "declare the devices on the nodes as generic resources and reserve them with `generic_resources`",
)];

impl Decode for Resources {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let resources = Self {
            limits: fields.get("limits", report),
            reservations: fields.get("reservations", report),
        };
        fields.finish(report);
        Some(resources)
    }
}

impl Decode for Limits {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let limits = Self {
            cpus: fields.get("cpus", report),
            memory: fields.get("memory", report),
            pids: fields.get("pids", report),
        };
        fields.finish(report);
        Some(limits)
    }
}

impl Decode for Reservations {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let reservations = Self {
            cpus: fields.get("cpus", report),
            memory: fields.get("memory", report),
            generic_resources: fields.get("generic_resources", report),
        };
        unsupported::warn(&mut fields, UNSUPPORTED, report);
        fields.finish(report);
        Some(reservations)
    }
}

impl Decode for GenericResource {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let resource =
            Self { discrete_resource_spec: fields.get("discrete_resource_spec", report) };
        fields.finish(report);
        Some(resource)
    }
}

impl Decode for DiscreteResource {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let resource =
            Self { kind: fields.get("kind", report), value: fields.get("value", report) };
        fields.finish(report);
        Some(resource)
    }
}
