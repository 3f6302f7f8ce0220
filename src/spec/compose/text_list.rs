//! Lists of text, in the short form of a single text too.

use std::collections::HashMap;

use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::model::finding::Related;
use crate::model::place::Place;
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// One text or a list of them, such as `dns: 1.1.1.1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextList(pub Vec<Located<String>>);

impl TextList {
    /// The texts alone.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|text| text.value.clone()).collect()
    }
}

impl Decode for TextList {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        match &at.node.value {
            Value::Sequence(_) => at.get(report).map(Self),
            Value::Scalar(_) => Some(Self(vec![at.get(report)?])),
            Value::Mapping(_) => {
                report.push(at.expected("text or a list"));
                None
            }
        }
    }
}

inline_schema!(TextList, |_| json_schema!({
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
}));

/// A list of texts that are all different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextSet(pub Vec<Located<String>>);

impl TextSet {
    /// The texts alone.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|text| text.value.clone()).collect()
    }
}

impl Decode for TextSet {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let items: Vec<Located<String>> = at.get(report)?;
        report_duplicates(at, &items, report);
        Some(Self(items))
    }
}

inline_schema!(
    TextSet,
    |_| json_schema!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true })
);

/// Reports items that stand in a list twice. The values are not shown: they may be sensitive.
pub(super) fn report_duplicates(at: &Cursor<'_>, items: &[Located<String>], report: &mut Report) {
    let mut seen: HashMap<&str, &Place> = HashMap::new();
    for item in items {
        let Some(first) = seen.insert(&item.value, &item.place) else { continue };
        let mut finding = at.error("duplicate-item", "lists the same item twice");
        finding.place = Some(item.place.clone());
        finding.related =
            vec![Related { place: first.clone(), message: "first listed here".into() }];
        report.push(finding.hint("remove one of the two"));
        seen.insert(&item.value, first);
    }
}
