//! What the JSON of a kind of object looks like: names of fields, keys of lists, costs of changes.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::diff::document::Impact;

use super::format::Format;
use super::keyed::ListKey;

/// The fields of a kind of object.
pub(in crate::diff) struct Shape {
    /// Lists whose items have names, outer lists first.
    pub(in crate::diff) lists: &'static [List],
    /// Fields by their path in the Engine's JSON; `*` stands for the key of a map or of a list above.
    pub(in crate::diff) fields: &'static [Field],
    /// Paths, in the Engine's JSON, that are never compared.
    pub(in crate::diff) uncompared: &'static [&'static str],
    /// What a change at a path of the Engine's JSON costs.
    pub(in crate::diff) impact: fn(&[&str]) -> Impact,
    /// The fields as a tree, grown when first needed.
    pub(in crate::diff) tree: OnceLock<Node>,
}

/// A part of the paths of fields.
#[derive(Default)]
pub(in crate::diff) struct Node {
    field: Option<&'static Field>,
    named: BTreeMap<&'static str, Node>,
    any: Option<Box<Node>>,
}

/// A list whose items have names.
pub(in crate::diff) struct List {
    /// Its path in the Engine's JSON.
    pub(in crate::diff) engine: &'static str,
    /// What the items are called by.
    pub(in crate::diff) key: ListKey,
}

/// A field, or a whole item of a list.
pub(in crate::diff) struct Field {
    /// Its path in the Engine's JSON.
    pub(in crate::diff) engine: &'static str,
    /// Its path in Compose's words.
    pub(in crate::diff) compose: &'static str,
    /// How its value is written.
    pub(in crate::diff) format: Format,
}

/// A field found by its path.
pub(in crate::diff) struct Found {
    /// Its path in Compose's words, or in the Engine's when Compose has none.
    pub(in crate::diff) path: String,
    /// How its value is written, when the table knows the path.
    pub(in crate::diff) format: Option<Format>,
    /// Whether its value may be secret.
    pub(in crate::diff) secrecy: Secrecy,
}

/// Whether a value may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::diff) enum Secrecy {
    /// It cannot be: it is a reference or an expression about nodes.
    Open,
    /// Its text may hold secrets.
    Scanned,
    /// Its name, too, can say that it is one.
    Named(String),
}

impl Shape {
    /// The field at `path`, whose parts are names and keys.
    pub(in crate::diff) fn find(&self, path: &[&str]) -> Found {
        if let Some((field, keys)) = self.field(path) {
            let secrecy = match (field.format, field.engine.ends_with('*'), keys.last()) {
                (Format::Open | Format::OpenTexts | Format::FileItem, ..) => Secrecy::Open,
                (format, true, Some(key)) if format.is_atomic() => {
                    Secrecy::Named((*key).to_owned())
                }
                _ => Secrecy::Scanned,
            };
            return Found {
                path: filled(field.compose, &keys),
                format: Some(field.format),
                secrecy,
            };
        }
        let name = path.last().copied().unwrap_or_default().to_owned();
        Found { path: path.join("."), format: None, secrecy: Secrecy::Named(name) }
    }

    /// The field at `path`, and the keys in it.
    fn field<'p>(&self, path: &[&'p str]) -> Option<(&'static Field, Vec<&'p str>)> {
        let mut node = self.tree.get_or_init(|| grown(self.fields));
        let mut keys = Vec::new();
        for segment in path {
            node = if let Some(named) = node.named.get(segment) {
                named
            } else {
                keys.push(*segment);
                node.any.as_deref()?
            };
        }
        Some((node.field?, keys))
    }

    /// Whether the values at `path` are compared and taken as a whole, and not part by part.
    pub(in crate::diff) fn is_whole(
        &self,
        path: &[&str],
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> bool {
        let one_sided = before.is_none() || after.is_none();
        let by_table = match self.field(path).map(|(field, _)| field.format) {
            Some(format) => format.is_atomic() || one_sided,
            None => one_sided && self.is_item(path),
        };
        let parts = |value: &Value| value.as_object().map(serde_json::Map::len);
        by_table
            || match (before.map(parts), after.map(parts)) {
                (None, None) => true,
                // Something without parts has come or gone.
                (None, Some(one)) | (Some(one), None) => one.is_none_or(|parts| parts == 0),
                (Some(one), Some(other)) => one.is_none() || other.is_none(),
            }
    }

    /// Whether differences at `path` do not count.
    pub(in crate::diff) fn is_uncompared(&self, path: &[&str]) -> bool {
        self.uncompared.iter().any(|pattern| matched(pattern, path).is_some())
    }
}

fn grown(fields: &'static [Field]) -> Node {
    let mut root = Node::default();
    for field in fields {
        let mut node = &mut root;
        for part in field.engine.split('.') {
            node = match part {
                "*" => node.any.get_or_insert_default(),
                part => node.named.entry(part).or_default(),
            };
        }
        node.field = Some(field);
    }
    root
}

/// What `*` stands for in `pattern` if it matches `path`.
pub(super) fn matched<'p>(pattern: &str, path: &[&'p str]) -> Option<Vec<&'p str>> {
    let mut keys = Vec::new();
    let mut parts = pattern.split('.');
    for segment in path {
        match parts.next()? {
            "*" => keys.push(*segment),
            part if part == *segment => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(keys)
}

/// `pattern` with each `*` replaced by the next key.
fn filled(pattern: &str, keys: &[&str]) -> String {
    let mut keys = keys.iter();
    let mut filled = String::new();
    for (index, part) in pattern.split('*').enumerate() {
        if index > 0 {
            filled.push_str(keys.next().copied().unwrap_or("*"));
        }
        filled.push_str(part);
    }
    filled
}
