//! Puts a mapping together: unique keys, merge keys.

use std::collections::HashSet;

use super::key::Key;
use super::node::{Entry, Mapping, Node, Value};
use crate::model::finding::Finding;
use crate::model::place::Place;

/// A key and its value as written.
pub(super) struct Pair {
    /// The key.
    pub(super) key: Key,
    /// Where the key was written.
    pub(super) key_place: Place,
    /// The value.
    pub(super) value: Node,
}

/// The mapping that `pairs` make: keys that stand in it win over merged ones, and of several merged mappings the
/// first wins, wherever `<<` stands.
pub(super) fn mapping(pairs: Vec<Pair>, findings: &mut Vec<Finding>) -> Mapping {
    let mut entries = Vec::with_capacity(pairs.len());
    let mut merge: Option<(Place, Node)> = None;
    for Pair { key, key_place, value } in pairs {
        match (key, &merge) {
            (Key::Text(key), _) => entries.push(Entry { key, key_place, value }),
            (Key::Merge, None) => merge = Some((key_place, value)),
            (Key::Merge, Some((first, _))) => findings.push(
                duplicate("<<", key_place, first.clone())
                    .hint("merge a list: `<<: [*one, *other]`"),
            ),
        }
    }
    refuse_duplicates(&mut entries, findings);
    if let Some((_, value)) = merge {
        let mut present: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
        for mapping in merged(value, findings) {
            entries.extend(mapping.entries.into_iter().filter(|e| present.insert(e.key.clone())));
        }
    }
    Mapping { entries }
}

/// The mappings under a merge key: one, or a list of them that is written there and not itself an alias.
fn merged(value: Node, findings: &mut Vec<Finding>) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    let mut refuse = |node: &Node| {
        let place = node.used_at.as_deref().unwrap_or(&node.place).clone();
        let is_told = |finding: &Finding| finding.place.as_ref() == Some(&place);
        if node.is_null() && findings.iter().any(is_told) {
            // An alias without its anchor, which was reported.
            return;
        }
        let message =
            format!("`<<` merges a mapping or a list of mappings, not {}", node.describe());
        findings.push(Finding::error("yaml-merge", place, message));
    };
    match value {
        Node { value: Value::Mapping(mapping), .. } => mappings.push(mapping),
        Node { value: Value::Sequence(items), used_at: None, .. } => {
            for item in items {
                match item {
                    Node { value: Value::Mapping(mapping), .. } => mappings.push(mapping),
                    other => refuse(&other),
                }
            }
        }
        other => refuse(&other),
    }
    mappings
}

/// How many keys are compared each with each, without memory of their own.
const FEW: usize = 16;

fn are_unique(entries: &[Entry]) -> bool {
    if entries.len() > FEW {
        let mut seen = HashSet::with_capacity(entries.len());
        return entries.iter().all(|entry| seen.insert(entry.key.as_str()));
    }
    let is_new = |(index, entry): (usize, &Entry)| {
        !entries.iter().take(index).any(|before| before.key == entry.key)
    };
    entries.iter().enumerate().all(is_new)
}

/// Keeps the first of several equal keys and reports the others.
fn refuse_duplicates(entries: &mut Vec<Entry>, findings: &mut Vec<Finding>) {
    if are_unique(entries) {
        return;
    }
    let mut order: Vec<&Entry> = entries.iter().collect();
    order.sort_by(|a, b| a.key.cmp(&b.key));
    let mut first: Option<&Entry> = None;
    let mut doubled = HashSet::new();
    for entry in order {
        match first {
            Some(first) if first.key == entry.key => {
                doubled.insert(entry.key_place.clone());
                findings.push(
                    duplicate(&entry.key, entry.key_place.clone(), first.key_place.clone())
                        .hint("keep one of the two"),
                );
            }
            _ => first = Some(entry),
        }
    }
    if !doubled.is_empty() {
        entries.retain(|entry| !doubled.contains(&entry.key_place));
    }
}

fn duplicate(key: &str, place: Place, first: Place) -> Finding {
    Finding::error("yaml-duplicate-key", place, format!("the key `{key}` is written twice"))
        .related(first, "first written here")
}
