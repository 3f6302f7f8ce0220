//! What the Swarm holds of one test, in a form that two moments can be compared in.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::engine::Engine;
use crate::stage::Stage;

/// Fields that hold ids, which differ from one making of an object to the next.
const IDS: [&str; 3] = ["Target", "ConfigID", "SecretID"];

/// The specs of all objects of `stage`, and what its services would roll back to, by `kind name`; ids of networks as
/// names, other ids left out, and so are the notes of what was applied, which are never written for their own sake.
pub(crate) fn world(engine: &Engine, stage: &Stage<'_>) -> BTreeMap<String, Value> {
    let networks = engine.get("/networks");
    let name = |network: &Value| {
        let text = |key: &str| network[key].as_str().unwrap().to_owned();
        (text("Id"), text("Name"))
    };
    let networks: BTreeMap<String, String> =
        networks.as_array().unwrap().iter().map(name).collect();
    let mut world = BTreeMap::new();
    for key in stage.objects().into_keys() {
        let (kind, name) = key.split_once(' ').unwrap();
        let object = engine.get(&format!("/{kind}s/{name}"));
        let mut spec = match kind {
            "network" => {
                serde_json::json!([
                    object["Labels"],
                    object["Options"]["com.docker.network.driver.mtu"]
                ])
            }
            "service" => serde_json::json!([object["Spec"], object["PreviousSpec"]]),
            _ => object["Spec"].clone(),
        };
        forget_ids(&mut spec, &networks);
        if let Some(labels) = spec.get_mut("Labels").and_then(Value::as_object_mut) {
            labels.retain(|label, _| !label.starts_with("skep.applied."));
        }
        world.insert(key, spec);
    }
    world
}

fn forget_ids(value: &mut Value, networks: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().filter(|_| IDS.contains(&key.as_str())) {
                    Some(id) if key == "Target" => {
                        let name = networks.get(id).map_or(id, String::as_str);
                        *value = Value::from(name);
                    }
                    Some(_) => *value = Value::Null,
                    None => forget_ids(value, networks),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forget_ids(item, networks)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
