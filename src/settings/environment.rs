//! Variables of the environment that stand for keys of the settings file, and win over it.

use std::sync::Arc;

use super::file::Settings;
use super::parse::parse;
use super::status::StatusSettings;
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

/// A variable with its key, which may stand below another one.
macro_rules! variable {
    ($name:literal, $key:ident) => {
        Variable { name: $name, key: stringify!($key), take: |into, from| into.$key = from.$key }
    };
    ($name:literal, $above:ident.$key:ident) => {
        Variable {
            name: $name,
            key: concat!(stringify!($above), ".", stringify!($key)),
            take: |into, from| {
                into.$above.get_or_insert_default().$key = from.$above.and_then(|of| of.$key);
            },
        }
    };
}

/// All of them. Keys that are lists or name files stand in the file only, and so do the proxy and who is told of what
/// happens; `fleet` and `engine` have variables that flags share, `SKEP_FLEET` and `SKEP_HOST`.
pub const VARIABLES: &[Variable] = &[
    variable!("SKEP_PRUNE", prune),
    variable!("SKEP_PRUNE_STACKS", prune_stacks),
    variable!("SKEP_ADOPT", adopt),
    variable!("SKEP_RETENTION", retention),
    variable!("SKEP_STRICT", strict),
    variable!("SKEP_RESOLVE_IMAGE", resolve_image),
    variable!("SKEP_ALLOW_REPLACE", allow_replace),
    variable!("SKEP_TIMEOUT", timeout),
    variable!("SKEP_DRIFT", drift),
    variable!("SKEP_SOCKET", socket),
    variable!("SKEP_INTERVALS_POLL", intervals.poll),
    variable!("SKEP_INTERVALS_RESYNC", intervals.resync),
    variable!("SKEP_INTERVALS_RETRY", intervals.retry),
    variable!("SKEP_STATUS_LISTEN", status.listen),
    variable!("SKEP_STATUS_METRICS", status.metrics),
    variable!("SKEP_STATUS_METRICS_LISTEN", status.metrics_listen),
    variable!("SKEP_HISTORY_ENABLED", history.enabled),
    variable!("SKEP_HISTORY_PATH", history.path),
    variable!("SKEP_HISTORY_AGE", history.age),
    variable!("SKEP_HISTORY_EVENTS", history.events),
    variable!("SKEP_HISTORY_RELEASES", history.releases),
    variable!("SKEP_STATUS_PAGE", status.page),
    variable!("SKEP_STATUS_TRUSTED_HEADER", status.trusted_header),
];

impl Settings {
    /// Takes over what variables say; `value` knows their values. A variable that is empty says nothing.
    pub fn follow(&mut self, value: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
        let (mut findings, mut listens) = (Vec::new(), false);
        for Variable { name, key, take } in VARIABLES {
            let Some(text) = value(name).filter(|text| !text.is_empty()) else { continue };
            listens |= matches!(*key, "status.listen" | "status.metrics_listen");
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
        // One alone does not know where the other one is.
        let status = self.status.as_ref().filter(|_| listens);
        findings.extend(status.and_then(StatusSettings::doubled).map(of_variables));
        findings
    }
}

/// The same finding, at variables as a whole where it is about some.
fn of_variables(mut finding: Finding) -> Finding {
    let places = finding.related.iter_mut().map(|related| &mut related.place);
    for place in places.chain(&mut finding.place) {
        if VARIABLES.iter().any(|variable| *variable.name == *place.file) {
            *place = Place::file(Arc::clone(&place.file));
        }
    }
    finding
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
