//! From drafts to the plan: the document that is published, and the steps that are performed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::diff::document::{
    Document, EngineRef, FORMAT_VERSION, Hold, SourceRef, StackSection, Summary,
};
use crate::model::finding::Finding;
use crate::model::key::{Kind, ObjectKey};
use crate::model::secret::Redacted;
use crate::proxy::Compiled;
use crate::swarm::Resolved;

use super::super::caddy::ProxyPart;
use super::super::health::ServiceHealth;
use super::super::step::{Step, Write};
use super::context::Context;
use super::draft::{self, StackDraft};
use super::image::{self, Answer};
use super::{memory, route};

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
    /// The routes that change, as the proxy has them.
    pub routes: BTreeMap<ObjectKey, Redacted<Vec<Value>>>,
    /// What steps on routes are written with, if the proxy was seen.
    pub proxy: Option<ProxyPart>,
    /// The declared routes as the proxy is to have them.
    pub compiled: Arc<Compiled>,
}

impl Plan {
    /// Whether something holds a change that the world will end by itself.
    pub fn is_waiting(&self) -> bool {
        let standing = |holds: &[Hold]| holds.iter().any(Hold::is_standing);
        let waiting = |holds: &[Hold]| !holds.is_empty() && !standing(holds);
        let fleet = || self.document.fleet_changes.iter().any(|change| waiting(&change.holds));
        !standing(&self.document.holds)
            && (fleet()
                || self.document.stacks.iter().any(|stack| {
                    waiting(&stack.holds)
                        || (!standing(&stack.holds)
                            && stack.changes.iter().any(|change| waiting(&change.holds)))
                }))
    }

    /// Declared services that are as declared and have come to rest.
    pub fn settled(&self) -> impl Iterator<Item = &str> {
        let changes = self.document.changes().map(|change| &change.object);
        let services = changes.filter(|object| object.kind == Kind::Service);
        let changing: BTreeSet<&str> = services.map(|object| object.name.as_str()).collect();
        let at_rest = self.health.iter().filter(|(_, health)| !health.verdict.is_progressing());
        let names = at_rest.map(|(name, _)| name.as_str());
        names.filter(move |name| !changing.contains(name))
    }

    /// Whether a declared service is on its way to health.
    pub fn is_progressing(&self) -> bool {
        self.health.values().any(|health| health.verdict.is_progressing())
    }
}

/// Turns drafts into the document and the steps.
pub(super) fn publish(
    context: Context<'_>,
    mut drafts: Vec<StackDraft<'_>>,
    plan_hold: Option<Hold>,
) -> Plan {
    let mut steps = Vec::new();
    let mut fleet_changes = Vec::new();
    if let Some((mut change, step)) = context.record_step(&drafts) {
        match context.learned.refused_writes.get(&change.object) {
            Some(words) => change.holds.push(draft::write_refused(words)),
            None => steps.push(step),
        }
        fleet_changes.push(change);
    }
    let (proxy, of_proxy) = (context.routes.part(), route::findings(&context));
    let compiled = context.routes.compiled();
    if let Some((change, step)) = route::fleet_change(&context) {
        steps.extend(step);
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
    let (routes, mut later) = (live_routes(&drafts), Vec::new());
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
    findings.extend(image::of_registries(context.unasked.into_inner()));
    findings.extend(not_comparable(context.hidden.get()));
    findings.extend(of_proxy);
    let document = Document {
        format_version: FORMAT_VERSION,
        fleet: context.scope.fleet.to_string(),
        source: context.policy.remove.is_none().then(|| SourceRef {
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
    Plan { document: document.counted(), steps, later, images, health, routes, proxy, compiled }
}

/// The routes that change, as the proxy has them.
fn live_routes(drafts: &[StackDraft<'_>]) -> BTreeMap<ObjectKey, Redacted<Vec<Value>>> {
    let entries = drafts.iter().flat_map(|draft| &draft.entries);
    let routes = entries.filter_map(|entry| match &entry.write {
        Some(Write::Route(write)) => Some((entry.change.object.clone(), write.before.clone())),
        _ => None,
    });
    routes.collect()
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
