//! Takes over the objects of an included project.

use std::collections::HashMap;

use super::merge::written;
use super::project::{Assembly, Project};
use super::scopes::Kind;
use crate::model::finding::Finding;
use crate::spec::decode::{Cursor, KeyPath, Report};
use crate::spec::yaml::node::{Entry, Mapping, Node, Value};

impl Assembly<'_> {
    /// Puts the objects of `document` beside those of `layer`. What `layer`, or the files `below` it, declare otherwise
    /// is a conflict.
    pub(super) fn import(
        &mut self,
        layer: &mut Node,
        below: Option<&Node>,
        document: Node,
        inner: &Project,
        outer: &mut Project,
    ) {
        let is_nothing = document.is_null();
        let Value::Mapping(included) = document.value else {
            if !is_nothing {
                self.report.push(Cursor::top(&document).expected("a mapping"));
            }
            return;
        };
        // Whatever else the stack's own file is, reading it says what is wrong.
        let Value::Mapping(layer) = &mut layer.value else { return };
        for entry in included.entries {
            let kind = Kind::ALL.into_iter().find(|kind| kind.key() == entry.key);
            if let Some(kind) = kind {
                for key in objects(layer, below, kind, entry, self.report) {
                    outer.scopes.adopt(kind, &key, &inner.scopes);
                }
            } else if entry.key == "x-skep" {
                let message = "x-skep of an included file has no effect";
                self.report.push(
                    Finding::warning("x-skep-included", entry.key_place, message)
                        .hint("write it into the stack file, where it holds for the whole stack"),
                );
            } else if !matches!(&*entry.key, "name" | "version" | "models")
                && !entry.key.starts_with("x-")
                && layer.entry(&entry.key).is_none()
            {
                // A key that nobody knows; decoding says so.
                layer.entries.push(entry);
            }
        }
    }
}

/// Adds objects of one kind, and returns the keys of those that were not there.
fn objects(
    layer: &mut Mapping,
    below: Option<&Node>,
    kind: Kind,
    from: Entry,
    report: &mut Report,
) -> Vec<String> {
    let Value::Mapping(included) = from.value.value else {
        if !from.value.is_null() {
            let path = KeyPath::default().key(kind.key());
            report.push(Cursor { node: &from.value, path }.expected("a mapping"));
        }
        return Vec::new();
    };
    let empty =
        || Node { value: Value::Mapping(Mapping::default()), ..Node::null(from.key_place.clone()) };
    let index = layer.entries.iter().position(|entry| entry.key == kind.key());
    if let Some(entry) = index.and_then(|index| layer.entries.get_mut(index)) {
        if entry.value.is_null() {
            entry.value = empty();
        }
    } else {
        let value = empty();
        layer.entries.push(Entry { key: from.key, key_place: from.key_place.clone(), value });
    }
    let own = layer.entries.iter_mut().find(|entry| entry.key == kind.key());
    let Some(Value::Mapping(own)) = own.map(|entry| &mut entry.value.value) else {
        return Vec::new();
    };
    let below = match below.and_then(|below| below.get(kind.key())).map(|node| &node.value) {
        Some(Value::Mapping(mapping)) => positions(mapping),
        _ => HashMap::new(),
    };
    let mut added = Vec::new();
    let mut fresh = Vec::new();
    let known = positions(own);
    for object in included.entries {
        match known.get(&*object.key).or_else(|| below.get(&*object.key)) {
            Some(known) if is_same(&known.value, &object.value) => {}
            Some(known) => report.push(conflict(kind, known, &object)),
            None => {
                added.push(object.key.clone());
                fresh.push(object);
            }
        }
    }
    own.entries.extend(fresh);
    added
}

fn positions(mapping: &Mapping) -> HashMap<&str, &Entry> {
    mapping.entries.iter().map(|entry| (&*entry.key, entry)).collect()
}

/// Whether two definitions say the same; nothing and an empty mapping do.
fn is_same(one: &Node, other: &Node) -> bool {
    let text = |node: &Node| if node.is_null() { "{}".to_owned() } else { written(&node.value) };
    text(one) == text(other)
}

fn conflict(kind: Kind, known: &Entry, object: &Entry) -> Finding {
    let message =
        format!("{}.{} is declared in two files, and differently", kind.key(), object.key);
    Finding::error("include-conflict", object.key_place.clone(), message)
        .related(known.key_place.clone(), "declared first here")
        .hint("rename one; to change what is included, lay a file over it: `- path: [FILE, changes.yaml]`")
}
