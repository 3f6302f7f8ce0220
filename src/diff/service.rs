//! What differs between two specs of a service.

use serde_json::{Map, Value};

use crate::model::desired::FieldPath;
use crate::model::labels::{self, Labels};
use crate::model::service::ServiceSpec;

use super::compare::{compare, to_json};
use super::difference::ObjectDiff;
use super::document::Impact;
use super::fields::SERVICE;

/// What differs between the declared and the live spec of a service, except within `ignore`.
///
/// Lists whose items have names are compared by name, in whatever order. Ids, `ForceUpdate` and skep's own labels do
/// not count. If either side is a job, every difference that is no replacement runs it again.
pub fn service(desired: &ServiceSpec, live: &ServiceSpec, ignore: &[FieldPath]) -> ObjectDiff {
    let mut diff = compare(&SERVICE, json(live), json(desired), ignore);
    if desired.mode.kind().is_job() || live.mode.kind().is_job() {
        for field in diff.fields.iter_mut().chain(&mut diff.own_labels) {
            field.impact = field.impact.max(Impact::Rerun);
        }
    }
    diff
}

/// The fields that a service is made with: as a difference from nothing.
pub fn new_service(desired: &ServiceSpec) -> ObjectDiff {
    compare(&SERVICE, Value::Null, json(desired), &[])
}

/// Whether nothing differs, skep's own labels included. Told without the JSON of the specs, which for most services of
/// a plan is all there is to know. `false` proves nothing: the items of a list may be in another order.
pub fn is_same_service(desired: &ServiceSpec, live: &ServiceSpec) -> bool {
    let ServiceSpec {
        name,
        labels,
        task_template,
        mode,
        update_config,
        rollback_config,
        endpoint_spec,
    } = desired;
    *name == live.name
        && compared(labels).eq(compared(&live.labels))
        && task_template.runs_the_same_as(&live.task_template)
        && task_template.placement == live.task_template.placement
        && *mode == live.mode
        && *update_config == live.update_config
        && *rollback_config == live.rollback_config
        && *endpoint_spec == live.endpoint_spec
}

fn compared(labels: &Labels) -> impl Iterator<Item = (&String, &String)> {
    labels.iter().filter(|(label, _)| !labels::is_stamp(label))
}

/// The Engine names a mode by which of four objects is there; people name it by a word.
pub(super) fn json(spec: &ServiceSpec) -> Value {
    let mut json = to_json(spec);
    if let Some(Value::Object(mode)) = json.get_mut("Mode") {
        let filled =
            |(_, value): &(String, Value)| value.as_object().is_some_and(|m| !m.is_empty());
        *mode = std::mem::take(mode).into_iter().filter(filled).collect::<Map<_, _>>();
        mode.insert("Kind".to_owned(), Value::String(spec.mode.kind().to_string()));
    }
    json
}
