//! How values came to where they are, told in findings about them: what uses a value, and what brought its file.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::finding::{Finding, Related};
use crate::model::place::Place;
use crate::spec::yaml::node::{Node, Value};

/// What a finding says of the place that uses its value.
const USED: &str = "used here";

/// What brought each file of a stack that is not one of its own.
#[derive(Debug, Default)]
pub(in crate::spec) struct Trail {
    files: HashMap<Arc<str>, (Place, &'static str)>,
}

/// A line and a column.
type Spot = (u32, u32);

impl Trail {
    /// Notes that `place` brings `file`, unless something did before.
    pub(super) fn brings(&mut self, file: &str, place: &Place, how: &'static str) {
        if *place.file != *file && !self.files.contains_key(file) {
            self.files.insert(file.into(), (place.clone(), how));
        }
    }

    /// Adds to each finding the places that a reader needs besides: where an anchor or an extended service is used,
    /// and where its file is included.
    pub(in crate::spec) fn tell(&self, document: Option<&Node>, findings: &mut [Finding]) {
        if findings.is_empty() {
            return;
        }
        if let Some(document) = document {
            tell_uses(document, findings);
        }
        for finding in findings {
            if is_told(finding) {
                continue;
            }
            let Some(place) = finding.place.clone() else { continue };
            let mut seen = HashSet::new();
            let mut file = place.file;
            while let Some((place, how)) = self.files.get(&file) {
                if !seen.insert(file) {
                    break;
                }
                if !finding.related.iter().any(|related| related.place == *place) {
                    let message = (*how).to_owned();
                    finding.related.push(Related { place: place.clone(), message });
                }
                file = Arc::clone(&place.file);
            }
        }
    }
}

/// Adds where the value of a finding is used, for those that name the object that uses it.
fn tell_uses(document: &Node, findings: &mut [Finding]) {
    let mut at: HashMap<Spot, Vec<&mut Finding>> = HashMap::new();
    for finding in findings.iter_mut().filter(|finding| !is_told(finding)) {
        if let Some(place) = &finding.place {
            at.entry((place.line, place.column)).or_default().push(finding);
        }
    }
    let Value::Mapping(top) = &document.value else { return };
    for kind in &top.entries {
        let Value::Mapping(objects) = &kind.value.value else { continue };
        for object in &objects.entries {
            let user = format!("{}.{}", kind.key, object.key);
            Uses { user: &user, at: &mut at }.collect(&object.value);
        }
    }
}

/// Whether any value of a document is used elsewhere than where it is written.
pub(in crate::spec) fn has_uses(document: &Node) -> bool {
    document.used_at.is_some()
        || match &document.value {
            Value::Scalar(_) => false,
            Value::Sequence(items) => items.iter().any(has_uses),
            Value::Mapping(mapping) => mapping.entries.iter().any(|entry| has_uses(&entry.value)),
        }
}

fn is_told(finding: &Finding) -> bool {
    finding.related.iter().any(|related| related.message == USED)
}

/// Whether a message has the key path of an object, alone or with more behind it.
fn names(message: &str, object: &str) -> bool {
    message.match_indices(object).any(|(at, _)| {
        let rest = message.get(at + object.len()..).unwrap_or_default();
        !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_'))
    })
}

/// Looks through one object for the values and keys that findings are about.
struct Uses<'u, 'f> {
    user: &'u str,
    at: &'u mut HashMap<Spot, Vec<&'f mut Finding>>,
}

impl Uses<'_, '_> {
    fn collect(&mut self, node: &Node) {
        self.note(&node.place, node);
        match &node.value {
            Value::Scalar(_) => {}
            Value::Sequence(items) => items.iter().for_each(|item| self.collect(item)),
            Value::Mapping(mapping) => {
                for entry in &mapping.entries {
                    self.note(&entry.key_place, &entry.value);
                    self.collect(&entry.value);
                }
            }
        }
    }

    /// `node` was written at `written`, or has its key there.
    fn note(&mut self, written: &Place, node: &Node) {
        let Some(used) = node.used_at.as_deref() else { return };
        let Some(findings) = self.at.get_mut(&(written.line, written.column)) else { return };
        findings.retain_mut(|finding| {
            let is_here = finding.place.as_ref().is_some_and(|place| place.file == written.file);
            let is_meant = is_here && names(&finding.message, self.user);
            if is_meant {
                finding.related.push(Related { place: used.clone(), message: USED.to_owned() });
            }
            !is_meant
        });
    }
}
