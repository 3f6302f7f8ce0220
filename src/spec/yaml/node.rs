//! The located tree: what YAML says, and where.

use crate::model::place::Place;

/// One value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it was written.
    pub place: Place,
    /// Where it is used, when an alias, a merge key or an `extends` brought it there; boxed as most nodes have none.
    pub used_at: Option<Box<Place>>,
    /// A local tag such as `!reset` or `!override`; core tags are resolved and gone.
    pub tag: Option<String>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, merge keys already applied.
    Mapping(Mapping),
}

/// A scalar: its text as written, and what Go's YAML library makes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text, without quotes and with escapes undone.
    pub text: String,
    /// Its type after resolution.
    pub kind: ScalarKind,
    /// Where each `$` of the text was written, for messages about variables; empty when that is unknown.
    pub dollars: Vec<Spot>,
    /// Whether a variable stood in it. Its kind is then [`ScalarKind::String`], and whoever wants a number
    /// or a boolean reads it from the text, as docker does.
    pub interpolated: bool,
}

/// A line and column in the file of a node, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// The type of a scalar as go-yaml v3 resolves it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScalarKind {
    /// `null`, `~`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer in any notation that Go reads: `10`, `0o17`, `017`, `0x1F`, `0b11`, `1_000`.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A floating-point number.
    Float(f64),
    /// A date or time; its text stays as written.
    Timestamp,
    /// Text.
    String,
}

/// A mapping in the order of the file. Keys are unique.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mapping {
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key; keys of other types than text are refused when parsing.
    pub key: String,
    /// Where the key was written.
    pub key_place: Place,
    /// The value.
    pub value: Node,
}

impl Scalar {
    /// A scalar as it is, without variables.
    pub fn new(text: impl Into<String>, kind: ScalarKind) -> Self {
        Self { text: text.into(), kind, dollars: Vec::new(), interpolated: false }
    }
}

impl Mapping {
    /// The entry with `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }
}

impl Node {
    /// A null that stands where a value could.
    pub fn null(place: Place) -> Self {
        let scalar = Scalar::new("", ScalarKind::Null);
        Self { value: Value::Scalar(scalar), place, used_at: None, tag: None }
    }

    /// The value of `key`, when it is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Mapping(mapping) => mapping.get(key),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    /// Whether a variable stood in it or below it.
    pub fn holds_variable(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => scalar.interpolated,
            Value::Sequence(items) => items.iter().any(Self::holds_variable),
            Value::Mapping(mapping) => {
                mapping.entries.iter().any(|entry| entry.value.holds_variable())
            }
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { kind: ScalarKind::Null, .. }))
    }

    /// What it is, in the words of an error message: "a list", "a number".
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "nothing",
                ScalarKind::Bool(_) => "a boolean",
                ScalarKind::Int(_) | ScalarKind::Uint(_) | ScalarKind::Float(_) => "a number",
                ScalarKind::Timestamp => "a date",
                ScalarKind::String => "text",
            },
        }
    }
}
