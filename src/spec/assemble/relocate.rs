//! Paths of one file, written as another file in another directory would write them.

use crate::spec::yaml::node::{Mapping, Node, Scalar, Value};

/// From which directory to which, both paths of the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move<'a> {
    from: &'a str,
    to: &'a str,
}

impl<'a> Move<'a> {
    /// `None` if it is one directory.
    pub(super) fn between(from: &'a str, to: &'a str) -> Option<Self> {
        (from != to).then_some(Self { from, to })
    }

    /// Rewrites the relative paths of a whole file.
    pub(super) fn document(self, document: &mut Node) {
        for service in values(document, "services") {
            self.service(service);
        }
        for kind in ["configs", "secrets"] {
            for object in values(document, kind) {
                self.field(object, "file");
            }
        }
    }

    /// Rewrites the relative paths of a service: its files, and the host paths of its bind mounts.
    pub(super) fn service(self, service: &mut Node) {
        for key in ["env_file", "label_file"] {
            match field(service, key) {
                Some(Node { value: Value::Sequence(items), .. }) => {
                    for item in items {
                        if let Value::Mapping(_) = item.value {
                            self.field(item, "path");
                        } else {
                            self.text(item);
                        }
                    }
                }
                Some(file @ Node { value: Value::Mapping(_), .. }) => {
                    self.field(file, "path");
                }
                Some(file) => self.text(file),
                None => {}
            }
        }
        let Some(Node { value: Value::Sequence(mounts), .. }) = field(service, "volumes") else {
            return;
        };
        for mount in mounts {
            if is_bind(mount) {
                self.field(mount, "source");
            }
            if let Value::Scalar(Scalar { text, .. }) = &mut mount.value
                && text.starts_with('.')
            {
                *text = match text.split_once(':') {
                    Some((source, rest)) => format!("{}:{rest}", self.path(source)),
                    None => self.path(text),
                };
            }
        }
    }

    fn field(self, node: &mut Node, key: &str) {
        if let Some(value) = field(node, key) {
            self.text(value);
        }
    }

    fn text(self, node: &mut Node) {
        if let Value::Scalar(Scalar { text, .. }) = &mut node.value
            && !is_fixed(text)
        {
            *text = self.path(text);
        }
    }

    /// A relative path; it begins with a dot, so that it is never taken for the name of a volume.
    fn path(self, path: &str) -> String {
        let parts = |path: &'a str| path.split('/').filter(|part| !part.is_empty());
        let shared =
            parts(self.from).zip(parts(self.to)).take_while(|(from, to)| from == to).count();
        let mut out = String::from("./");
        for _ in parts(self.to).skip(shared) {
            out.push_str("../");
        }
        for part in parts(self.from).skip(shared) {
            out.push_str(part);
            out.push('/');
        }
        out.push_str(path.strip_prefix("./").unwrap_or(path));
        out
    }
}

/// Whether a path is the same from everywhere: absolute, in somebody's home, or none at all.
fn is_fixed(path: &str) -> bool {
    let drive = path.chars().nth(1) == Some(':');
    path.is_empty() || path.starts_with(['/', '~', '\\']) || drive
}

fn is_bind(mount: &Node) -> bool {
    let kind = mount.get("type").map(|kind| &kind.value);
    matches!(kind, Some(Value::Scalar(scalar)) if scalar.text == "bind")
}

fn field<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    let Value::Mapping(Mapping { entries }) = &mut node.value else { return None };
    entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
}

fn values<'n>(document: &'n mut Node, key: &str) -> impl Iterator<Item = &'n mut Node> {
    let mapping = match field(document, key) {
        Some(Node { value: Value::Mapping(mapping), .. }) => Some(mapping),
        _ => None,
    };
    mapping.into_iter().flat_map(|mapping| &mut mapping.entries).map(|entry| &mut entry.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_same_file_from_the_other_directory() {
        let moved = |from, to, path: &str| {
            let (from, to): (&'static str, &'static str) = (from, to);
            Move::between(from, to).map(|movement| movement.path(path))
        };
        assert_eq!(moved("common", "shop", "a.env").as_deref(), Some("./../common/a.env"));
        assert_eq!(moved("shop/base", "shop", "./a").as_deref(), Some("./base/a"));
        assert_eq!(moved("", "shop/web", "../a").as_deref(), Some("./../../../a"));
        assert_eq!(moved("a/b", "a/c", ".").as_deref(), Some("./../b/."));
        assert_eq!(moved("shop", "shop", "a"), None);
    }
}
