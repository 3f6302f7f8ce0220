//! A node together with its key path: the one thing that decoding reads from.

use std::fmt::Display;

use super::{Fields, KeyPath, Report};
use crate::model::finding::Finding;
use crate::model::place::Place;
use crate::spec::yaml::node::{Entry, Node, Scalar, Value};

/// A type that can be read from YAML.
pub trait Decode: Sized {
    /// Reads a value. `None` means that it could not be read and that `report` says why.
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self>;
}

/// What stands in messages for what came from a variable.
const FROM_VARIABLE: &str = "the value of its variable";

/// A node and the path of keys that leads to it.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    /// The node.
    pub node: &'a Node,
    /// The path that leads to it.
    pub path: KeyPath,
}

impl<'a> Cursor<'a> {
    /// The top of a file.
    pub fn top(node: &'a Node) -> Self {
        Self { node, path: KeyPath::default() }
    }

    /// Where the value was written.
    pub fn place(&self) -> &'a Place {
        &self.node.place
    }

    /// An error about this value: its path, then `says`.
    pub fn error(&self, code: &'static str, says: impl Display) -> Finding {
        self.with_use(Finding::error(code, self.place().clone(), self.sentence(says)))
    }

    /// A warning about this value: its path, then `says`.
    pub fn warning(&self, code: &'static str, says: impl Display) -> Finding {
        self.with_use(Finding::warning(code, self.place().clone(), self.sentence(says)))
    }

    /// The error that this value should have been `expected`.
    pub fn expected(&self, expected: &str) -> Finding {
        if let Value::Scalar(Scalar { interpolated: true, text, .. }) = &self.node.value
            && text.is_empty()
        {
            let says = format_args!("must be {expected}, but its variable is empty");
            return self
                .error("wrong-type", says)
                .hint("set the variable, or give it a default: ${NAME:-…}");
        }
        let found = match self.node.describe() {
            "a number" if expected.contains("number") => "a fraction",
            found => found,
        };
        let finding = self.error("wrong-type", format_args!("must be {expected}, not {found}"));
        match &self.node.value {
            Value::Scalar(_) if self.node.is_null() && self.path.is_top() => {
                finding.hint("the file is empty; a stack has at least `services:`")
            }
            Value::Scalar(_) if self.node.is_null() => {
                finding.hint("give it a value, or remove the key")
            }
            Value::Scalar(_) if expected.ends_with("a list") => {
                finding.hint("write each item on a line of its own, behind `- `")
            }
            _ => finding,
        }
    }

    /// The value, or a part of it, in quotes for a message; not if it came from a variable, which may hold a secret.
    pub fn quoted(&self, text: &str) -> String {
        match (self.node.holds_variable(), text) {
            (true, "") => "nothing, because its variable is empty".to_owned(),
            (true, _) => FROM_VARIABLE.to_owned(),
            (false, text) => format!("\"{text}\""),
        }
    }

    /// The same of a number, without quotes.
    pub fn number(&self, number: impl Display) -> String {
        if self.node.holds_variable() { FROM_VARIABLE.to_owned() } else { number.to_string() }
    }

    fn sentence(&self, says: impl Display) -> String {
        if self.path.is_top() {
            format!("the file {says}")
        } else {
            format!("{} {says}", self.path)
        }
    }

    fn with_use(&self, finding: Finding) -> Finding {
        match &self.node.used_at {
            Some(place) => finding.related((**place).clone(), "used here"),
            None => finding,
        }
    }

    /// Reads the value as a `T`.
    pub fn get<T: Decode>(&self, report: &mut Report) -> Option<T> {
        T::decode(self, report)
    }

    /// Its entries by asked-for key, if it is a mapping.
    pub fn fields(&self, report: &mut Report) -> Option<Fields<'a>> {
        match &self.node.value {
            Value::Mapping(mapping) => Some(Fields::new(self.clone(), mapping)),
            Value::Sequence(_) | Value::Scalar(_) => {
                report.push(self.expected("a mapping"));
                None
            }
        }
    }

    /// Its entries with whatever keys it has, if it is a mapping.
    pub fn entries(
        &self,
        report: &mut Report,
    ) -> Option<impl Iterator<Item = (&'a Entry, Cursor<'a>)> + use<'a>> {
        match &self.node.value {
            Value::Mapping(mapping) => {
                let path = self.path.clone();
                Some(mapping.entries.iter().map(move |entry| {
                    (entry, Cursor { node: &entry.value, path: path.key(entry.key.clone()) })
                }))
            }
            Value::Sequence(_) | Value::Scalar(_) => {
                report.push(self.expected("a mapping"));
                None
            }
        }
    }

    /// Its items, if it is a list.
    pub fn items(&self, report: &mut Report) -> Option<impl Iterator<Item = Cursor<'a>> + use<'a>> {
        match &self.node.value {
            Value::Sequence(items) => {
                let path = self.path.clone();
                Some(
                    items
                        .iter()
                        .enumerate()
                        .map(move |(index, node)| Cursor { node, path: path.index(index) }),
                )
            }
            Value::Mapping(_) | Value::Scalar(_) => {
                report.push(self.expected("a list"));
                None
            }
        }
    }
}
