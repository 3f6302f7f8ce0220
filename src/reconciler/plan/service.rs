//! Services: made where there is none, each with its cause, its cost and its gates.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff;
use crate::diff::document::{Action, Cause, Change, Hold};
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::service::ServiceSpec;
use crate::swarm::RegistryAccess;
use crate::swarm::floors::Dropped;

use super::super::step::Write;
use super::context::Context;
use super::draft::StackDraft;
use super::gate::{self, Standing};
use super::login::ServiceLogin;
use super::update::Update;
use super::{
    beside, effect, image, index, memory, preflight, recreation, release, rename, reverse,
};

/// Plans the services of `stack`, those first that others depend on. Guards keep those that are `kept`.
pub(super) fn plan_services(
    context: &Context<'_>,
    stack: &DesiredStack,
    kept: &[String],
    draft: &mut StackDraft<'_>,
) {
    let mut standings = BTreeMap::new();
    for service in gate::in_order(&stack.services) {
        let before = draft.entries.len();
        Planner { context, stack, service, kept, standings: &standings }.plan(draft);
        let standing = match draft.entries.get(before..).and_then(<[_]>::first) {
            None => Standing::Settled,
            Some(entry) if entry.change.is_standing() => Standing::Held,
            Some(_) => Standing::Pending,
        };
        standings.insert(service.spec.name.clone(), standing);
    }
}

/// One service on its way into the plan.
pub(super) struct Planner<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) stack: &'a DesiredStack,
    pub(super) service: &'a DesiredService,
    /// What its label says if it is made now; see [`beside`].
    kept: &'a [String],
    standings: &'a BTreeMap<String, Standing>,
}

impl Planner<'_> {
    fn plan(&self, draft: &mut StackDraft<'_>) {
        let desired = self.with_live_names(draft);
        match self.context.index.services.get(desired.name.as_str()) {
            None => self.plan_creation(desired, draft),
            Some(live) => Update::of(self, desired, live, draft).plan(draft),
        }
    }

    /// The declared spec with the names under which configs and secrets live.
    fn with_live_names(&self, draft: &StackDraft<'_>) -> ServiceSpec {
        let mut spec = self.service.spec.clone();
        if let Some(container) = &mut spec.task_template.container_spec {
            for config in &mut container.configs {
                draft.rename(Kind::Config, &mut config.config_name);
            }
            let privileges = container.privileges.as_mut();
            if let Some(credentials) = privileges.and_then(|p| p.credential_spec.as_mut()) {
                draft.rename(Kind::Config, &mut credentials.config);
            }
            for secret in &mut container.secrets {
                draft.rename(Kind::Secret, &mut secret.secret_name);
            }
        }
        spec
    }

    fn plan_creation(&self, mut spec: ServiceSpec, draft: &mut StackDraft<'_>) {
        let key = ObjectKey::new(Kind::Service, &spec.name);
        let moved = rename::predecessor(self.context, self.stack, self.service);
        let fingerprint = self.fingerprint(&self.comparable(&spec).0);
        let (action, causes) = if moved.is_some() {
            (Action::Move, vec![Cause::Git])
        } else {
            let fingerprint = fingerprint.as_deref();
            (Action::Create, memory::causes_of_absence(self.context, &spec.name, fingerprint))
        };
        let effect = effect::of_creation(&spec, self.context.eligible_nodes(&spec));
        let mut change = Change::new(key.clone(), action, effect, causes);
        if change.causes.contains(&Cause::Drift) {
            change.notes.push("it was applied before, and somebody removed it".to_owned());
        }
        change.place = Some(self.service.place.clone());
        let (compared, dropped) = self.comparable(&spec);
        preflight::warn_of_dropped(self.context, self.service, &dropped);
        let mut difference = match moved {
            Some(live) => diff::service(&compared, &live.spec, &[]),
            // What the Engine adds of its own says nothing about the file.
            None => diff::new_service(&spec),
        };
        // The object tells its name.
        difference.fields.retain(|field| field.path.0 != "name");
        change.fields = self.context.show_fields(&difference.fields, &self.service.origins, None);
        change.unchanged_fields = difference.unchanged;
        preflight::check_placement(self.context, self.service);
        change.holds.extend(image::pin(self.context, self.service, &mut spec, None).holds);
        self.add_common_holds(&spec, &BTreeSet::new(), draft, &mut change);
        self.add_gates(draft, &mut change);
        if let Some(live) = moved {
            rename::describe(self.context, live, &spec, &mut change);
        }
        let needs = needs(&spec, draft);
        let login = ServiceLogin::of(self.context, &spec, None);
        let write = self
            .stamped(spec, fingerprint)
            .map(|spec| login.stamp(spec, RegistryAccess::Send))
            .map(|spec| Write::CreateService(Box::new(spec)));
        draft.push_after(change, write, needs);
    }

    /// The spec with the stamps of what is applied, of what the service needs and of what it was made beside; `None` while
    /// there is no key to make the first with.
    pub(super) fn stamped(
        &self,
        mut spec: ServiceSpec,
        fingerprint: Option<String>,
    ) -> Option<ServiceSpec> {
        spec.labels.insert(labels::APPLIED.to_owned(), fingerprint?);
        let needs = reverse::label(self.stack, self.service);
        let beside = beside::label(self.context, &self.stack.name, &spec.name, self.kept);
        for (label, value) in [(labels::DEPENDS_ON, needs), (labels::BESIDE, beside)] {
            // With ignored labels it may be the live one.
            spec.labels.remove(label);
            spec.labels.extend(value.map(|value| (label.to_owned(), value)));
        }
        Some(spec)
    }

    /// The fingerprint of a release without its resolved image, once there is a key to make it with.
    pub(super) fn fingerprint(&self, declared: &ServiceSpec) -> Option<String> {
        Some(release::fingerprint(&self.context.record?.key, declared))
    }

    /// The spec as the Engine would give it back: normalised, without fields that this Engine drops; and those fields.
    pub(super) fn comparable(&self, spec: &ServiceSpec) -> (ServiceSpec, Vec<Dropped>) {
        release::comparable(spec, self.context.observed.engine.api)
    }

    /// Holds that concern every write: objects that it refers to but for networks that it `leaves`, and ports.
    pub(super) fn add_common_holds(
        &self,
        spec: &ServiceSpec,
        leaves: &BTreeSet<String>,
        draft: &StackDraft<'_>,
        change: &mut Change,
    ) {
        for object in index::references(&spec.task_template).0 {
            if object.kind == Kind::Network && draft.away.contains(&object.name) {
                if !leaves.contains(&object.name) {
                    change.holds.push(recreation::away(&object));
                }
            } else if let Some(hold) = draft.blocked.get(&object) {
                change.holds.push(Hold { needs: Some(object), ..hold.clone() });
            } else if !draft.pending.contains(&object) && !self.context.index.has(&object) {
                change.holds.push(preflight::missing(self.context, self.stack, &object));
            }
        }
        for taken in preflight::taken_ports(self.context, spec) {
            let predecessor = rename::predecessor(self.context, self.stack, self.service)
                .filter(|live| live.id == taken.holder.id && change.action == Action::Move);
            let goes = predecessor
                .and_then(|live| rename::port_of_predecessor(self.stack, live, &taken.port));
            change.holds.extend(goes.or_else(|| taken.hold(self.context, &spec.name)));
        }
    }

    pub(super) fn add_gates(&self, draft: &StackDraft<'_>, change: &mut Change) {
        change.holds.extend(draft.waits.iter().cloned());
        for dependency in &self.service.depends_on {
            if let Some((after, hold)) = gate::check(self.context, dependency, self.standings) {
                change.after.push(after);
                change.holds.push(hold);
            }
        }
    }
}

/// Objects of the same pass that must be written before the service.
pub(super) fn needs(spec: &ServiceSpec, draft: &StackDraft<'_>) -> Vec<ObjectKey> {
    let references = index::references(&spec.task_template).0;
    references.into_iter().filter(|object| draft.pending.contains(object)).collect()
}
