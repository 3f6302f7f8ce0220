//! Names with values: labels, driver options, kernel parameters.

use indexmap::IndexMap;
use schemars::json_schema;

use super::inline_schema::inline_schema;
use super::text_list::report_duplicates;
use crate::model::labels;
use crate::spec::decode::{Cursor, Decode, Located, Report, go_text};
use crate::spec::yaml::node::Value;

/// Names with values, as a mapping or as a list of `name=value`; a name alone has an empty value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(pub IndexMap<String, Located<String>>);

impl Pairs {
    /// As the Engine has them.
    pub fn to_map(&self) -> labels::Labels {
        self.0.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect()
    }
}

impl Decode for Pairs {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        match &at.node.value {
            Value::Mapping(_) => Options::decode(at, report).map(|options| Self(options.0)),
            Value::Sequence(_) => {
                let items: Vec<Located<String>> = at.get(report)?;
                report_duplicates(at, &items, report);
                let pair = |item: Located<String>| {
                    let (name, value) = item.value.split_once('=').unwrap_or((&item.value, ""));
                    (name.to_owned(), item.with(value.to_owned()))
                };
                Some(Self(items.into_iter().map(pair).collect()))
            }
            Value::Scalar(_) => {
                report.push(at.expected("a mapping or a list"));
                None
            }
        }
    }
}

inline_schema!(Pairs, |generator| json_schema!({
    "anyOf": [
        Options::json_schema(generator),
        { "type": "array", "items": { "type": "string" }, "uniqueItems": true }
    ]
}));

/// Names with values as a mapping only, such as `driver_opts`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(pub IndexMap<String, Located<String>>);

impl Options {
    /// As the Engine has them.
    pub fn to_map(&self) -> labels::Labels {
        self.0.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect()
    }
}

impl Decode for Options {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut pairs = IndexMap::new();
        for (entry, value) in at.entries(report)? {
            let text = match go_text(&value) {
                Some(text) => text,
                None if value.node.is_null() => String::new(),
                None => {
                    report.push(value.expected("text or a number"));
                    continue;
                }
            };
            let place = if value.node.is_null() { &entry.key_place } else { value.place() };
            pairs.insert(entry.key.clone(), Located::new(text, place.clone()));
        }
        Some(Self(pairs))
    }
}

inline_schema!(Options, |_| json_schema!({
    "type": "object",
    "additionalProperties": { "type": ["string", "number", "boolean", "null"] }
}));
