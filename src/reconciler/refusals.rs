//! Releases that Swarm rolled back, named where no plan has holds for them. Pure.

use crate::diff::document::{Hold, HoldCode};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::{LiveService, Observed};
use crate::model::name::FleetName;
use crate::model::task::TaskTemplate;

use super::plan::target;
use super::record::Refusal;
use super::status::{OpenHold, Status, stack_of};

/// Names the releases that Swarm rolled back, for a status that was made without a plan, which has holds for them. `retry`
/// is the command that allows another try, to which the service is added.
pub fn name(status: &mut Status, observed: &Observed, fleet: &FleetName, retry: &str) {
    let record = super::record::find(&observed.configs, fleet);
    for live in &observed.services {
        let Some(update) = live.rollback() else { continue };
        let refusal = record.as_ref().and_then(|record| record.refused.get(&live.spec.name));
        let unblock = match refusal {
            Some(Refusal::Allowed(version)) if *version == live.version => continue,
            Some(Refusal::Refused { .. }) => {
                format!("change the file, or allow one more try: {retry} {}", target(live))
            }
            Some(Refusal::Allowed(_)) | None => {
                "skep plan PATH tells whether it is tried again".to_owned()
            }
        };
        let words = if update.message.is_empty() {
            String::new()
        } else {
            format!(" ({})", update.message)
        };
        let reason = format!("Swarm rolled {} back{words}", rolled_back(live, observed));
        let object = ObjectKey::new(Kind::Service, &live.spec.name);
        let hold = Hold::new(HoldCode::RefusedRelease, reason).unblock(unblock);
        let stack = stack_of(live, fleet, false);
        let stack = status
            .stacks
            .iter_mut()
            .find(|of| stack.as_ref().is_some_and(|stack| stack.as_str() == of.name));
        if let Some(stack) = stack {
            stack.holds.push(OpenHold { object: Some(object), hold });
        }
    }
}

/// What the newest failed task of a service that was rolled back says of the release: its image, if that is another one.
fn rolled_back(live: &LiveService, observed: &Observed) -> String {
    let image = |template: &TaskTemplate| {
        let container = template.container_spec.as_ref();
        container.map(|container| container.image.split('@').next().unwrap_or_default().to_owned())
    };
    let tasks = observed.workload.iter().flat_map(|workload| &workload.tasks);
    let failed = tasks.filter(|task| {
        task.service_id == live.id
            && task.error.is_some()
            && !task.template.runs_the_same_as(&live.spec.task_template)
    });
    let tried = failed.max_by_key(|task| task.created).and_then(|task| image(&task.template));
    match tried {
        Some(tried) if image(&live.spec.task_template).as_ref() != Some(&tried) => {
            format!("the release of {tried}")
        }
        _ => "the last release".to_owned(),
    }
}
