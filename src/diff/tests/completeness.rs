//! Drift is complete: every leaf of an object, changed alone, shows, and shows alone.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::maximal;
use crate::diff::document::Impact;
use crate::diff::mask::{Masker, Sensitivity};
use crate::diff::{ObjectDiff, network, service};
use crate::model::service::{GlobalJob, ReplicatedJob, ServiceMode, ServiceSpec};

/// Every way to change one leaf of `spec`, with the pointer of the leaf.
fn changed_one_at_a_time<S: Serialize + DeserializeOwned>(spec: &S) -> Vec<(String, S)> {
    let json = serde_json::to_value(spec).unwrap();
    let mut pointers = Vec::new();
    collect(&json, String::new(), &mut pointers);
    let change = |pointer: String| {
        let mut json = json.clone();
        let leaf = json.pointer_mut(&pointer).unwrap();
        *leaf = match leaf.take() {
            Value::Bool(yes) => json!(!yes),
            Value::Number(number) if number.is_f64() => json!(0.5),
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            Value::String(text) if text == "e30=" => json!("W10="),
            Value::String(text) => json!(format!("{text}x")),
            _ => unreachable!("only scalars are collected"),
        };
        (pointer, serde_json::from_value(json).unwrap())
    };
    pointers.into_iter().map(change).collect()
}

fn collect(value: &Value, pointer: String, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, child)| (key.clone(), child)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(i, child)| (i.to_string(), child)).collect()
        }
        Value::Null => return,
        _ => return found.push(pointer),
    };
    for (key, child) in children {
        collect(child, format!("{pointer}/{}", key.replace('/', "~1")), found);
    }
}

fn shown(diff: &ObjectDiff) -> Vec<String> {
    let mut masker = Masker::new(Sensitivity::default());
    let line = |field: &crate::diff::FieldDiff| {
        let change = field.change(&mut masker, None, None);
        let side = |side| serde_json::to_value(side).unwrap();
        format!(
            "{} [{:?}] {} -> {}",
            field.path,
            field.impact,
            side(change.before),
            side(change.after)
        )
    };
    diff.fields.iter().map(line).collect()
}

#[test]
fn every_leaf_of_a_service_that_is_changed_alone_shows_alone() {
    let live = maximal::service();
    let mut lines = Vec::new();
    for (pointer, desired) in changed_one_at_a_time(&live) {
        let diff = service(&desired, &live, &[]);
        let shown = shown(&diff);
        let is_uncompared = pointer.ends_with("/ForceUpdate")
            || pointer.ends_with("ID") && !pointer.contains("/File/");
        // Another name, port or path is another item: one goes, one comes.
        let is_key = ["/Target", "/TargetPort", "/Protocol", "/Hosts/0", "/File/Name"]
            .iter()
            .any(|key| pointer.ends_with(key))
            || pointer.ends_with("/Ulimits/0/Name")
            || pointer.ends_with("/Configs/1/ConfigName");
        let expected = match (is_uncompared, is_key) {
            (true, _) => 0,
            (_, true) => 2,
            _ => 1,
        };
        assert_eq!(shown.len(), expected, "{pointer}: {shown:#?}");
        lines.extend(shown);
    }
    let leaves = lines.join("\n");
    assert!(!leaves.contains("hunter2"), "{leaves}");
    insta::assert_snapshot!("every_leaf_of_a_service", leaves);
}

#[test]
fn every_leaf_of_a_network_that_is_changed_alone_shows_alone() {
    let live = maximal::network();
    let mut lines = Vec::new();
    for (pointer, desired) in changed_one_at_a_time(&live) {
        let diff = network(&desired, &live);
        let expected = match pointer.as_str() {
            "/Labels/a" => 0,
            "/IPAM/Config/0/Subnet" => 2,
            _ => 1,
        };
        assert_eq!(diff.fields.len(), expected, "{pointer}");
        assert!(diff.fields.iter().all(|field| field.impact == Impact::Replace));
        lines.extend(shown(&diff));
    }
    insta::assert_snapshot!("every_leaf_of_a_network", lines.join("\n"));
}

#[test]
fn an_object_does_not_differ_from_itself() {
    let spec = maximal::service();
    let diff = service(&spec, &spec, &[]);
    assert!(diff.is_empty() && diff.own_labels.is_empty());
    assert!(diff.unchanged > 100, "{}", diff.unchanged);
    assert!(network(&maximal::network(), &maximal::network()).is_empty());
}

#[test]
fn items_that_come_or_go_as_a_whole_are_one_line_each() {
    let full = maximal::service();
    let empty = ServiceSpec { name: full.name.clone(), ..ServiceSpec::default() };
    let lines = shown(&service(&full, &empty, &[])).join("\n");
    assert!(!lines.contains("hunter2"), "{lines}");
    insta::assert_snapshot!("everything_comes", lines);
    assert_eq!(shown(&service(&empty, &full, &[])).len(), lines.lines().count());
}

#[test]
fn any_difference_runs_a_job_again_and_another_mode_replaces_it() {
    let job = |mode: ServiceMode| ServiceSpec { mode, ..maximal::service() };
    let two = ReplicatedJob { max_concurrent: Some(1), total_completions: Some(2) };
    let live = job(ServiceMode { replicated_job: Some(two), ..ServiceMode::default() });
    let mut labelled = live.clone();
    labelled.labels.insert("a".into(), "b".into());
    assert_eq!(service(&labelled, &live, &[]).impact(), Some(Impact::Rerun));
    let global = job(ServiceMode { global_job: Some(GlobalJob {}), ..ServiceMode::default() });
    let diff = service(&global, &live, &[]);
    assert_eq!(diff.impact(), Some(Impact::Replace));
    insta::assert_snapshot!(shown(&diff).join("\n"), @r#"
    deploy.mode [Replace] "replicated-job" -> "global-job"
    deploy.replicas [Rerun] 2 -> null
    deploy.replicas.max_concurrent [Rerun] 1 -> null
    "#);
}

#[test]
fn labels_of_our_own_and_order_of_named_items_are_no_change() {
    let live = maximal::service();
    let mut desired = live.clone();
    for label in ["skep.applied", "skep.fleet"] {
        desired.labels.insert(label.into(), "x".into());
    }
    if let Some(container) = &mut desired.task_template.container_spec {
        container.env.reverse();
    }
    if let Some(endpoint) = &mut desired.endpoint_spec {
        endpoint.ports.reverse();
    }
    let diff = service(&desired, &live, &[]);
    assert!(diff.is_empty());
    let own: Vec<&str> = diff.own_labels.iter().map(|field| field.path.0.as_str()).collect();
    assert_eq!(own, ["deploy.labels.skep.fleet"]);
}
