//! What every part of the planner can see, and where it leaves what it finds.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::diff::FieldDiff;
use crate::diff::document::{Effect, FieldChange, Impact};
use crate::diff::mask::Masker;
use crate::model::desired::{Desired, DesiredService, Origins};
use crate::model::finding::Finding;
use crate::model::labels;
use crate::model::live::{LiveService, Observed};
use crate::model::service::ServiceSpec;

use super::super::health::{self, Evidence, ServiceHealth};
use super::super::policy::{Policy, Scope};
use super::super::record::{self, FleetRecord};
use super::constraint;
use super::exchange::Exchange;
use super::image::{Images, Unasked};
use super::index::Index;
use super::inputs::{Inputs, Learned, View};
use super::kept::Kept;
use super::route::Routes;

/// What every part of the planner can see.
pub(super) struct Context<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) scope: &'a Scope,
    pub(super) policy: &'a Policy,
    pub(super) images: &'a Images,
    pub(super) learned: &'a Learned,
    pub(super) view: &'a View,
    pub(super) index: Index<'a>,
    /// Routes as they are declared and as the proxy has them.
    pub(super) routes: &'a Routes<'a>,
    /// Services that wait for each other's ports.
    pub(super) exchange: Exchange<'a>,
    /// What stays as it is because something else is in its way.
    pub(super) kept: &'a Kept,
    pub(super) record: Option<&'a FleetRecord>,
    pub(super) record_name: String,
    /// Whether the fleet has a key that this observation does not show.
    pub(super) key_is_hidden: bool,
    pub(super) health: BTreeMap<&'a str, ServiceHealth>,
    pub(super) masker: RefCell<Masker>,
    pub(super) findings: RefCell<Vec<Finding>>,
    /// Images that are used although their registries could not be asked.
    pub(super) unasked: RefCell<Vec<Unasked>>,
    /// Releases that Swarm rolled back, with the id of the service, by its name.
    pub(super) refusals: RefCell<BTreeMap<String, (String, String)>>,
    /// Values and data that the observation does not show, and that are taken for unchanged.
    pub(super) hidden: Cell<usize>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        inputs: &Inputs<'a>,
        record: Option<&'a FleetRecord>,
        kept: &'a Kept,
        routes: &'a Routes<'a>,
    ) -> Self {
        let Inputs { desired, observed, scope, policy, images, learned, view, .. } = *inputs;
        let index = Index::new(observed);
        let evidence = observed.workload.as_ref();
        let evidence = evidence.map(|workload| Evidence::of(workload, &view.sensitivity));
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
            routes,
            exchange: Exchange::new(desired, &index),
            index,
            kept,
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
            unasked: RefCell::default(),
            refusals: RefCell::default(),
            hidden: Cell::default(),
        }
    }

    /// Differences as the document shows them. `effect` tells whether placement makes tasks move.
    pub(super) fn show_fields(
        &self,
        fields: &[FieldDiff],
        origins: &Origins,
        effect: Option<&Effect>,
    ) -> Vec<FieldChange> {
        let rolls = matches!(effect, Some(Effect::Rolls { .. }));
        let mut masker = self.masker.borrow_mut();
        let shown = fields.iter().map(|field| {
            let mut change = field.change(&mut masker, None, Some(origins));
            let moves = change.impact == Impact::Placement && rolls;
            change.causes_roll = effect.is_some() && (change.causes_roll || moves);
            change
        });
        shown.collect()
    }

    /// The service that is declared under a full name.
    pub(super) fn declared(&self, name: &str) -> Option<&'a DesiredService> {
        let mut services = self.desired.stacks.values().flat_map(|stack| &stack.services);
        services.find(|service| service.spec.name == name)
    }

    /// How many nodes could run a task of a global service; `None` while nodes are not listed.
    pub(super) fn eligible_nodes(&self, spec: &ServiceSpec) -> Option<u64> {
        let nodes = &self.observed.workload.as_ref()?.nodes;
        let placement = spec.task_template.placement.as_ref();
        let constraints = placement.map_or(&[][..], |placement| &placement.constraints);
        let eligible = nodes
            .iter()
            .filter(|node| node.is_usable() && constraint::all_allow(constraints, node));
        Some(eligible.count() as u64)
    }

    /// Adds a finding to the document.
    pub(super) fn find(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    /// Notes that the registry of an image could not be asked, for one finding about all of them.
    pub(super) fn find_unasked(&self, unasked: Unasked) {
        self.unasked.borrow_mut().push(unasked);
    }

    /// Notes that `count` values cannot be compared because the observation does not show them.
    pub(super) fn hide(&self, count: usize) {
        self.hidden.set(self.hidden.get() + count);
    }

    /// Notes that Swarm rolled a release back, for the fleet record.
    pub(super) fn refuse(&self, live: &LiveService, fingerprint: &str) {
        let refused = (fingerprint.to_owned(), live.id.clone());
        self.refusals.borrow_mut().insert(live.spec.name.clone(), refused);
    }
}
