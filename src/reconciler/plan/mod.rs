//! The plan: what a pass would write, what it would not write and why. Pure.
//!
//! A plan is made anew in every pass, from what is declared and what is observed. Nothing is waited for inside a
//! pass: what is not ready yet is a hold, and a later pass sees that it is gone.

mod constraint;
mod draft;
mod effect;
mod fleet_record;
mod gate;
mod guard;
mod image;
mod index;
mod login;
mod memory;
mod network;
mod preflight;
mod release;
mod removal;
mod service;
mod store;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{
    Document, Effect, EngineRef, FORMAT_VERSION, FieldChange, Hold, HoldClass, HoldCode, SourceRef,
    StackSection, Summary,
};
use crate::diff::mask::{Masker, Sensitivity};
use crate::diff::{FieldDiff, ShowContent};
use crate::model::desired::{Desired, DesiredService, Origins};
use crate::model::finding::Finding;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::Observed;
use crate::model::name::StackName;
use crate::model::service::ServiceSpec;
use crate::swarm::Resolved;

use super::contention::Contention;
use super::health::{self, Evidence, ServiceHealth};
use super::ownership::owning_stack;
use super::policy::{Policy, Scope};
use super::record::{self, FleetRecord};
use super::step::{Step, Write};
use draft::StackDraft;
use index::Index;

pub(super) use gate::describe;
pub use image::{Answer, Images, Logins, refusal, unresolved};
pub(super) use release::{comparable, essence, is_as_applied};

/// Everything that a plan depends on. Equal inputs give equal plans.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What is declared, normalised like what is observed.
    pub desired: &'a Desired,
    /// What is observed.
    pub observed: &'a Observed,
    /// What absence means.
    pub scope: &'a Scope,
    /// What the user allows and asks for.
    pub policy: &'a Policy,
    /// What registries said.
    pub images: &'a Images,
    /// What this run has learned from Swarm's own answers.
    pub learned: &'a Learned,
    /// What to show and what to hide.
    pub view: &'a View,
}

/// How a plan is shown.
#[derive(Debug, Clone)]
pub struct View {
    /// The revision that is planned, such as `sha256:4f2c9e1a02bd`.
    pub revision: Option<String>,
    /// Which values are sensitive.
    pub sensitivity: Sensitivity,
    /// Whether sensitive values of the environment are shown; for terminals only.
    pub reveal: bool,
    /// How differences of config contents are shown.
    pub contents: ShowContent,
    /// The command that applies the same stacks, such as `skep apply stacks/`, to which holds add what ends them.
    pub command: String,
    /// The command that allows a refused release once more, `skep retry`, to which holds add which.
    pub retry: String,
    /// Findings of loading, which the document repeats.
    pub findings: Vec<Finding>,
}

/// What one run has learned from Swarm's own answers. Losing it costs one more question each.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// Ids of secrets that Swarm says hold other data than the declared.
    pub different_secrets: BTreeSet<String>,
    /// Releases applied by this run, by service.
    pub applied: BTreeMap<String, String>,
    /// Whether this run has written something, so that counts of tasks are not believed before they have lasted.
    pub has_written: bool,
    /// How often a write failed without an explanation.
    pub failures: BTreeMap<ObjectKey, u32>,
    /// Whether the fleet record cannot be written, so that nothing more is remembered in it.
    pub record_is_refused: bool,
    /// Writes that the Engine refused for good, with its words.
    pub refused_writes: BTreeMap<ObjectKey, String>,
    /// What it has written, and where somebody else wrote too.
    pub contention: Contention,
}

/// What a pass would do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The plan as it is published.
    pub document: Document,
    /// The writes that are ready, in the order in which they are made.
    pub steps: Vec<Step>,
    /// The writes of changes that wait for something, as far as they are known already.
    pub later: Vec<(ObjectKey, Write)>,
    /// What registries said that tags mean, by reference.
    pub images: BTreeMap<String, Resolved>,
    /// How every declared service is.
    pub health: BTreeMap<String, ServiceHealth>,
}

impl Plan {
    /// Whether something holds a change that the world will end by itself.
    pub fn is_waiting(&self) -> bool {
        let standing = |holds: &[Hold]| holds.iter().any(Hold::is_standing);
        !standing(&self.document.holds)
            && self.document.stacks.iter().any(|stack| {
                !standing(&stack.holds)
                    && stack.changes.iter().any(|change| {
                        !standing(&change.holds)
                            && change.holds.iter().any(|hold| hold.class == HoldClass::Waiting)
                    })
            })
    }

    /// Whether a declared service is on its way to health.
    pub fn is_progressing(&self) -> bool {
        self.health.values().any(|health| health.verdict.is_progressing())
    }
}

/// Makes the plan.
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let record = record::find(&inputs.observed.configs, &inputs.scope.fleet);
    let context = Context::new(inputs, record.as_ref());
    for (registry, reason) in &inputs.images.logins.broken {
        let message = format!("the credentials for {registry} cannot be had: {reason}");
        let hint = "services go on with those that Swarm has; images that need none can be used";
        context.find(Finding::warning("registry-login", None, message).hint(hint));
    }
    let mut drafts: Vec<StackDraft<'_>> = Vec::new();
    for stack in inputs.desired.stacks.values() {
        let file = Some(stack.file.to_string());
        let mut draft =
            StackDraft::new(stack.name.clone(), file, stack.services.len(), inputs.learned);
        if stack.policy.paused {
            draft.holds.push(
                Hold::new(HoldCode::Paused, format!("stack {} is paused", stack.name))
                    .unblock("remove `x-skep.paused` from the stack"),
            );
        }
        network::plan_networks(&context, stack, &mut draft);
        store::plan_configs(&context, stack, &mut draft);
        store::plan_secrets(&context, stack, &mut draft);
        drafts.push(draft);
    }
    // A service may refer to a config or secret of another stack, wherever that lives.
    let renamed: BTreeMap<ObjectKey, String> =
        drafts.iter().flat_map(|draft| draft.renamed.clone()).collect();
    for (stack, draft) in inputs.desired.stacks.values().zip(&mut drafts) {
        draft.renamed.clone_from(&renamed);
        service::plan_services(&context, stack, draft);
        removal::plan_stack(&context, stack, draft);
    }
    drafts.extend(inputs.scope.invalid.iter().map(|name| invalid_stack(name, inputs.learned)));
    let vanished = vanished_stacks(&context);
    for name in &vanished {
        let mut draft = StackDraft::new(name.clone(), None, 0, inputs.learned);
        draft.holds.extend(guard::whole_stack(&context, name));
        removal::plan_vanished(&context, name, &drafts, &mut draft);
        if !draft.entries.is_empty() {
            drafts.push(draft);
        }
    }
    drafts.sort_by(|a, b| a.name.cmp(&b.name));
    let plan_hold = guard::no_stacks(&context, &vanished);
    publish(context, drafts, plan_hold)
}

fn invalid_stack<'a>(name: &StackName, learned: &'a Learned) -> StackDraft<'a> {
    let mut draft = StackDraft::new(name.clone(), None, 0, learned);
    draft.holds.push(
        Hold::new(
            HoldCode::InvalidStack,
            format!("stack {name} has errors; its last good state stays"),
        )
        .unblock("correct them; skep validate shows them"),
    );
    draft
}

/// Stacks of this fleet and source that have live objects and are not declared any more.
fn vanished_stacks(context: &Context<'_>) -> BTreeSet<StackName> {
    if !context.scope.whole {
        return BTreeSet::new();
    }
    let index = &context.index;
    let services = index.services.values().map(|o| (Kind::Service, &o.spec.name, &o.spec.labels));
    let networks = index.networks.values().map(|o| (Kind::Network, &o.spec.name, &o.spec.labels));
    let configs = index.configs.values().map(|o| (Kind::Config, &o.spec.name, &o.spec.labels));
    let secrets = index.secrets.values().map(|o| (Kind::Secret, &o.spec.name, &o.spec.labels));
    let objects = services.chain(networks).chain(configs).chain(secrets);
    objects
        .filter(|(_, _, labels)| {
            labels.get(labels::SOURCE).map(String::as_str) == Some(context.scope.source.as_str())
        })
        .filter_map(|(kind, name, labels)| {
            owning_stack(&ObjectKey::new(kind, name), labels, &context.scope.fleet)
        })
        .filter(|stack| {
            !context.desired.stacks.contains_key(stack) && !context.scope.invalid.contains(stack)
        })
        .collect()
}

/// Turns drafts into the document and the steps.
fn publish(context: Context<'_>, mut drafts: Vec<StackDraft<'_>>, plan_hold: Option<Hold>) -> Plan {
    let mut steps = Vec::new();
    let mut fleet_changes = Vec::new();
    if let Some((mut change, step)) = context.record_step(&drafts) {
        match context.learned.refused_writes.get(&change.object) {
            Some(words) => change.holds.push(draft::write_refused(words)),
            None => steps.push(step),
        }
        fleet_changes.push(change);
    }
    if plan_hold.is_none() {
        steps.extend(drafts.iter().flat_map(StackDraft::ready));
    } else {
        steps.clear();
    }
    let memory = memory::step(&context, &steps);
    let writing: BTreeSet<String> = steps
        .iter()
        .filter(|step| matches!(step.write, Write::CreateService(_) | Write::UpdateService { .. }))
        .map(|step| step.object.name.clone())
        .collect();
    // What waits now is applied, and noted, by a later pass of the same run.
    let waits = drafts.iter().any(StackDraft::has_waiting_service);
    let record = context
        .record
        .filter(|_| memory.is_some() || waits)
        .map(|_| ObjectKey::new(Kind::Config, &context.record_name));
    steps.extend(memory);
    let mut later = Vec::new();
    let ready: BTreeSet<&ObjectKey> = steps.iter().map(|step| &step.object).collect();
    for entry in drafts.iter_mut().flat_map(|draft| &mut draft.entries) {
        if !ready.contains(&entry.change.object)
            && let Some(write) = entry.write.take()
        {
            later.push((entry.change.object.clone(), write));
        }
    }
    let stacks = drafts.into_iter().map(|draft| StackSection {
        name: draft.name.to_string(),
        file: draft.file,
        services: draft.services,
        holds: draft.holds,
        changes: draft.entries.into_iter().map(|entry| entry.change).collect(),
        unchanged: draft.unchanged,
        retained: draft.retained,
    });
    let mut findings = context.view.findings.clone();
    findings.extend(context.findings.into_inner());
    findings.extend(not_comparable(context.hidden.get()));
    let document = Document {
        format_version: FORMAT_VERSION,
        fleet: context.scope.fleet.to_string(),
        source: Some(SourceRef {
            name: context.scope.source.to_string(),
            revision: context.view.revision.clone(),
        }),
        engine: EngineRef {
            api: context.observed.engine.api,
            version: context.observed.engine.version.clone(),
        },
        summary: Summary::default(),
        holds: plan_hold.into_iter().collect(),
        fleet_changes,
        record,
        stacks: stacks.collect(),
        findings,
    };
    let declared: BTreeSet<&str> = context
        .desired
        .stacks
        .values()
        .flat_map(|stack| stack.services.iter().map(|service| service.spec.name.as_str()))
        .collect();
    let changing: BTreeSet<&str> =
        document.changes().map(|change| change.object.name.as_str()).collect();
    let health = context.health.into_iter().filter(|(name, _)| declared.contains(name));
    let health = health
        .map(|(name, health)| {
            let health = if writing.contains(name) {
                health.before_a_write()
            } else if changing.contains(name) {
                health
            } else {
                health.where_live_is_declared()
            };
            (name.to_owned(), health)
        })
        .collect();
    let found = context.images.answers.iter().filter_map(|(image, answer)| match answer {
        Answer::Found(resolved) => Some((image.clone(), resolved.clone())),
        Answer::NotFound(_) | Answer::Denied { .. } | Answer::Unavailable { .. } => None,
    });
    let images = found.collect();
    Plan { document: document.counted(), steps, later, images, health }
}

/// A file of `skep observe` holds no secrets, and says so where they would matter.
fn not_comparable(count: usize) -> Option<Finding> {
    let values = match count {
        0 => return None,
        1 => "1 value is".to_owned(),
        count => format!("{count} values are"),
    };
    let message = format!("{values} masked in the observation and taken for unchanged");
    let hint = "a plan against the engine itself compares them";
    Some(Finding::warning("not-comparable", None, message).hint(hint))
}

/// What every part of the planner can see.
struct Context<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    scope: &'a Scope,
    policy: &'a Policy,
    images: &'a Images,
    learned: &'a Learned,
    view: &'a View,
    index: Index<'a>,
    record: Option<&'a FleetRecord>,
    record_name: String,
    /// Whether the fleet has a key that this observation does not show.
    key_is_hidden: bool,
    health: BTreeMap<&'a str, ServiceHealth>,
    masker: RefCell<Masker>,
    findings: RefCell<Vec<Finding>>,
    refusals: RefCell<BTreeMap<String, String>>,
    /// Values and data that the observation does not show, and that are taken for unchanged.
    hidden: Cell<usize>,
}

impl<'a> Context<'a> {
    fn new(inputs: &Inputs<'a>, record: Option<&'a FleetRecord>) -> Self {
        let Inputs { desired, observed, scope, policy, images, learned, view } = *inputs;
        let evidence = observed.workload.as_ref().map(Evidence::of);
        let health = observed.services.iter().map(|service| {
            let name = service.spec.name.as_str();
            let now = observed.engine.now;
            let health = health::judge(service, evidence.as_ref(), now, policy.patience);
            let stamp = service.spec.labels.get(labels::APPLIED);
            let is_ours = learned.applied.get(name).is_none_or(|wrote| stamp == Some(wrote));
            (name, if is_ours { health } else { health.of_another_spec() })
        });
        Self {
            desired,
            observed,
            scope,
            policy,
            images,
            learned,
            view,
            index: Index::new(observed),
            record,
            record_name: record::name(&scope.fleet),
            key_is_hidden: record::is_without_key(observed, &scope.fleet),
            health: health.collect(),
            masker: RefCell::new(if view.reveal {
                Masker::revealing(view.sensitivity.clone())
            } else {
                Masker::new(view.sensitivity.clone())
            }),
            findings: RefCell::default(),
            refusals: RefCell::default(),
            hidden: Cell::default(),
        }
    }

    /// Differences as the document shows them. `effect` tells whether placement makes tasks move.
    fn show_fields(
        &self,
        fields: &[FieldDiff],
        origins: &Origins,
        effect: Option<&Effect>,
    ) -> Vec<FieldChange> {
        let rolls = matches!(effect, Some(Effect::Rolls { .. }));
        let mut masker = self.masker.borrow_mut();
        let shown = fields.iter().map(|field| {
            let mut change = field.change(&mut masker, None, Some(origins));
            let moves = change.impact == crate::diff::document::Impact::Placement && rolls;
            change.causes_roll = effect.is_some() && (change.causes_roll || moves);
            change
        });
        shown.collect()
    }

    /// The service that is declared under a full name.
    fn declared(&self, name: &str) -> Option<&'a DesiredService> {
        let services = self.desired.stacks.values().flat_map(|stack| &stack.services);
        services.into_iter().find(|service| service.spec.name == name)
    }

    /// How many nodes could run a task of a global service; `None` while nodes are not listed.
    fn eligible_nodes(&self, spec: &ServiceSpec) -> Option<u64> {
        let nodes = &self.observed.workload.as_ref()?.nodes;
        let placement = spec.task_template.placement.as_ref();
        let constraints = placement.map_or(&[][..], |placement| &placement.constraints);
        let eligible = nodes
            .iter()
            .filter(|node| node.is_usable() && constraint::all_allow(constraints, node));
        Some(eligible.count() as u64)
    }

    /// Adds a finding to the document.
    fn find(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    /// Notes that `count` values cannot be compared because the observation does not show them.
    fn hide(&self, count: usize) {
        self.hidden.set(self.hidden.get() + count);
    }

    /// Notes that Swarm rolled a release back, for the fleet record.
    fn refuse(&self, service: &str, fingerprint: &str) {
        self.refusals.borrow_mut().insert(service.to_owned(), fingerprint.to_owned());
    }
}

/// The hold on an object that belongs to someone else.
fn foreign(key: &ObjectKey, whose: &str) -> Hold {
    Hold::new(HoldCode::ForeignObject, format!("{key} exists and is not ours: {whose}"))
        .unblock("rename ours, remove the other one, or take it over with --adopt always")
        .needs(key.clone())
}

/// The hold on an object that may not be adopted.
fn not_adopted(context: &Context<'_>, key: &ObjectKey) -> Hold {
    Hold::new(HoldCode::NotAdopted, format!("{key} was made by docker stack deploy"))
        .unblock(format!("{} --adopt if-unowned", context.view.command))
        .needs(key.clone())
}
