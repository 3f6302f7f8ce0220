//! How the stacks are: whether they are as declared, whether they are healthy, and what is in the way. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::diff::document::{Action, Change, EngineRef, Hold, HoldCode, StackSection};
use crate::diff::mask::Sensitivity;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::{LiveService, Observed};
use crate::model::name::{FleetName, StackName};
use crate::model::service::ModeKind;

use super::health::{self, Evidence, ServiceHealth, Verdict};
use super::known::{self, Missing};
use super::ownership::owning_stack;
use super::plan::{Plan, is_as_applied};
use super::suspension::{Suspension, Suspensions};

/// The version of the document's layout; it moves when a reader of the old one would misread the new one.
pub const FORMAT_VERSION: u32 = 1;

/// The key of what a running controller adds to the document.
pub const CONTROLLER: &str = "controller";

/// Whether something is as declared. Later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Sync {
    /// It is as declared; without stack files to compare with, as last applied.
    Synced,
    /// Nobody can tell, because there are no stack files to compare with or they have errors.
    Unknown,
    /// It differs from what is declared.
    OutOfSync,
}

/// Whether something works. Later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Health {
    /// Every wanted task runs the current spec and is healthy; jobs have completed.
    Healthy,
    /// On its way.
    Progressing,
    /// Nothing was found to judge.
    Unknown,
    /// Swarm stopped an update after a failure.
    Paused,
    /// Declared or applied, and not there.
    Missing,
    /// It will not become healthy by waiting.
    Degraded,
}

/// How the stacks of a fleet are.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "skep status")]
pub struct Status {
    /// Layout of this document; see [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The installation of skep whose stacks are shown.
    pub fleet: String,
    /// The engine that was observed.
    pub engine: EngineRef,
    /// When, by the engine's clock.
    #[schemars(with = "String")]
    pub observed_at: Timestamp,
    /// The worst of the stacks.
    pub sync: Sync,
    /// The worst of the stacks.
    pub health: Health,
    /// The stacks, by name.
    pub stacks: Vec<StackStatus>,
}

/// How one stack is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StackStatus {
    /// Name of the stack.
    pub name: String,
    /// The file that declares it, where stack files were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The worst of its objects.
    pub sync: Sync,
    /// The worst of its services.
    pub health: Health,
    /// Its services, by name.
    pub services: Vec<ServiceStatus>,
    /// What is in the way of changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<OpenHold>,
    /// Who has the controller leave it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Suspension>,
}

/// Something that is in the way of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpenHold {
    /// The object that would change; absent when the whole stack is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectKey>,
    /// What is in the way.
    pub hold: Hold,
}

/// How one service is.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ServiceStatus {
    /// Its full name.
    pub name: String,
    /// `replicated`, `global`, `replicated-job` or `global-job`; absent when it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The image that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Whether it is as declared.
    pub sync: Sync,
    /// Whether it works.
    pub health: Health,
    /// What that means, as a fragment: `rolling (2/6, batch 2 of 3)`.
    pub state: String,
    /// The verdict behind it; absent when the service does not exist, or was written after the look.
    #[serde(flatten)]
    pub judged: Option<ServiceHealth>,
}

/// The mode of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A number of tasks anywhere.
    Replicated,
    /// A task on each node.
    Global,
    /// A number of completions anywhere.
    ReplicatedJob,
    /// A completion on each node.
    GlobalJob,
}

/// Tells how the stacks of `fleet` are. With a `plan`, they are compared with what its stack files declare; stacks that
/// are not in it, and all of them without one, only with what was last applied, services that are gone included.
/// `sensitivity` tells what is masked.
pub fn fold(
    observed: &Observed,
    fleet: &FleetName,
    plan: Option<&Plan>,
    sensitivity: &Sensitivity,
) -> Status {
    let record = super::record::find(&observed.configs, fleet);
    let sections = plan.map_or(&[][..], |plan| plan.document.stacks.as_slice());
    let mut stacks: BTreeMap<String, StackStatus> = BTreeMap::new();
    for section in sections {
        stacks.insert(section.name.clone(), declared(section));
    }
    let evidence = observed.workload.as_ref();
    let evidence = evidence.map(|workload| Evidence::of(workload, sensitivity));
    for live in &observed.services {
        let declared = plan.is_some_and(|plan| plan.health.contains_key(&live.spec.name));
        let Some(stack) = stack_of(live, fleet, declared) else { continue };
        let stack = stacks
            .entry(stack.to_string())
            .or_insert_with_key(|name| StackStatus::new(name.clone(), Sync::Synced));
        let section = sections.iter().find(|section| section.name == stack.name);
        let sync = match section {
            Some(section) => section_sync(section, &live.spec.name),
            // Something newer was applied than what is live.
            None if live.rollback().is_some() || live.was_put_back_by_hand() => Sync::OutOfSync,
            None => match is_as_applied(live, record.as_ref()) {
                Some(true) => Sync::Synced,
                Some(false) => Sync::OutOfSync,
                None => Sync::Unknown,
            },
        };
        let judged = health::judge(live, evidence.as_ref(), observed.engine.now, None);
        let refused = section.is_some_and(|section| is_refused(section, &live.spec.name));
        // Swarm completed a rollback: where what runs now is as declared, that is health.
        let is_declared = section.is_some() && sync == Sync::Synced && !refused;
        let judged = if is_declared { judged.where_live_is_declared() } else { judged };
        stack.services.push(ServiceStatus::of(live, judged, sync, refused));
    }
    // The plan knows what is missing of the stacks that it compares.
    let named = known::live(observed, fleet).into_iter().chain(stacks.keys().cloned()).collect();
    let missing = record.as_ref().map(|record| known::missing(observed, record, &named));
    for Missing { stack, service } in missing.into_iter().flatten() {
        if sections.iter().all(|section| section.name != stack) {
            let stack = stacks.entry(stack);
            let stack =
                stack.or_insert_with_key(|name| StackStatus::new(name.clone(), Sync::Synced));
            stack.services.push(ServiceStatus::missing(&service));
        }
    }
    let suspensions = record.map(|record| Suspensions::of(&record.labels)).unwrap_or_default();
    let mut stacks: Vec<StackStatus> = stacks.into_values().collect();
    for stack in &mut stacks {
        stack.suspended = suspensions.of_stack(&stack.name).cloned();
        stack.services.sort_by(|a, b| a.name.cmp(&b.name));
        let services = stack.services.iter();
        stack.sync = services.map(|service| service.sync).fold(stack.sync, Sync::max);
    }
    Status {
        format_version: FORMAT_VERSION,
        fleet: fleet.to_string(),
        engine: EngineRef { api: observed.engine.api, version: observed.engine.version.clone() },
        observed_at: observed.engine.now,
        sync: Sync::Synced,
        health: Health::Healthy,
        stacks,
    }
    .counted()
}

impl Status {
    /// The same without stacks other than `names`; all of them if there are no names.
    #[must_use]
    pub fn only(mut self, names: &BTreeSet<StackName>) -> Self {
        let is_named = |stack: &StackStatus| names.iter().any(|name| name.as_str() == stack.name);
        self.stacks.retain(|stack| names.is_empty() || is_named(stack));
        self.counted()
    }

    /// The states of its services, by name, for what is only worth asking about those that fail.
    pub fn judged(&mut self) -> impl Iterator<Item = (&str, &mut ServiceHealth)> {
        let services = self.stacks.iter_mut().flat_map(|stack| &mut stack.services);
        services.filter_map(|service| Some((service.name.as_str(), service.judged.as_mut()?)))
    }

    /// The same with what nobody has looked at yet: services that were written since are on their way, however they were
    /// before.
    pub(super) fn written(mut self, services: &BTreeSet<String>) -> Self {
        let all = self.stacks.iter_mut().flat_map(|stack| &mut stack.services);
        for service in all.filter(|service| services.contains(&service.name)) {
            service.health = Health::Progressing;
            "written just now".clone_into(&mut service.state);
            service.judged = None;
        }
        self.counted()
    }

    fn counted(mut self) -> Self {
        for stack in &mut self.stacks {
            let services = stack.services.iter().map(|service| service.health);
            stack.health = services.max().unwrap_or(Health::Healthy);
        }
        let stacks = self.stacks.iter();
        self.sync = stacks.clone().map(|stack| stack.sync).max().unwrap_or(Sync::Synced);
        self.health = stacks.map(|stack| stack.health).max().unwrap_or(Health::Healthy);
        self
    }
}

/// The JSON Schema of the document, to which a running controller adds what it tells about itself.
pub fn schema() -> schemars::Schema {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Status>();
    let properties = schema.ensure_object().get_mut("properties");
    if let Some(properties) = properties.and_then(serde_json::Value::as_object_mut) {
        let description = "What the controller on this machine tells about itself, where it was asked: what \
                           `report.schema.json` describes, without its `status`.";
        let controller = serde_json::json!({ "description": description, "type": "object" });
        properties.insert(CONTROLLER.to_owned(), controller);
    }
    schema
}

/// The stack that a live service belongs to; `declared` services may not have been taken over yet.
pub(super) fn stack_of(live: &LiveService, fleet: &FleetName, declared: bool) -> Option<StackName> {
    let key = ObjectKey::new(Kind::Service, &live.spec.name);
    owning_stack(&key, &live.spec.labels, fleet).or_else(|| {
        let namespace = live.spec.labels.get(labels::NAMESPACE).filter(|_| declared);
        namespace?.parse().ok()
    })
}

/// What the plan alone tells of a stack: what holds it, and services that are not there yet.
fn declared(section: &StackSection) -> StackStatus {
    let StackSection { name, file, services: _, holds, changes, unchanged: _, retained: _ } =
        section;
    let invalid = holds.iter().any(|hold| hold.code == HoldCode::InvalidStack);
    let sync = match (invalid, changes.is_empty()) {
        (true, _) => Sync::Unknown,
        (false, true) => Sync::Synced,
        (false, false) => Sync::OutOfSync,
    };
    let whole = holds.iter().map(|hold| OpenHold { object: None, hold: hold.clone() });
    let of_change = |change: &Change| -> Vec<OpenHold> {
        let object = Some(change.object.clone());
        let holds = change.holds.iter();
        holds.map(|hold| OpenHold { object: object.clone(), hold: hold.clone() }).collect()
    };
    let missing = changes.iter().filter(|change| {
        change.object.kind == Kind::Service
            && matches!(change.action, Action::Create | Action::Move)
    });
    StackStatus {
        name: name.clone(),
        file: file.clone(),
        sync,
        health: Health::Healthy,
        services: missing.map(|change| ServiceStatus::missing(&change.object.name)).collect(),
        holds: whole.chain(changes.iter().flat_map(of_change)).collect(),
        suspended: None,
    }
}

fn section_sync(section: &StackSection, service: &str) -> Sync {
    if section.holds.iter().any(|hold| hold.code == HoldCode::InvalidStack) {
        return Sync::Unknown;
    }
    let key = ObjectKey::new(Kind::Service, service);
    let changes = section.changes.iter().any(|change| change.object == key);
    if changes { Sync::OutOfSync } else { Sync::Synced }
}

/// Whether Swarm rolled back what is declared for the service.
fn is_refused(section: &StackSection, service: &str) -> bool {
    let key = ObjectKey::new(Kind::Service, service);
    let mut changes = section.changes.iter().filter(|change| change.object == key);
    changes.any(|change| change.holds.iter().any(|hold| hold.code == HoldCode::RefusedRelease))
}

impl StackStatus {
    fn new(name: String, sync: Sync) -> Self {
        Self {
            name,
            file: None,
            sync,
            health: Health::Healthy,
            services: Vec::new(),
            holds: Vec::new(),
            suspended: None,
        }
    }
}

impl ServiceStatus {
    fn of(live: &LiveService, judged: ServiceHealth, sync: Sync, refused: bool) -> Self {
        let container = live.spec.task_template.container_spec.as_ref();
        let health = if refused { Health::Degraded } else { Health::from(judged.verdict) };
        Self {
            name: live.spec.name.clone(),
            mode: Some(live.spec.mode.kind().into()),
            image: container.map(|container| container.image.clone()),
            sync,
            health,
            state: health::state(&judged),
            judged: Some(judged),
        }
    }

    fn missing(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mode: None,
            image: None,
            sync: Sync::OutOfSync,
            health: Health::Missing,
            state: "does not exist".to_owned(),
            judged: None,
        }
    }
}

impl From<Verdict> for Health {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Converged | Verdict::JobComplete => Self::Healthy,
            Verdict::Rolling
            | Verdict::RollingBack
            | Verdict::Struggling
            | Verdict::Pending
            | Verdict::JobRunning => Self::Progressing,
            Verdict::Paused => Self::Paused,
            Verdict::RolledBack | Verdict::Failing | Verdict::TimedOut | Verdict::JobFailed => {
                Self::Degraded
            }
        }
    }
}

impl From<ModeKind> for Mode {
    fn from(kind: ModeKind) -> Self {
        match kind {
            ModeKind::Replicated => Self::Replicated,
            ModeKind::Global => Self::Global,
            ModeKind::ReplicatedJob => Self::ReplicatedJob,
            ModeKind::GlobalJob => Self::GlobalJob,
        }
    }
}

impl fmt::Display for Sync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Synced => "Synced",
            Self::Unknown => "Unknown",
            Self::OutOfSync => "OutOfSync",
        })
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "Healthy",
            Self::Progressing => "Progressing",
            Self::Unknown => "Unknown",
            Self::Paused => "Paused",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
        })
    }
}
