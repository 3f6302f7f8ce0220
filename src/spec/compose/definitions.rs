//! Mappings of keys to definitions: services, networks, volumes, configs, secrets.

use indexmap::IndexMap;

use crate::model::finding::Finding;
use crate::spec::decode::{Cursor, Decode, Located, Report};

/// A definition that may need to know its own key.
pub(super) trait Define: Default {
    /// Reads the definition of `key`.
    fn define(key: &str, at: &Cursor<'_>, report: &mut Report) -> Option<Self>;
}

/// Definitions by key, each at the place of its key. Boxed, as a service has kilobytes and a map moves what it holds.
pub type Definitions<T> = IndexMap<String, Box<Located<T>>>;

/// Reads definitions; the keys must be names.
pub(super) fn definitions<T: Define>(
    at: Option<&Cursor<'_>>,
    report: &mut Report,
) -> Definitions<T> {
    let mut definitions = IndexMap::new();
    let Some(entries) = at.and_then(|at| at.entries(report)) else { return definitions };
    for (entry, value) in entries {
        if !is_key(&entry.key) {
            let message = format!("{} has a name that cannot be used", value.path);
            report.push(
                Finding::error("invalid-name", entry.key_place.clone(), message)
                    .hint("use letters, digits, '-', '_' and '.'"),
            );
        }
        // One that cannot be read counts as declared, so that its users are not reported too.
        let definition = T::define(&entry.key, &value, report).unwrap_or_default();
        let located = Located::new(definition, entry.key_place.clone());
        definitions.insert(entry.key.clone(), Box::new(located));
    }
    definitions
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// A definition of which nothing is said has the defaults.
pub(super) fn or_empty<T: Decode + Default>(at: &Cursor<'_>, report: &mut Report) -> Option<T> {
    if at.node.is_null() { Some(T::default()) } else { at.get(report) }
}
