//! Services: created, updated, replaced or left alone, each with its cause, its cost and its gates.

use std::collections::BTreeMap;

use crate::diff::document::{Action, Cause, Change, Effect, Hold, HoldCode, Impact};
use crate::diff::{self, FieldDiff};
use crate::model::desired::{DesiredService, DesiredStack};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::service::ServiceSpec;
use crate::swarm::RegistryAccess;
use crate::swarm::floors::Dropped;

use super::super::ownership::{Owner, owner};
use super::super::step::{Target, Write};
use super::context::Context;
use super::draft::StackDraft;
use super::gate::{self, Standing};
use super::login::{self, ServiceLogin};
use super::network::{protected, replace_not_allowed};
use super::{adoption, effect, image, index, memory, preflight, release, supersede};

/// The field of the label that repeats the image reference; see [`labels::IMAGE`].
const IMAGE_LABEL: &str = "deploy.labels.com.docker.stack.image";

/// Plans the services of `stack`, those first that others depend on.
pub(super) fn plan_services(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &mut StackDraft<'_>,
) {
    let mut standings = BTreeMap::new();
    for service in gate::in_order(&stack.services) {
        let before = draft.entries.len();
        Planner { context, stack, service, standings: &standings }.plan(draft);
        let standing = match draft.entries.get(before..).and_then(<[_]>::first) {
            None => Standing::Settled,
            Some(entry) if entry.change.is_standing() => Standing::Held,
            Some(_) => Standing::Pending,
        };
        standings.insert(service.spec.name.clone(), standing);
    }
}

/// One service on its way into the plan.
struct Planner<'a> {
    context: &'a Context<'a>,
    stack: &'a DesiredStack,
    service: &'a DesiredService,
    standings: &'a BTreeMap<String, Standing>,
}

impl Planner<'_> {
    fn plan(&self, draft: &mut StackDraft<'_>) {
        let desired = self.with_live_names(draft);
        match self.context.index.services.get(desired.name.as_str()) {
            None => self.plan_creation(desired, draft),
            Some(live) => self.plan_existing(desired, live, draft),
        }
    }

    /// The declared spec with the names under which configs and secrets live, without networks that must go first.
    fn with_live_names(&self, draft: &StackDraft<'_>) -> ServiceSpec {
        let mut spec = self.service.spec.clone();
        spec.task_template
            .networks
            .retain(|network| !draft.replaced_networks.contains(&network.target));
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
        let moved = self
            .service
            .previous_name
            .as_deref()
            .and_then(|name| self.context.index.services.get(name).map(|live| (name, live)));
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
            Some((_, live)) => diff::service(&compared, &live.spec, &[]),
            // What the Engine adds of its own says nothing about the file.
            None => diff::new_service(&spec),
        };
        // The object tells its name.
        difference.fields.retain(|field| field.path.0 != "name");
        change.fields = self.context.show_fields(&difference.fields, &self.service.origins, None);
        change.unchanged_fields = difference.unchanged;
        if let Some((name, _)) = moved {
            change.notes.push(format!("was {name}, which goes when this one is healthy"));
            if !self.context.policy.allow_replace {
                change.holds.push(replace_not_allowed(
                    self.context,
                    &format!("a service cannot be renamed, only made again: {name} becomes {key}"),
                ));
            }
        }
        preflight::check_placement(self.context, self.service);
        change.holds.extend(image::pin(self.context, self.service, &mut spec, None).holds);
        self.add_common_holds(&spec, draft, &mut change);
        self.add_gates(draft, &mut change);
        let needs = needs(&spec, draft);
        let login = ServiceLogin::of(self.context, &spec, None);
        let write = stamped(spec, fingerprint, self.service)
            .map(|spec| login.stamp(spec, RegistryAccess::Send))
            .map(|spec| Write::CreateService(Box::new(spec)));
        draft.push_after(change, write, needs);
    }

    fn plan_existing(&self, mut spec: ServiceSpec, live: &LiveService, draft: &mut StackDraft<'_>) {
        let key = ObjectKey::new(Kind::Service, &spec.name);
        let ownership = owner(&key, &live.spec.labels, &self.stack.name, &self.context.scope.fleet);
        let not_ours = adoption::hold(self.context, &key, &ownership);
        let pinned = image::pin(self.context, self.service, &mut spec, Some(live));
        let login = ServiceLogin::of(self.context, &spec, Some(live));
        login.keep(&mut spec);
        let (mut compared, dropped) = self.comparable(&spec);
        preflight::warn_of_dropped(self.context, self.service, &dropped);
        if !self.service.ignore.is_empty() {
            spec = release::with_ignored(&compared, &live.spec, &self.service.ignore);
            (compared, _) = self.comparable(&spec);
        }
        let ours = ownership == Owner::Ours;
        let rotated = ours && login.is_rotated(live);
        if ours && !rotated && diff::is_same_service(&compared, &live.spec) {
            draft.unchanged += 1;
            return;
        }
        let mut difference = diff::service(&compared, &live.spec, &self.service.ignore);
        if live.is_recorded() {
            self.context.hide(difference.set_masked_aside());
        }
        let fields = difference.fields;
        let labels_fit = difference.own_labels.is_empty();
        // Any write to a job runs it again, so its labels wait for a real change.
        let is_job = live.spec.mode.kind().is_job();
        if fields.is_empty() && !rotated && ((ours && labels_fit) || (is_job && not_ours.is_none()))
        {
            draft.unchanged += 1;
            return;
        }
        let (mut action, effect) = self.cost(&compared, live, &fields);
        let fingerprint = self.fingerprint(&release::as_declared(&compared));
        let mut causes = self.causes(&fields, live, fingerprint.as_deref(), pinned.moved);
        if rotated {
            if fields.is_empty() {
                causes.clear();
            }
            causes.push(Cause::Credentials);
        }
        if !ours {
            if fields.is_empty() {
                causes.clear();
            }
            causes.insert(0, Cause::Ownership);
            if action == Action::Update {
                action = Action::Adopt;
            }
        }
        let mut change = Change::new(key.clone(), action, effect, causes);
        if live.was_put_back_by_hand() && change.causes.contains(&Cause::Drift) {
            change.notes.push("somebody put an older release back".to_owned());
        }
        change.place = Some(self.service.place.clone());
        change.unchanged_fields = difference.unchanged;
        change.fields =
            self.context.show_fields(&fields, &self.service.origins, Some(&change.effect));
        if change.fields.iter().any(|field| field.path.0 == "image") {
            // The label repeats what the image says.
            change.fields.retain(|field| field.path.0 != IMAGE_LABEL);
        }
        if rotated {
            login.describe(&mut change);
        } else if fields.is_empty() && ours {
            change.notes.push("skep's own labels change".to_owned());
        }
        change.holds.extend(not_ours);
        if action == Action::Replace {
            self.plan_replacement(live, change, draft);
            return;
        }
        preflight::check_placement(self.context, self.service);
        change.holds.extend(pinned.holds);
        self.add_common_holds(&spec, draft, &mut change);
        if rolls(&change.effect) {
            self.add_gates(draft, &mut change);
        } else if live.is_paused() {
            change.holds.push(paused_rollout(self.context, live));
        }
        change.holds.extend(supersede::hold(self.context, live));
        if let (Some(fingerprint), false) = (&fingerprint, fields.is_empty())
            && let Some(hold) = release::refusal(self.context, live, &compared, fingerprint)
        {
            change.holds.push(hold);
        }
        let needs = needs(&spec, draft);
        let access = login::access(&ownership, &spec, live);
        let write = stamped(spec, fingerprint, self.service).map(|spec| Write::UpdateService {
            target: Target { id: live.id.clone(), version: live.version },
            spec: Box::new(login.stamp(spec, access)),
            access,
            raw: live.raw.clone(),
        });
        draft.push_after(change, write, needs);
    }

    /// A service whose mode changes goes first; the next pass finds it missing and creates it.
    fn plan_replacement(&self, live: &LiveService, mut change: Change, draft: &mut StackDraft<'_>) {
        if self.stack.policy.protect {
            change.holds.push(protected(&change.object));
        } else if !self.context.policy.allow_replace {
            change.holds.push(replace_not_allowed(
                self.context,
                &format!("the mode of {} cannot be changed, only made again", change.object),
            ));
        }
        // It goes only once the new one may come.
        self.add_gates(draft, &mut change);
        draft.push(change, Some(Write::Remove { id: live.id.clone() }));
    }

    /// The fingerprint of a release without its resolved image, once there is a key to make it with.
    fn fingerprint(&self, declared: &ServiceSpec) -> Option<String> {
        Some(release::fingerprint(&self.context.record?.key, declared))
    }

    /// The spec as the Engine would give it back: normalised, without fields that this Engine drops; and those fields.
    fn comparable(&self, spec: &ServiceSpec) -> (ServiceSpec, Vec<Dropped>) {
        release::comparable(spec, self.context.observed.engine.api)
    }

    /// What the differences make of the change, and what that costs.
    fn cost(
        &self,
        spec: &ServiceSpec,
        live: &LiveService,
        fields: &[FieldDiff],
    ) -> (Action, Effect) {
        let worst = fields.iter().map(|field| field.impact).max().unwrap_or(Impact::InPlace);
        match worst {
            Impact::Replace => (Action::Replace, Effect::Downtime { tasks: live.counts.running }),
            Impact::Roll | Impact::Rerun => (Action::Update, effect::of_roll(spec, live)),
            Impact::Placement => {
                let workload = self.context.observed.workload.as_ref();
                let stays = effect::displaced(spec, live, workload) == Some(0);
                let effect =
                    if stays { effect::in_place(spec, live) } else { effect::of_roll(spec, live) };
                (Action::Update, effect)
            }
            Impact::InPlace => (Action::Update, effect::in_place(spec, live)),
        }
    }

    /// Whether the file, the live service or the tag moved since the last apply; nothing where only the hidden key of
    /// the fleet could tell.
    fn causes(
        &self,
        fields: &[FieldDiff],
        live: &LiveService,
        fingerprint: Option<&str>,
        image_moved: bool,
    ) -> Vec<Cause> {
        if fields.is_empty() {
            return vec![Cause::Git];
        }
        let by_hand = live.was_put_back_by_hand();
        // After a rollback by hand, what was last applied is what the service would go back to now.
        let previous = live.previous_applied.as_ref().filter(|_| by_hand);
        let applied =
            previous.or_else(|| live.spec.labels.get(labels::APPLIED)).map(String::as_str);
        let (Some(applied), Some(desired), Some(record)) =
            (applied, fingerprint, self.context.record)
        else {
            return match (applied, by_hand) {
                (Some(_), true) => vec![Cause::Drift],
                (Some(_), false) if self.context.key_is_hidden => Vec::new(),
                _ => vec![Cause::Git],
            };
        };
        if !crate::model::fleet::is_under_key(applied, record.key.id()) {
            return vec![if by_hand { Cause::Drift } else { Cause::Git }];
        }
        let as_declared = release::as_declared(&live.spec);
        let drifted = by_hand || release::fingerprint(&record.key, &as_declared) != applied;
        let mut causes = Vec::new();
        if desired != applied {
            causes.push(Cause::Git);
        }
        if drifted {
            causes.push(Cause::Drift);
        }
        if image_moved {
            causes.push(Cause::Image);
        }
        if causes.is_empty() {
            causes.push(Cause::Git);
        }
        causes
    }

    /// Holds that concern every write: objects that it refers to, ports.
    fn add_common_holds(&self, spec: &ServiceSpec, draft: &StackDraft<'_>, change: &mut Change) {
        for object in index::references(&spec.task_template).0 {
            if let Some(hold) = draft.blocked.get(&object) {
                change.holds.push(Hold { needs: Some(object), ..hold.clone() });
            } else if !draft.pending.contains(&object) && !self.context.index.has(&object) {
                change.holds.push(preflight::missing(self.context, self.stack, &object));
            }
        }
        change.holds.extend(preflight::taken_ports(self.context, spec));
    }

    fn add_gates(&self, draft: &StackDraft<'_>, change: &mut Change) {
        change.holds.extend(draft.waits.iter().cloned());
        for dependency in &self.service.depends_on {
            if let Some((after, hold)) = gate::check(self.context, dependency, self.standings) {
                change.after.push(after);
                change.holds.push(hold);
            }
        }
    }
}

/// The hold on a change that leaves the tasks of a paused rollout as they are: its write would only make Swarm go on with
/// what has failed (swarmkit clears `UpdateStatus` with every write).
fn paused_rollout(context: &Context<'_>, live: &LiveService) -> Hold {
    let reason =
        "Swarm paused the rollout of this release after a failure, and any write would resume it";
    Hold::new(HoldCode::RolloutPaused, reason).unblock(format!(
        "release what cures it together with this change; or let Swarm go on: {} service update {}",
        context.view.docker, live.spec.name
    ))
}

/// The spec with the stamps of what is applied and of what the service needs; `None` while there is no key to make the
/// first with.
fn stamped(
    mut spec: ServiceSpec,
    fingerprint: Option<String>,
    service: &DesiredService,
) -> Option<ServiceSpec> {
    spec.labels.insert(labels::APPLIED.to_owned(), fingerprint?);
    let needs: Vec<&str> = service.depends_on.iter().map(|need| need.service.as_str()).collect();
    if needs.is_empty() {
        spec.labels.remove(labels::DEPENDS_ON);
    } else {
        spec.labels.insert(labels::DEPENDS_ON.to_owned(), needs.join("\n"));
    }
    Some(spec)
}

/// Objects of the same pass that must be written before the service.
fn needs(spec: &ServiceSpec, draft: &StackDraft<'_>) -> Vec<ObjectKey> {
    let references = index::references(&spec.task_template).0;
    references.into_iter().filter(|object| draft.pending.contains(object)).collect()
}

fn rolls(effect: &Effect) -> bool {
    matches!(effect, Effect::Rolls { .. } | Effect::RunsJob { .. })
}
