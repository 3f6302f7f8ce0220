//! A stack as docker's client deploys it, and what of a stack in the Swarm docker and skep must agree on.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::stage::Stage;

const NAMESPACE: &str = "com.docker.stack.namespace";

/// A key that docker's client takes and does not send.
pub(crate) struct NotSent {
    pub(crate) compose_key: &'static str,
    field: &'static str,
}

/// All of these keys; `docs/compose.md` has them, too.
pub(crate) const NOT_SENT: [NotSent; 1] =
    [NotSent { compose_key: "oom_score_adj", field: "OomScoreAdj" }];

impl Stage<'_> {
    /// Deploys stack `stack` with docker's own client.
    pub(crate) fn docker_deploy(&self, engine: &Engine, stack: &str, variables: &[(&str, &str)]) {
        let file = self.path(stack, "stack.yaml");
        let name = self.name(stack);
        let mut command =
            engine.command(&["stack", "deploy", "--detach=true", "--resolve-image", "never", "-c"]);
        command.arg(file).arg(name).envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The specs of the services of `stack` by name, as far as docker and skep must agree.
    pub(crate) fn services_of(&self, engine: &Engine, stack: &str) -> BTreeMap<String, Value> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut names = BTreeMap::new();
        for network in engine.get("/networks").as_array().unwrap() {
            names.insert(text(&network["Id"]), text(&network["Name"]));
        }
        for config in engine.get("/configs").as_array().unwrap() {
            let name = text(&config["Spec"]["Name"]);
            names.insert(text(&config["ID"]), unhashed(&name).to_owned());
        }
        self.specs_of(engine, stack, "service", &names)
    }

    /// All that stack `stack` has in the Swarm, by kind and name, as far as docker and skep must agree.
    pub(crate) fn everything_of(&self, engine: &Engine, stack: &str) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        let mut add = |kind: &str, objects: BTreeMap<String, Value>| {
            all.extend(objects.into_iter().map(|(name, spec)| (format!("{kind} {name}"), spec)));
        };
        add("service", self.services_of(engine, stack));
        for kind in ["config", "secret"] {
            add(kind, self.specs_of(engine, stack, kind, &BTreeMap::new()));
        }
        add("network", self.networks_of(engine, stack));
        all
    }

    fn specs_of(
        &self,
        engine: &Engine,
        stack: &str,
        kind: &str,
        names: &BTreeMap<String, String>,
    ) -> BTreeMap<String, Value> {
        let objects = engine.get(&format!("/{kind}s"));
        let specs = objects.as_array().unwrap().iter().map(|object| object["Spec"].clone());
        let ours = specs.filter(|spec| spec["Labels"][NAMESPACE] == self.name(stack));
        let specs = ours.map(|mut spec| {
            without_own_labels(&mut spec);
            comparable(&mut spec, names);
            let name = spec["Name"].as_str().unwrap().to_owned();
            if kind == "service" {
                return (name, spec);
            }
            spec["Name"] = unhashed(&name).into();
            (unhashed(&name).to_owned(), spec)
        });
        specs.collect()
    }

    fn networks_of(&self, engine: &Engine, stack: &str) -> BTreeMap<String, Value> {
        let objects = engine.get("/networks");
        let objects = objects.as_array().unwrap().iter().cloned();
        let ours = objects.filter(|network| network["Labels"][NAMESPACE] == self.name(stack));
        let specs = ours.map(|mut network| {
            without_own_labels(&mut network);
            let fields = network.as_object_mut().unwrap();
            fields.retain(|field, _| {
                !matches!(field.as_str(), "Id" | "Created" | "Containers" | "Peers")
            });
            // What Swarm itself has given.
            if let Some(options) = network["Options"].as_object_mut() {
                options.remove("com.docker.network.driver.overlay.vxlanid_list");
            }
            if let Some(pools) = network["IPAM"]["Config"].as_array_mut() {
                pools.retain(|pool| !pool["Subnet"].as_str().unwrap().starts_with("10.0."));
            }
            (network["Name"].as_str().unwrap().to_owned(), network)
        });
        specs.collect()
    }
}

fn without_own_labels(object: &mut Value) {
    if let Some(labels) = object["Labels"].as_object_mut() {
        labels.retain(|label, _| !label.starts_with("skep."));
    }
}

/// Takes out what cannot be equal: ids, the hashes in names, and what docker does not send.
fn comparable(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            fields.retain(|field, _| NOT_SENT.iter().all(|unsent| field != unsent.field));
            for (field, value) in fields.iter_mut() {
                match (field.as_str(), value.as_str()) {
                    ("ConfigID" | "SecretID", _) => *value = Value::Null,
                    ("ConfigName" | "SecretName", Some(name)) => *value = unhashed(name).into(),
                    // A network, or the config of a credential spec.
                    ("Target" | "Config", Some(id)) if names.contains_key(id) => {
                        *value = names[id].clone().into();
                    }
                    _ => comparable(value, names),
                }
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                comparable(item, names);
            }
            // One config or secret that is attached twice has no order in docker's client either: it flaps.
            let name = |item: &Value| [item["ConfigName"].clone(), item["SecretName"].clone()];
            let is_store = |item: &Value| name(item).iter().any(Value::is_string);
            for same in items.chunk_by_mut(|a, b| is_store(a) && name(a) == name(b)) {
                same.sort_by_key(|item| item["File"]["Name"].to_string());
            }
        }
        _ => {}
    }
}

fn unhashed(name: &str) -> &str {
    let hash = |text: &str| text.len() >= 8 && text.chars().all(|c| c.is_ascii_hexdigit());
    match name.rsplit_once('-') {
        Some((name, suffix)) if hash(suffix) => name,
        _ => name,
    }
}

/// Fails with the lines that differ unless docker and skep made the same.
#[track_caller]
pub(crate) fn assert_same(
    from_skep: &BTreeMap<String, Value>,
    from_docker: &BTreeMap<String, Value>,
) {
    let difference = difference(&json!(from_skep), &json!(from_docker));
    assert!(difference.is_none(), "{}", difference.unwrap_or_default());
}

/// The lines that differ, if any.
pub(crate) fn difference(from_skep: &Value, from_docker: &Value) -> Option<String> {
    let [skep, docker] = [from_skep, from_docker].map(|value| format!("{value:#}"));
    let difference = similar::TextDiff::from_lines(&docker, &skep);
    let lines = || difference.unified_diff().header("docker", "skep").to_string();
    (skep != docker).then(lines)
}
