//! `ulimits` of a service.

use indexmap::IndexMap;
use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// Limits of a container's processes, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ulimits(pub IndexMap<String, Located<Limit>>);

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What a process starts with.
    pub soft: i64,
    /// What it may raise it to.
    pub hard: i64,
}

impl Decode for Limit {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if !matches!(at.node.value, Value::Mapping(_)) {
            let both = at.get(report)?;
            return Some(Self { soft: both, hard: both });
        }
        let mut fields = at.fields(report)?;
        let (soft, hard) = (fields.get("soft", report), fields.get("hard", report));
        for key in ["soft", "hard"] {
            if fields.lacks(key) {
                report.push(at.error("missing-key", format_args!("needs a `{key}`")));
            }
        }
        fields.finish(report);
        Some(Self { soft: soft?, hard: hard? })
    }
}

impl Decode for Ulimits {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let limits = at
            .entries(report)?
            .filter_map(|(entry, limit)| Some((entry.key.clone(), limit.get(report)?)))
            .collect();
        Some(Self(limits))
    }
}

inline_schema!(Ulimits, |_| json_schema!({
    "type": "object",
    "additionalProperties": {
        "anyOf": [
            { "type": "integer" },
            {
                "type": "object",
                "properties": {
                    "soft": { "type": "integer", "description": "What a process starts with." },
                    "hard": { "type": "integer", "description": "What it may raise it to." }
                },
                "required": ["soft", "hard"],
                "additionalProperties": false
            }
        ]
    },
    "examples": [{ "nofile": { "soft": 20000, "hard": 40000 } }]
}));
