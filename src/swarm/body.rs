//! Bodies of requests about services: names become ids, and an update keeps what it does not mean to change.

use serde_json::{Map, Value};

use super::decode;
use super::error::{Cause, Failure};
use super::names::Names;
use super::normal;
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::RawSpec;
use crate::model::service::ServiceSpec;

/// The body that creates `spec`.
pub(super) fn create(spec: &ServiceSpec, names: &Names) -> Result<Value, Failure> {
    let mut body = serde_json::to_value(spec).map_err(unreadable)?;
    put_ids(&mut body, names)?;
    Ok(body)
}

/// The body that makes `desired` of the service whose spec the Engine sent as `raw`.
///
/// Whatever means the same on both sides stays exactly as the Engine has it, absent fields included: Swarm compares
/// templates literally and restarts tasks for a default that is merely written out. Fields that no model knows stay
/// too, and so does `ForceUpdate`.
pub(super) fn update(
    raw: &RawSpec,
    desired: &ServiceSpec,
    names: &Names,
) -> Result<Value, Failure> {
    let mut live = decode::spec(&raw.0).map_err(unreadable)?;
    decode::normalise(&mut live, names);
    let mut desired = desired.clone();
    desired.task_template.force_update = live.task_template.force_update;
    normal::service(&mut desired);

    let mut body: Value = serde_json::from_str(&raw.0).map_err(unreadable)?;
    put_names(&mut body, names);
    let live = serde_json::to_value(&live).map_err(unreadable)?;
    let desired = serde_json::to_value(&desired).map_err(unreadable)?;
    let mut body = overlay("", Some(&body), Some(&live), &desired);
    put_ids(&mut body, names)?;
    Ok(body)
}

/// `desired` in the Engine's own words where it means the same as `live`, of which `raw` is the Engine's text.
fn overlay(field: &str, raw: Option<&Value>, live: Option<&Value>, desired: &Value) -> Value {
    if live == Some(desired) {
        // Absent in the Engine's text is fine: that is how it says a default.
        return raw.cloned().unwrap_or(Value::Null);
    }
    match (raw, live, desired) {
        (Some(Value::Object(raw)), Some(Value::Object(live)), Value::Object(desired)) => {
            Value::Object(overlay_map(raw, live, desired))
        }
        (Some(Value::Array(raw)), Some(Value::Array(live)), Value::Array(desired)) => {
            let same = |items: &[Value], item: &Value| {
                let wanted = identity(field, item)?;
                items.iter().find(|item| identity(field, item).as_ref() == Some(&wanted)).cloned()
            };
            let item = |item: &Value| match same(raw, item) {
                Some(raw) => overlay("", Some(&raw), same(live, item).as_ref(), item),
                None => item.clone(),
            };
            Value::Array(desired.iter().map(item).collect())
        }
        _ => desired.clone(),
    }
}

fn overlay_map(
    raw: &Map<String, Value>,
    live: &Map<String, Value>,
    desired: &Map<String, Value>,
) -> Map<String, Value> {
    let unmodelled = raw.iter().filter(|(key, _)| !live.contains_key(*key));
    let mut merged: Map<String, Value> =
        unmodelled.map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in desired {
        match overlay(key, raw.get(key), live.get(key), value) {
            Value::Null => merged.remove(key),
            value => merged.insert(key.clone(), value),
        };
    }
    merged
}

/// What makes an item of a list the same item on both sides.
fn identity<'v>(list: &str, item: &'v Value) -> Option<Vec<Option<&'v Value>>> {
    let fields: &[&str] = match list {
        "Mounts" | "Networks" => &["/Target"],
        "Secrets" => &["/SecretName", "/File/Name"],
        "Configs" => &["/ConfigName", "/File/Name"],
        "Ports" => &["/TargetPort", "/Protocol", "/PublishMode", "/PublishedPort"],
        "Ulimits" => &["/Name"],
        _ => return None,
    };
    Some(fields.iter().map(|field| item.pointer(field)).collect())
}

const NETWORKS: &str = "/TaskTemplate/Networks";
const CREDENTIALS: &str = "/TaskTemplate/ContainerSpec/Privileges/CredentialSpec/Config";
const SECRETS: &str = "/TaskTemplate/ContainerSpec/Secrets";
const CONFIGS: &str = "/TaskTemplate/ContainerSpec/Configs";

fn items<'a>(body: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    body.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

fn put_names(body: &mut Value, names: &Names) {
    let networks = items(body, NETWORKS).filter_map(|item| item.pointer_mut("/Target"));
    for target in networks {
        if let Some(name) = target.as_str().and_then(|id| names.network(id)) {
            *target = Value::from(name);
        }
    }
    if let Some(config) = body.pointer_mut(CREDENTIALS)
        && let Some(name) = config.as_str().and_then(|id| names.config(id))
    {
        *config = Value::from(name);
    }
}

fn put_ids(body: &mut Value, names: &Names) -> Result<(), Failure> {
    let id = |kind, name: &str| {
        let object = ObjectKey::new(kind, name);
        names.id(&object).map(Value::from).ok_or(Failure::Unresolved(object))
    };
    for target in items(body, NETWORKS).filter_map(|item| item.pointer_mut("/Target")) {
        // The Engine knows its predefined networks by name, and refuses a name that it does not know.
        if let Some(Ok(found)) = target.as_str().map(|name| id(Kind::Network, name)) {
            *target = found;
        }
    }
    for (list, kind, name, reference) in [
        (SECRETS, Kind::Secret, "SecretName", "SecretID"),
        (CONFIGS, Kind::Config, "ConfigName", "ConfigID"),
    ] {
        for item in items(body, list).filter_map(Value::as_object_mut) {
            let name = item.get(name).and_then(Value::as_str).unwrap_or_default();
            let found = id(kind, name)?;
            item.insert(reference.to_owned(), found);
        }
    }
    if let Some(config) = body.pointer_mut(CREDENTIALS)
        && let Some(name) = config.as_str().filter(|name| !name.is_empty())
    {
        *config = id(Kind::Config, name)?;
    }
    Ok(())
}

fn unreadable(error: serde_json::Error) -> Failure {
    Failure::Unreadable { source: Cause::from(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names() -> Names {
        let mut names = Names::default();
        names.insert(Kind::Network, "web", "n1");
        names.insert(Kind::Network, "host", "h1");
        names.insert(Kind::Config, "conf", "c1");
        names.insert(Kind::Config, "conf-2", "c2");
        names.insert(Kind::Secret, "key", "s1");
        names
    }

    fn raw() -> Value {
        json!({
            "Name": "s", "Labels": {"a": "1"}, "Novelty": {"x": 1},
            "TaskTemplate": {
                "ContainerSpec": {
                    "Image": "i", "Isolation": "default", "Glow": true,
                    "Env": ["B=2", "A=1"],
                    "Mounts": [{"Type": "volume", "Source": "v", "Target": "/v", "Shine": 3}],
                    "Secrets": [{"SecretID": "s1", "SecretName": "key",
                        "File": {"Name": "key", "UID": "0", "GID": "0", "Mode": 292}}],
                    "Configs": [{"ConfigID": "c1", "ConfigName": "conf",
                        "File": {"Name": "/c", "UID": "0", "GID": "0", "Mode": 292}}],
                },
                "Networks": [{"Target": "n1", "Aliases": ["s"]}],
                "ForceUpdate": 7, "Runtime": "container"
            },
            "Mode": {"Replicated": {"Replicas": 2}}
        })
    }

    fn updated(change: impl FnOnce(&mut ServiceSpec)) -> Value {
        let raw = RawSpec(raw().to_string().into());
        let mut desired = decode::spec(&raw.0).unwrap();
        desired.task_template.networks[0].target = "web".into();
        desired.task_template.force_update = 0;
        change(&mut desired);
        update(&raw, &desired, &names()).unwrap()
    }

    #[test]
    fn an_update_that_changes_nothing_is_the_text_of_the_engine() {
        assert_eq!(updated(normal::service), raw());
    }

    #[test]
    fn a_change_in_place_leaves_the_template_as_the_engine_has_it() {
        let body = updated(|spec| {
            spec.labels.insert("a".into(), "2".into());
            spec.mode = crate::model::service::ServiceMode::replicated(Some(3));
        });
        let mut expected = raw();
        expected["Labels"]["a"] = json!("2");
        expected["Mode"]["Replicated"]["Replicas"] = json!(3);
        assert_eq!(body, expected);
    }

    #[test]
    fn a_change_beside_unknown_fields_keeps_them() {
        let body = updated(|spec| {
            let container = spec.task_template.container_spec.as_mut().unwrap();
            container.mounts[0].read_only = true;
            container.configs[0].config_name = "conf-2".into();
            spec.task_template.networks.push(crate::model::task::NetworkAttachment {
                target: "host".into(),
                ..Default::default()
            });
        });
        let container = &body["TaskTemplate"]["ContainerSpec"];
        assert_eq!(container["Glow"], json!(true));
        assert_eq!(container["Env"], json!(["B=2", "A=1"]));
        let mount =
            json!({"Type": "volume", "Source": "v", "Target": "/v", "Shine": 3, "ReadOnly": true});
        assert_eq!(container["Mounts"], json!([mount]));
        assert_eq!(container["Configs"][0]["ConfigID"], json!("c2"));
        assert_eq!(container["Secrets"][0]["SecretID"], json!("s1"));
        let networks = json!([{"Target": "h1"}, {"Target": "n1", "Aliases": ["s"]}]);
        assert_eq!(body["TaskTemplate"]["Networks"], networks);
        assert_eq!(body["TaskTemplate"]["ForceUpdate"], json!(7));
    }

    #[test]
    fn a_reference_to_nothing_is_not_sent() {
        let spec = decode::spec(&raw().to_string()).unwrap();
        let failure = create(&spec, &Names::default()).unwrap_err();
        assert_eq!(failure.to_string(), "it refers to secret key, which does not exist");
        assert_eq!(create(&spec, &names()).unwrap()["TaskTemplate"]["Networks"][0]["Target"], "n1");
    }
}
