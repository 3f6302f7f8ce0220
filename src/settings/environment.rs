//! Variables of the environment that stand for keys of the settings file, and win over it.

use std::sync::Arc;

use super::file::Settings;
use super::parse::parse;
use crate::model::finding::Finding;
use crate::model::place::Place;

/// A variable that stands for a key.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The key, with those above it: `status.listen`.
    pub key: &'static str,
    take: fn(&mut Settings, Settings),
}

/// All of them. Keys that are lists or name files stand in the file only, and so does who is told of what happens; `fleet` and `engine` have variables that flags
/// share, `SKEP_FLEET` and `SKEP_HOST`.
pub const VARIABLES: &[Variable] = &[
    Variable { name: "SKEP_PRUNE", key: "prune", take: |into, from| into.prune = from.prune },
    Variable {
        name: "SKEP_PRUNE_STACKS",
        key: "prune_stacks",
        take: |into, from| into.prune_stacks = from.prune_stacks,
    },
    Variable { name: "SKEP_ADOPT", key: "adopt", take: |into, from| into.adopt = from.adopt },
    Variable {
        name: "SKEP_RETENTION",
        key: "retention",
        take: |into, from| into.retention = from.retention,
    },
    Variable { name: "SKEP_STRICT", key: "strict", take: |into, from| into.strict = from.strict },
    Variable {
        name: "SKEP_RESOLVE_IMAGE",
        key: "resolve_image",
        take: |into, from| into.resolve_image = from.resolve_image,
    },
    Variable {
        name: "SKEP_ALLOW_REPLACE",
        key: "allow_replace",
        take: |into, from| into.allow_replace = from.allow_replace,
    },
    Variable {
        name: "SKEP_TIMEOUT",
        key: "timeout",
        take: |into, from| into.timeout = from.timeout,
    },
    Variable { name: "SKEP_DRIFT", key: "drift", take: |into, from| into.drift = from.drift },
    Variable { name: "SKEP_SOCKET", key: "socket", take: |into, from| into.socket = from.socket },
    Variable {
        name: "SKEP_INTERVALS_POLL",
        key: "intervals.poll",
        take: |into, from| {
            into.intervals.get_or_insert_default().poll = from.intervals.and_then(|of| of.poll);
        },
    },
    Variable {
        name: "SKEP_INTERVALS_RESYNC",
        key: "intervals.resync",
        take: |into, from| {
            into.intervals.get_or_insert_default().resync = from.intervals.and_then(|of| of.resync);
        },
    },
    Variable {
        name: "SKEP_INTERVALS_RETRY",
        key: "intervals.retry",
        take: |into, from| {
            into.intervals.get_or_insert_default().retry = from.intervals.and_then(|of| of.retry);
        },
    },
    Variable {
        name: "SKEP_STATUS_LISTEN",
        key: "status.listen",
        take: |into, from| {
            into.status.get_or_insert_default().listen = from.status.and_then(|of| of.listen);
        },
    },
    Variable {
        name: "SKEP_STATUS_METRICS",
        key: "status.metrics",
        take: |into, from| {
            into.status.get_or_insert_default().metrics = from.status.and_then(|of| of.metrics);
        },
    },
    Variable {
        name: "SKEP_HISTORY_ENABLED",
        key: "history.enabled",
        take: |into, from| {
            into.history.get_or_insert_default().enabled = from.history.and_then(|of| of.enabled);
        },
    },
    Variable {
        name: "SKEP_HISTORY_PATH",
        key: "history.path",
        take: |into, from| {
            into.history.get_or_insert_default().path = from.history.and_then(|of| of.path);
        },
    },
    Variable {
        name: "SKEP_HISTORY_AGE",
        key: "history.age",
        take: |into, from| {
            into.history.get_or_insert_default().age = from.history.and_then(|of| of.age);
        },
    },
    Variable {
        name: "SKEP_HISTORY_EVENTS",
        key: "history.events",
        take: |into, from| {
            into.history.get_or_insert_default().events = from.history.and_then(|of| of.events);
        },
    },
    Variable {
        name: "SKEP_HISTORY_RELEASES",
        key: "history.releases",
        take: |into, from| {
            into.history.get_or_insert_default().releases = from.history.and_then(|of| of.releases);
        },
    },
    Variable {
        name: "SKEP_STATUS_PAGE",
        key: "status.page",
        take: |into, from| {
            into.status.get_or_insert_default().page = from.status.and_then(|of| of.page);
        },
    },
    Variable {
        name: "SKEP_STATUS_TRUSTED_HEADER",
        key: "status.trusted_header",
        take: |into, from| {
            let header = from.status.and_then(|of| of.trusted_header);
            into.status.get_or_insert_default().trusted_header = header;
        },
    },
];

impl Settings {
    /// Takes over what variables say; `value` knows their values. A variable that is empty says nothing.
    pub fn follow(&mut self, value: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for Variable { name, key, take } in VARIABLES {
            let Some(text) = value(name).filter(|text| !text.is_empty()) else { continue };
            let file: Arc<str> = (*name).into();
            let (settings, found) = parse(document(key, &text).as_bytes(), Arc::clone(&file));
            if let Some(settings) = settings.filter(|_| !found.iter().any(Finding::is_error)) {
                take(self, settings);
            }
            // The lines of the document are not the user's.
            findings.extend(
                found.into_iter().map(|finding| Finding {
                    place: Some(Place::file(Arc::clone(&file))),
                    ..finding
                }),
            );
        }
        findings
    }
}

/// A settings file with one key.
fn document(key: &str, value: &str) -> String {
    let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let value =
        if is_plain { value.to_owned() } else { serde_json::Value::from(value).to_string() };
    match key.split_once('.') {
        Some((above, key)) => format!("{above}: {{{key}: {value}}}\n"),
        None => format!("{key}: {value}\n"),
    }
}
