//! Laws of the differ and of masking, on objects with random changes.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{maximal, sample};
use crate::diff::document::{Change, Document};
use crate::diff::mask::{Masker, Sensitivity, redact_service};
use crate::diff::render::{Glyphs, Look, Palette, markdown, text};
use crate::diff::{ObjectDiff, is_same_service, service, with_ignored};
use crate::model::desired::FieldPath;
use crate::model::labels;
use crate::model::secret::EnvVar;
use crate::model::service::ServiceSpec;

/// A maximal service in which some values are changed and some parts are gone.
fn services() -> impl Strategy<Value = ServiceSpec> {
    vec((any::<prop::sample::Index>(), 0..3_u8, 0..3_u8), 0..6).prop_map(|changes| {
        let mut json = serde_json::to_value(maximal::service()).unwrap();
        for (index, action, value) in changes {
            let mut pointers = Vec::new();
            collect(&json, "", &mut pointers);
            let pointer = index.get(&pointers).clone();
            let before = json.clone();
            change(&mut json, &pointer, action, value);
            if serde_json::from_value::<ServiceSpec>(json.clone()).is_err() {
                json = before;
            }
        }
        serde_json::from_value(json).unwrap()
    })
}

fn collect(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, child)| (key.clone(), child)).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(i, child)| (i.to_string(), child)).collect()
        }
        _ => Vec::new(),
    };
    found.push(pointer.to_owned());
    for (key, child) in children {
        collect(child, &format!("{pointer}/{}", key.replace('/', "~1")), found);
    }
}

fn change(json: &mut Value, pointer: &str, action: u8, value: u8) {
    let Some(target) = json.pointer_mut(pointer) else { return };
    match (action, target) {
        (0, target) => *target = Value::Null,
        (1, Value::Array(items)) if !items.is_empty() => items.push(items[0].clone()),
        (_, Value::Array(items)) => items.reverse(),
        (_, Value::Bool(yes)) => *yes = !*yes,
        (_, Value::String(text)) => *text = format!("v{value}"),
        (_, target @ Value::Number(_)) => *target = json!(value),
        (_, _) => {}
    }
}

/// What two specs are equal by, in a form that the differ has no part in.
fn essence(spec: &ServiceSpec) -> Vec<String> {
    let mut spec = spec.clone();
    spec.task_template.force_update = 0;
    spec.labels.retain(|label, _| !crate::model::labels::is_own(label));
    if let Some(container) = &mut spec.task_template.container_spec {
        container.secrets.iter_mut().for_each(|secret| secret.secret_id.clear());
        container.configs.iter_mut().for_each(|config| config.config_id.clear());
    }
    let kind = spec.mode.kind().to_string();
    let mut lines = vec![kind];
    flatten(&serde_json::to_value(spec).unwrap(), "", &mut lines);
    lines.sort();
    lines
}

/// Items of lists whose order does not count are told apart by their content, all others by position.
fn flatten(value: &Value, path: &str, lines: &mut Vec<String>) {
    let is_named = [
        "/Env",
        "/Mounts",
        "/Hosts",
        "/Secrets",
        "/Configs",
        "/Ulimits",
        "/Ports",
        "/TaskTemplate/Networks",
    ]
    .iter()
    .any(|list| path.ends_with(list));
    match value {
        Value::Null => {}
        Value::Array(items) if is_named => {
            lines.extend(items.iter().map(|item| {
                let mut parts = Vec::new();
                flatten(item, "", &mut parts);
                parts.sort();
                format!("{path} {parts:?}")
            }));
        }
        Value::Object(map) => {
            if map.is_empty() && !path.ends_with("Labels") && !path.starts_with("/Mode") {
                lines.push(path.to_owned());
            }
            for (key, child) in map {
                flatten(child, &format!("{path}/{key}"), lines);
            }
        }
        // Of other lists the order counts.
        _ => lines.push(format!("{path} {value}")),
    }
}

fn document_of(diff: &ObjectDiff, masker: &mut Masker) -> Document {
    let mut document = sample::release();
    for section in &mut document.stacks {
        for change in &mut section.changes {
            let fields = diff.fields.iter().map(|field| field.change(masker, None, None));
            *change = Change { fields: fields.collect(), ..change.clone() };
        }
    }
    document.counted()
}

fn everything_shown(document: &Document) -> String {
    let look = |width| Look { width, palette: Palette::Ansi, glyphs: Glyphs::Unicode };
    let json = serde_json::to_string(document).unwrap();
    [text(document, look(80)), text(document, look(400)), markdown(document), json].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_services_differ_exactly_if_something_in_them_differs(a in services(), b in services()) {
        prop_assert!(service(&a, &a, &[]).is_empty());
        let there = service(&a, &b, &[]);
        let back = service(&b, &a, &[]);
        prop_assert_eq!(there.is_empty(), essence(&a) == essence(&b), "{:?}", there);
        prop_assert_eq!(there.fields.len(), back.fields.len());
        prop_assert_eq!(there.unchanged, back.unchanged);
    }

    #[test]
    fn services_are_the_same_only_if_nothing_differs(a in services(), b in services()) {
        if is_same_service(&a, &b) {
            let diff = service(&a, &b, &[]);
            prop_assert!(diff.is_empty() && diff.own_labels.is_empty(), "{:?}", diff);
        }
        let mut restarted = a.clone();
        restarted.task_template.force_update += 1;
        restarted.labels.insert(labels::APPLIED.to_owned(), "another release".to_owned());
        prop_assert!(is_same_service(&a, &restarted));
    }

    #[test]
    fn what_is_ignored_is_neither_shown_nor_written(
        desired in services(),
        live in services(),
        picks in vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let all = service(&desired, &live, &[]);
        // Items that share a name are told apart by what else there is, so that leaving one out renames the others.
        // Swarm has no such services.
        let is_clear = |path: &FieldPath| !path.0.contains(['@', '#']);
        prop_assume!(!all.is_empty() && all.fields.iter().all(|field| is_clear(&field.path)));
        let ignore: Vec<FieldPath> = picks
            .iter()
            .map(|pick| pick.get(&all.fields).path.clone())
            .filter(|path| path.0 != "deploy.mode" && path.0 != "deploy.replicas")
            .collect();
        let shown = service(&desired, &live, &ignore);
        prop_assert!(shown.fields.iter().all(|field| !ignore.contains(&field.path)));
        let written = with_ignored(&desired, &live, &ignore).unwrap();
        let left: Vec<FieldPath> =
            service(&written, &live, &ignore).fields.into_iter().map(|field| field.path).collect();
        let expected: Vec<FieldPath> = shown.fields.into_iter().map(|field| field.path).collect();
        prop_assert_eq!(left, expected);
        prop_assert_eq!(written.task_template.force_update, live.task_template.force_update);
    }

    #[test]
    fn no_secret_is_ever_shown(before in "[a-z]{9}[0-9]{9}", after in "[a-z]{9}[0-9]{9}[/@]?") {
        let [live, desired] = [&before, &after].map(|canary| {
            let mut spec = maximal::service();
            spec.labels.insert("api.token".into(), canary.clone());
            if let Some(container) = &mut spec.task_template.container_spec {
                container.env = vec![
                    EnvVar::parse(&format!("DB_PASSWORD={canary}")),
                    EnvVar::parse(&format!("URL=postgres://u:{canary}@db/x")),
                    EnvVar::parse(&format!("JSON={{\"password\": \"{canary}\"}}")),
                    EnvVar::parse(&format!("A_TOKEN={canary}")),
                    EnvVar::parse(&format!("A_TOKEN={canary}2")),
                ];
                container.args = vec!["--password".into(), canary.clone(), format!("--api-key={canary}")];
                container.command = vec!["sh".into(), "-c".into(), format!("x --token {canary} y")];
                if let Some(health) = &mut container.healthcheck {
                    health.test = vec!["CMD-SHELL".into(), format!("curl -u a:{canary} http://x")];
                }
                for mount in &mut container.mounts {
                    if let Some(driver) = mount.volume_options.as_mut().and_then(|v| v.driver_config.as_mut()) {
                        driver.options.insert("o".into(), format!("username=u,password={canary}"));
                        driver.options.insert("password".into(), format!("a 'b\" {canary}"));
                    }
                }
            }
            spec
        });
        let sensitivity = Sensitivity::default();
        let empty = ServiceSpec::default();
        for diff in [service(&desired, &live, &[]), service(&desired, &empty, &[]), service(&empty, &live, &[])] {
            let document = document_of(&diff, &mut Masker::new(sensitivity.clone()));
            let shown = everything_shown(&document) + &format!("{diff:?}");
            prop_assert!(!shown.contains(&before) && !shown.contains(&after), "{}", shown);
            let again = document_of(&diff, &mut Masker::new(sensitivity.clone()));
            prop_assert_eq!(everything_shown(&document), everything_shown(&again));
        }
        let redacted = redact_service(&live, &sensitivity).unwrap();
        let json = serde_json::to_string(&redacted).unwrap();
        prop_assert!(!json.contains(&before), "{}", json);
        let other = redact_service(&desired, &sensitivity).unwrap();
        prop_assert!(service(&other, &redacted, &[]).is_empty());
    }
}
