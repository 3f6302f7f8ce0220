//! `depends_on` of a service.

use indexmap::IndexMap;
use schemars::json_schema;

use super::inline_schema::inline_schema;
use super::text_list::TextSet;
use crate::model::desired::Condition;
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// A service that this one needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// What must be true of it.
    pub condition: Condition,
    /// Whether it must be declared at all.
    pub required: bool,
    /// Whether it stands in a plain list, which docker reads without looking at it.
    pub listed: bool,
}

/// The services that a service needs, by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DependsOn(pub IndexMap<String, Located<Need>>);

const CONDITIONS: [&str; 3] =
    ["service_started", "service_healthy", "service_completed_successfully"];

impl Decode for DependsOn {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut needs = IndexMap::new();
        match &at.node.value {
            Value::Sequence(_) => {
                let names: TextSet = at.get(report)?;
                for name in names.0 {
                    let need = Need { listed: true, ..Need::default() };
                    let need = name.with(need);
                    needs.insert(name.value, need);
                }
            }
            Value::Mapping(_) | Value::Scalar(_) => {
                for (entry, value) in at.entries(report)? {
                    let need = super::definitions::or_empty(&value, report).unwrap_or_default();
                    needs.insert(entry.key.clone(), Located::new(need, entry.key_place.clone()));
                }
            }
        }
        Some(Self(needs))
    }
}

impl Default for Need {
    fn default() -> Self {
        Self { condition: Condition::ServiceStarted, required: true, listed: false }
    }
}

impl Decode for Need {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let condition = fields.choice("condition", &CONDITIONS, report);
        let condition = match condition.as_ref().map(|word| word.as_str()) {
            Some("service_healthy") => Condition::ServiceHealthy,
            Some("service_completed_successfully") => Condition::ServiceCompletedSuccessfully,
            _ => Condition::ServiceStarted,
        };
        let required = fields.get("required", report).unwrap_or(true);
        let restart = fields.get::<Located<bool>>("restart", report);
        if let Some(restart) = restart.filter(|restart| restart.value) {
            let mut finding =
                at.warning("not-on-swarm", "cannot restart one service with another on a Swarm");
            finding.place = Some(restart.place);
            report.push(finding.hint("remove `restart`"));
        }
        fields.finish(report);
        Some(Self { condition, required, listed: false })
    }
}

inline_schema!(DependsOn, |_| json_schema!({
    "anyOf": [
        { "type": "array", "items": { "type": "string" }, "uniqueItems": true },
        {
            "type": "object",
            "additionalProperties": {
                "type": ["object", "null"],
                "properties": {
                    "condition": {
                        "enum": CONDITIONS,
                        "description": "What must be true of the service first."
                    },
                    "required": {
                        "type": "boolean",
                        "description": "Whether the service must be declared at all."
                    },
                    "restart": { "type": "boolean", "description": "Not on Swarm." }
                },
                "additionalProperties": false
            }
        }
    ],
    "examples": [{ "migrate": { "condition": "service_completed_successfully" } }]
}));
