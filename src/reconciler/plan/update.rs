//! A live service on its way to what is declared: updated, replaced or left alone.

use std::collections::BTreeSet;

use crate::diff::document::{Action, Cause, Change, Effect, Hold, HoldCode, Impact};
use crate::diff::{self, FieldDiff};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;
use crate::model::service::ServiceSpec;
use crate::swarm::RegistryAccess;

use super::super::ownership::{Owner, owner};
use super::super::step::{Target, Write};
use super::context::Context;
use super::draft::StackDraft;
use super::image::Pinned;
use super::login::{self, ServiceLogin};
use super::network::{protected, replace_not_allowed};
use super::recreation::{self, Parting};
use super::service::{Planner, needs};
use super::{adoption, cause, effect, exchange, image, preflight, release, shortfall, supersede};

/// The field of the label that repeats the image reference; see [`labels::IMAGE`](crate::model::labels::IMAGE).
const IMAGE_LABEL: &str = "deploy.labels.com.docker.stack.image";

/// A live service on its way to what is declared.
pub(super) struct Update<'a> {
    planner: &'a Planner<'a>,
    context: &'a Context<'a>,
    live: &'a LiveService,
    key: ObjectKey,
    owner: Owner,
    /// Why it must be left to its owner, if it must.
    not_ours: Option<Hold>,
    pinned: Pinned,
    login: ServiceLogin,
    /// What it is to become, with its image resolved and the fields of others as they are.
    spec: ServiceSpec,
    /// The same as the Engine would give it back.
    compared: ServiceSpec,
    /// Whether Swarm has other credentials for its image than those that are known.
    rotated: bool,
    /// Networks that are made again, and that it has to leave: it is on them now, and is declared to be.
    leaves: BTreeSet<String>,
    /// What it is written as before that, to give up a port that another service waits for while it waits for one of it.
    yields: Option<ServiceSpec>,
}

impl<'a> Update<'a> {
    /// The way of `live` to `spec`, which is declared.
    pub(super) fn of(
        planner: &'a Planner<'a>,
        mut spec: ServiceSpec,
        live: &'a LiveService,
        draft: &StackDraft<'_>,
    ) -> Self {
        let Planner { context, stack, service, .. } = *planner;
        let key = ObjectKey::new(Kind::Service, &spec.name);
        let owner = owner(&key, &live.spec.labels, &stack.name, &context.scope.fleet);
        let pinned = image::pin(context, service, &mut spec, Some(live));
        let login = ServiceLogin::of(context, &spec, Some(live));
        login.keep(&mut spec);
        let (mut compared, dropped) = planner.comparable(&spec);
        preflight::warn_of_dropped(context, service, &dropped);
        if !service.ignore.is_empty() {
            spec = release::with_ignored(&compared, &live.spec, &service.ignore);
            (compared, _) = planner.comparable(&spec);
        }
        let is_on = |spec: &ServiceSpec, name: &String| {
            spec.task_template.networks.iter().any(|network| network.target == *name)
        };
        let away = draft.away.iter();
        let leaves = away.filter(|name| is_on(&spec, name) && is_on(&live.spec, name)).cloned();
        Self {
            not_ours: adoption::hold(context, &key, &owner),
            rotated: owner == Owner::Ours && login.is_rotated(live),
            leaves: leaves.collect(),
            yields: exchange::yielding(context, &compared, live),
            planner,
            context,
            live,
            key,
            owner,
            pinned,
            login,
            spec,
            compared,
        }
    }

    /// Plans the change, if there is one.
    pub(super) fn plan(self, draft: &mut StackDraft<'_>) {
        let ours = self.owner == Owner::Ours;
        let is_settled = !self.rotated && self.leaves.is_empty();
        if ours && is_settled && diff::is_same_service(&self.compared, &self.live.spec) {
            draft.unchanged += 1;
            return;
        }
        let ignore = &self.planner.service.ignore;
        let mut difference = diff::service(&self.compared, &self.live.spec, ignore);
        if self.live.is_recorded() {
            self.context.hide(difference.set_masked_aside());
        }
        let fields = difference.fields;
        let labels_fit = difference.own_labels.is_empty();
        // Any write to a job runs it again, so its labels wait for a real change.
        let labels_wait = self.live.spec.mode.kind().is_job() && self.not_ours.is_none();
        if fields.is_empty() && is_settled && ((ours && labels_fit) || labels_wait) {
            draft.unchanged += 1;
            return;
        }
        let fingerprint = self.planner.fingerprint(&release::as_declared(&self.compared));
        let (action, effect) = self.cost(&fields);
        let (leaves, yields) = (!self.leaves.is_empty(), self.yields.is_some());
        let parting = (leaves && !yields && action != Action::Replace)
            .then(|| recreation::parting(&self.spec, &self.leaves, ignore));
        let (action, effect) = match &parting {
            Some(Parting::Stops(_)) => (action, downtime(self.live)),
            Some(Parting::Rolls(parted)) => (action, self.roll(parted)),
            Some(Parting::Goes) => (Action::Replace, self.roll(&self.spec)),
            None => match &self.yields {
                Some(yielded) if action == Action::Update => (action, self.roll(yielded)),
                _ => (action, effect),
            },
        };
        let causes = self.causes(&fields, fingerprint.as_deref());
        let mut change = Change::new(self.key.clone(), action, effect, causes);
        change.unchanged_fields = difference.unchanged;
        self.describe(&fields, &mut change);
        self.add_holds(&fields, fingerprint.as_deref(), draft, &mut change);
        if action == Action::Replace {
            // The next pass finds it missing and creates it.
            draft.push(change, Some(Write::Remove { id: self.live.id.clone() }));
            return;
        }
        if self.owner != Owner::Ours && action == Action::Update {
            change.action = Action::Adopt;
        }
        if let Some(yielded) = &self.yields {
            let write = self.write_of_yielding(yielded.clone());
            draft.push(change, write);
            return;
        }
        let (spec, fingerprint) = match parting {
            Some(Parting::Stops(parted) | Parting::Rolls(parted)) => {
                let compared = self.planner.comparable(&parted).0;
                (*parted, self.planner.fingerprint(&release::as_declared(&compared)))
            }
            Some(Parting::Goes) | None => (self.spec, fingerprint),
        };
        let needs = needs(&spec, draft);
        let access = login::access(&self.owner, &spec, self.live);
        let write = self.planner.stamped(spec, fingerprint).map(|spec| Write::UpdateService {
            target: Target { id: self.live.id.clone(), version: self.live.version },
            spec: Box::new(self.login.stamp(spec, access)),
            access,
            raw: self.live.raw.clone(),
        });
        draft.push_after(change, write, needs);
    }

    /// The write that only gives ports up: what runs goes on, under its own labels and with the credentials that Swarm
    /// has.
    fn write_of_yielding(&self, mut spec: ServiceSpec) -> Option<Write> {
        let own = self.spec.labels.iter().filter(|(label, _)| labels::is_own(label));
        spec.labels.extend(own.map(|(label, value)| (label.clone(), value.clone())));
        let fingerprint = self.planner.fingerprint(&release::as_declared(&spec));
        self.planner.stamped(spec, fingerprint).map(|spec| Write::UpdateService {
            target: Target { id: self.live.id.clone(), version: self.live.version },
            spec: Box::new(spec),
            access: RegistryAccess::Keep,
            raw: self.live.raw.clone(),
        })
    }

    /// What the differences make of the change, and what that costs.
    fn cost(&self, fields: &[FieldDiff]) -> (Action, Effect) {
        let (spec, live) = (&self.compared, self.live);
        let worst = fields.iter().map(|field| field.impact).max().unwrap_or(Impact::InPlace);
        match worst {
            Impact::Replace => (Action::Replace, downtime(live)),
            Impact::Roll | Impact::Rerun => (Action::Update, self.roll(spec)),
            Impact::Placement => {
                let workload = self.context.observed.workload.as_ref();
                let effect = match effect::displaced(spec, live, workload) {
                    Some(0) => effect::in_place(spec, live),
                    Some(moved) => effect::of_move(spec, live, moved),
                    None => self.roll(spec),
                };
                (Action::Update, effect)
            }
            Impact::InPlace => (Action::Update, effect::in_place(spec, live)),
        }
    }

    fn roll(&self, spec: &ServiceSpec) -> Effect {
        effect::of_roll(spec, self.live, self.context.eligible_nodes(spec))
    }

    fn causes(&self, fields: &[FieldDiff], fingerprint: Option<&str>) -> Vec<Cause> {
        let ours = self.owner == Owner::Ours;
        let moved = self.pinned.moved;
        let mut causes = cause::of_update(self.context, fields, self.live, fingerprint, moved);
        if fields.is_empty() && (self.rotated || !ours) {
            causes.clear();
        }
        if self.rotated {
            causes.push(Cause::Credentials);
        }
        if !ours {
            causes.insert(0, Cause::Ownership);
        }
        causes
    }

    /// Says what changes, where that is declared, and what else to know.
    fn describe(&self, fields: &[FieldDiff], change: &mut Change) {
        let service = self.planner.service;
        if self.live.was_put_back_by_hand() && change.causes.contains(&Cause::Drift) {
            change.notes.push("somebody put an older release back".to_owned());
        }
        change.place = Some(service.place.clone());
        change.fields = self.context.show_fields(fields, &service.origins, Some(&change.effect));
        if change.fields.iter().any(|field| field.path.0 == "image") {
            // The label repeats what the image says.
            change.fields.retain(|field| field.path.0 != IMAGE_LABEL);
        }
        if self.rotated {
            self.login.describe(change);
        } else if fields.is_empty() && self.owner == Owner::Ours && self.leaves.is_empty() {
            change.notes.push("skep's own labels change".to_owned());
        }
        let shortfalls = shortfall::of(&self.compared, &change.effect);
        change.notes.extend(shortfalls.iter().map(ToString::to_string));
        if let Some(yielded) = &self.yields {
            let ports = exchange::given_up(&self.live.spec, yielded);
            change.notes.push(format!(
                "gives up {ports} first, publishes nothing instead until others moved, and rolls again then"
            ));
        }
        for network in &self.leaves {
            change.notes.push(format!("leaves network {network} until that is made again"));
        }
    }

    /// Adds what stands against the write.
    fn add_holds(
        &self,
        fields: &[FieldDiff],
        fingerprint: Option<&str>,
        draft: &StackDraft<'_>,
        change: &mut Change,
    ) {
        let (context, live) = (self.context, self.live);
        change.holds.extend(self.not_ours.clone());
        preflight::check_placement(context, self.planner.service);
        change.holds.extend(self.pinned.holds.iter().cloned());
        self.planner.add_common_holds(&self.spec, &self.leaves, draft, change);
        let starts = starts_tasks(&change.effect);
        // What stops for a network, or gives a port up, waits for nobody: others may be waiting for the same.
        let hinders = !self.leaves.is_empty() || exchange::begins(context, &live.spec.name);
        if !hinders && (starts || change.action == Action::Replace) {
            self.planner.add_gates(draft, change);
        }
        if change.action == Action::Replace {
            change.holds.extend(self.replacement_hold(change));
            return;
        }
        // To give a port up releases nothing new either.
        let yields = exchange::is_first(context, &live.spec.name);
        if (!starts || yields) && live.is_paused() {
            change.holds.push(paused_rollout(context, live, yields));
        }
        change.holds.extend(supersede::hold(context, live));
        if let (Some(fingerprint), false) = (fingerprint, fields.is_empty()) {
            change.holds.extend(release::refusal(context, live, &self.compared, fingerprint));
        }
    }

    /// Why the service is not removed to be made again.
    fn replacement_hold(&self, change: &Change) -> Option<Hold> {
        if self.planner.stack.policy.protect {
            return Some(protected(&change.object));
        }
        let reason = || format!("the mode of {} cannot be changed, only made again", change.object);
        (!self.context.policy.allow_replace).then(|| replace_not_allowed(self.context, &reason()))
    }
}

fn downtime(live: &LiveService) -> Effect {
    Effect::Downtime { tasks: live.counts.running }
}

/// Whether tasks of the new spec start.
fn starts_tasks(effect: &Effect) -> bool {
    matches!(effect, Effect::Rolls { .. } | Effect::RunsJob { .. } | Effect::Starts { .. })
}

/// The hold on a change that leaves the tasks of a paused rollout as they are: its write would only make Swarm go on with
/// what has failed (swarmkit clears `UpdateStatus` with every write).
///
/// `yields` where the service gives a port up first, and so runs on as it is whatever is released with that.
fn paused_rollout(context: &Context<'_>, live: &LiveService, yields: bool) -> Hold {
    let reason =
        "Swarm paused the rollout of this release after a failure, and any write would resume it";
    let cure = if yields {
        "release what cures it first, without the change of ports"
    } else {
        "release what cures it together with this change"
    };
    Hold::new(HoldCode::RolloutPaused, reason).unblock(format!(
        "{cure}; or let Swarm go on: {} service update {}",
        context.view.docker, live.spec.name
    ))
}
