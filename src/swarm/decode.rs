//! The Engine's JSON to live objects: ids become names, and specs their normal form.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::names::Names;
use super::{normal, wire};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::{LiveService, Node, RawSpec, References, Task, UpdateState, UpdateStatus};
use crate::model::service::ServiceSpec;
use crate::model::task::TaskTemplate;
use crate::model::volume::Volume;

/// Reads a service's spec as it is.
pub(super) fn spec(text: &str) -> Result<ServiceSpec, serde_json::Error> {
    tolerant(text)
}

/// Puts names for ids into a spec that was read, and brings it into its normal form.
pub(super) fn normalise(spec: &mut ServiceSpec, names: &Names) {
    name_template(&mut spec.task_template, names);
    normal::service(spec);
}

/// A live service; `spec` is what [`spec`] read from its text.
pub(super) fn service(
    service: wire::Service<'_>,
    mut spec: ServiceSpec,
    names: &Names,
) -> LiveService {
    let wire::Service {
        id,
        version,
        created_at,
        updated_at,
        spec: text,
        previous_spec,
        update_status,
        counts,
        job_status,
    } = service;
    normalise(&mut spec, names);
    LiveService {
        id,
        version: version.index,
        created: created_at,
        updated: updated_at,
        spec,
        raw: RawSpec(text.get().into()),
        previous_applied: previous_spec
            .as_ref()
            .and_then(|spec| spec.labels.as_ref()?.applied.clone()),
        previous: previous_spec.map(|spec| references(spec, names)).unwrap_or_default(),
        update: update_status.map(update),
        counts: counts.unwrap_or_default().into(),
        job_iteration: job_status.map(|status| status.job_iteration.index),
    }
}

pub(super) fn task(task: wire::Task<'_>, names: &Names) -> Result<Task, serde_json::Error> {
    let wire::Task {
        id,
        created_at,
        updated_at,
        spec,
        service_id,
        slot,
        node_id,
        status,
        desired_state,
        job_iteration,
    } = task;
    let wire::TaskStatus { timestamp, state, message, err, container_status } = status;
    let mut template: TaskTemplate = tolerant(spec.get())?;
    name_template(&mut template, names);
    normal::template(&mut template);
    Ok(Task {
        id,
        service_id,
        slot,
        node_id: node_id.filter(|id| !id.is_empty()),
        created: created_at,
        state,
        desired: desired_state,
        // The node wrote it, by its own clock; the other two are of the manager that leads, as are those of services.
        since: timestamp.min(updated_at).max(created_at),
        message,
        error: err.filter(|text| !text.is_empty()),
        // Before there is a container the code is 0 and means nothing.
        exit_code: container_status
            .filter(|status| !status.container_id.is_empty())
            .map(|status| status.exit_code),
        job_iteration: job_iteration.map(|iteration| iteration.index),
        template,
    })
}

pub(super) fn node(node: wire::Node) -> Node {
    let wire::Node { id, updated_at, spec, description, status } = node;
    let wire::NodeSpec { labels, role, availability } = spec;
    let wire::NodeDescription { hostname, platform, resources, engine } = description;
    Node {
        id,
        hostname,
        manager: role == "manager",
        availability,
        state: status.state,
        updated: Some(updated_at),
        labels: labels.unwrap_or_default(),
        engine_labels: engine.labels.unwrap_or_default(),
        os: platform.os,
        architecture: platform.architecture,
        nano_cpus: resources.nano_cpus,
        memory_bytes: resources.memory_bytes,
    }
}

fn update(status: wire::UpdateStatus) -> UpdateStatus {
    let wire::UpdateStatus { state, started_at, completed_at, message } = status;
    UpdateStatus {
        state: state.unwrap_or_else(|| UpdateState::Other(String::new())),
        started: started_at,
        completed: completed_at,
        message,
    }
}

fn references(previous: wire::PreviousSpec, names: &Names) -> References {
    let wire::PreviousTemplate { container_spec, networks } = previous.task_template;
    let (secrets, configs) = container_spec
        .map(|wire::PreviousContainer { secrets, configs }| {
            (secrets.unwrap_or_default(), configs.unwrap_or_default())
        })
        .unwrap_or_default();
    let secrets = secrets.into_iter().map(|s| ObjectKey::new(Kind::Secret, s.secret_name));
    let configs = configs.into_iter().map(|c| ObjectKey::new(Kind::Config, c.config_name));
    let networks = networks.unwrap_or_default().into_iter().filter_map(|network| {
        let name = names.network(&network.target)?;
        Some(ObjectKey::new(Kind::Network, name))
    });
    References(secrets.chain(configs).chain(networks).collect())
}

/// A volume of the node that answered.
pub(super) fn volume(volume: wire::Volume) -> Volume {
    let wire::Volume { name, driver, options } = volume;
    Volume { name, driver, options: options.unwrap_or_default() }
}

/// Puts names where the Engine has ids; an id of an object that is gone stays.
fn name_template(template: &mut TaskTemplate, names: &Names) {
    for network in &mut template.networks {
        if let Some(name) = names.network(&network.target) {
            name.clone_into(&mut network.target);
        }
    }
    let privileges = template.container_spec.as_mut().and_then(|spec| spec.privileges.as_mut());
    if let Some(credentials) = privileges.and_then(|options| options.credential_spec.as_mut())
        && let Some(name) = names.config(&credentials.config)
    {
        name.clone_into(&mut credentials.config);
    }
}

/// Reads JSON in which null stands for nothing, as Go does, at the price of a second look only where it occurs.
fn tolerant<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|_| {
        let mut value: Value = serde_json::from_str(text)?;
        drop_nulls(&mut value);
        serde_json::from_value(value)
    })
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(drop_nulls);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_node_counts_within_what_managers_wrote() {
        let since = |said: &str| {
            let text = format!(
                r#"{{"ID": "t", "CreatedAt": "2026-11-21T18:00:10Z", "UpdatedAt": "2026-11-21T18:00:20Z",
                    "Spec": {{}}, "Status": {{"Timestamp": "{said}", "State": "failed"}}, "DesiredState": "shutdown"}}"#
            );
            let task = serde_json::from_str(&text).unwrap();
            super::task(task, &Names::default()).unwrap().since.to_string()
        };
        assert_eq!(since("2026-11-21T18:00:15.5Z"), "2026-11-21T18:00:15.5Z");
        assert_eq!(since("2026-11-21T17:59:59Z"), "2026-11-21T18:00:10Z", "it runs behind");
        assert_eq!(since("2027-01-01T00:00:00Z"), "2026-11-21T18:00:20Z", "it runs ahead");
    }
}
