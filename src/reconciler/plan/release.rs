//! A release of a service: the fingerprint of what is declared, and releases that Swarm has refused.

use crate::diff;
use crate::diff::document::{Hold, HoldCode};
use crate::model::desired::FieldPath;
use crate::model::fleet::{Domain, FleetKey, is_under_key};
use crate::model::labels;
use crate::model::live::{ApiVersion, LiveService};
use crate::model::service::{Replicated, ReplicatedJob, ServiceMode, ServiceSpec};
use crate::swarm::floors::{self, Dropped};
use crate::swarm::{self, normal};

use super::super::record::{FleetRecord, Refusal};
use super::blame;
use super::context::Context;

/// The fingerprint of a release: of its normalised spec without skep's own labels, without the counter that people
/// bump to restart tasks, and without the fields that someone else owns. Sensitive values go into a keyed hash only.
pub(super) fn fingerprint(key: &FleetKey, spec: &ServiceSpec) -> String {
    // A spec of plain structs and string keys always serialises.
    let text = serde_json::to_vec(&essence(spec)).unwrap_or_default();
    key.fingerprint(Domain::Service, &text)
}

/// The part of a normalised spec that makes a release; see [`fingerprint`].
pub(in crate::reconciler) fn essence(spec: &ServiceSpec) -> ServiceSpec {
    let ignore = spec.labels.get(labels::IGNORE).map(|joined| FieldPath::split(joined));
    let mut spec = match ignore {
        Some(ignore) => with_ignored(spec, &blank(spec), &ignore),
        None => spec.clone(),
    };
    spec.labels.retain(|label, _| !labels::is_own(label));
    spec.task_template.force_update = 0;
    spec
}

/// A declared spec as an engine that speaks `api` would give it back, and what that leaves out.
pub(in crate::reconciler) fn comparable(
    spec: &ServiceSpec,
    api: ApiVersion,
) -> (ServiceSpec, Vec<Dropped>) {
    let mut spec = spec.clone();
    normal::service(&mut spec);
    let dropped = floors::strip_service(&mut spec, api);
    (spec, dropped)
}

/// A service of the same mode in which nothing is set.
fn blank(spec: &ServiceSpec) -> ServiceSpec {
    let ServiceMode { replicated, global, replicated_job, global_job } = &spec.mode;
    let mut blank = ServiceSpec {
        mode: ServiceMode {
            replicated: replicated.as_ref().map(|_| Replicated::default()),
            global: global.clone(),
            replicated_job: replicated_job.as_ref().map(|_| ReplicatedJob::default()),
            global_job: global_job.clone(),
        },
        ..ServiceSpec::default()
    };
    normal::service(&mut blank);
    blank
}

/// A spec in the words of the file: the image without the digest and the platforms that resolution added.
pub(super) fn as_declared(spec: &ServiceSpec) -> ServiceSpec {
    let mut spec = spec.clone();
    let declared = spec.labels.get(labels::IMAGE).map_or("", String::as_str);
    if let Some(container) = &mut spec.task_template.container_spec
        && let Some((name, _)) = container.image.split_once('@')
        && !declared.contains('@')
        && swarm::is_same_reference(name, declared)
    {
        container.image = name.to_owned();
        if let Some(placement) = &mut spec.task_template.placement {
            placement.platforms.clear();
        }
    }
    spec
}

/// Whether a live service is as it was last applied, told without its file; `None` when nobody can tell.
pub(in crate::reconciler) fn is_as_applied(
    live: &LiveService,
    record: Option<&FleetRecord>,
) -> Option<bool> {
    let applied = live.spec.labels.get(labels::APPLIED)?;
    let key = &record?.key;
    is_under_key(applied, key.id()).then(|| fingerprint(key, &as_declared(&live.spec)) == *applied)
}

/// Whether a release that Swarm refused once was applied all the same and was not taken back, to a service that was made
/// anew since. What differs from it now is drift like any other.
///
/// Of the same service nobody can tell: where only a digest had moved, what it was rolled back to says that it is this
/// release, too, and with the next write by anybody Swarm says no more that it was rolled back.
pub(super) fn has_come_through(live: &LiveService, refusal: &Refusal) -> bool {
    let Refusal::Refused { release, service: Some(service) } = refusal else { return false };
    live.id != *service
        && live.spec.labels.get(labels::APPLIED) == Some(release)
        && live.rollback().is_none()
}

/// The hold on a release that Swarm has rolled back already, remembered or seen just now.
pub(super) fn refusal(
    context: &Context<'_>,
    live: &LiveService,
    desired: &ServiceSpec,
    fingerprint: &str,
) -> Option<Hold> {
    let name = live.spec.name.as_str();
    let remembered = match context.record.and_then(|record| record.refused.get(name)) {
        // Every write makes another version, so that this allows one try and no more.
        Some(Refusal::Allowed(version)) if *version == live.version => return None,
        Some(refusal @ Refusal::Refused { release, .. }) => {
            release == fingerprint && !has_come_through(live, refusal)
        }
        Some(Refusal::Allowed(_)) | None => false,
    };
    let rolled_back = live.rollback();
    let wrote_it = context.learned.applied.get(name).is_some_and(|applied| applied == fingerprint);
    let seen = rolled_back.is_some() && (wrote_it || was_tried(context, live, desired));
    if !remembered && !seen {
        return None;
    }
    if !remembered {
        if let Some(disturbance) = blame::disturbance(context, live, desired) {
            // The next run may try again: nothing is known against the release.
            return wrote_it.then(|| disturbed(&disturbance));
        }
        context.refuse(live, fingerprint);
    }
    let words = rolled_back
        .map(|update| update.message.as_str())
        .filter(|message| !message.is_empty())
        .map_or_else(String::new, |message| format!(" ({message})"));
    Some(
        Hold::new(
            HoldCode::RefusedRelease,
            format!("Swarm rolled this release back{words}; it is not tried again by itself"),
        )
        .unblock(format!(
            "change the file, or allow one more try: {} {}",
            context.view.retry,
            target(live)
        )),
    )
}

/// The hold on a release of this run that was rolled back through no fault of its own.
fn disturbed(disturbance: &str) -> Hold {
    let reason = format!("Swarm rolled this release back because {disturbance}");
    Hold::new(HoldCode::RolloutDisturbed, reason)
        .unblock("once that is over, apply again; nothing is remembered against the release")
}

/// The service as commands name it: `shop/web`.
pub(in crate::reconciler) fn target(live: &LiveService) -> String {
    let name = &live.spec.name;
    let stack = live.spec.labels.get(labels::NAMESPACE);
    match stack.and_then(|stack| Some((stack, name.strip_prefix(stack)?.strip_prefix('_')?))) {
        Some((stack, key)) => format!("{stack}/{key}"),
        None => name.clone(),
    }
}

/// Whether the newest failed task ran the template that is desired now: then it is this release that was rolled back,
/// although nobody was there to write it down.
fn was_tried(context: &Context<'_>, live: &LiveService, desired: &ServiceSpec) -> bool {
    let Some(workload) = &context.observed.workload else { return false };
    let failed = workload.tasks.iter().filter(|task| {
        task.service_id == live.id
            && blame::has_failed(task)
            && task.template != live.spec.task_template
    });
    failed.max_by_key(|task| task.created).is_some_and(|task| blame::ran(task, desired))
}

/// `spec` with the ignored fields as `other` has them.
pub(super) fn with_ignored(
    spec: &ServiceSpec,
    other: &ServiceSpec,
    ignore: &[FieldPath],
) -> ServiceSpec {
    // Merging is done on the JSON of two valid specs, so that it has a spec to give back.
    diff::with_ignored(spec, other, ignore).unwrap_or_else(|_| spec.clone())
}
