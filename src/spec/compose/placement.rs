//! `deploy.placement` of a service.

use schemars::JsonSchema;

use crate::spec::decode::{Cursor, Decode, Located, Report};

/// Where tasks may run.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Placement {
    /// Expressions that a node must satisfy.
    #[schemars(example = ["node.role == manager"])]
    pub constraints: Option<Located<Vec<Located<String>>>>,
    /// How tasks are spread.
    pub preferences: Option<Located<Vec<Preference>>>,
    /// Tasks of the service on one node at most; 0 is unlimited.
    pub max_replicas_per_node: Option<Located<u64>>,
}

/// A rule of spreading.
#[derive(Debug, Clone, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Preference {
    /// The label over whose values tasks are spread evenly.
    #[schemars(example = &"node.labels.zone")]
    pub spread: Located<String>,
}

impl Decode for Placement {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let placement = Self {
            constraints: fields.get("constraints", report),
            preferences: fields.get("preferences", report),
            max_replicas_per_node: fields.get("max_replicas_per_node", report),
        };
        fields.finish(report);
        Some(placement)
    }
}

impl Decode for Preference {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let spread = fields.get("spread", report);
        if fields.lacks("spread") {
            report.push(
                at.error("missing-key", "needs a `spread`")
                    .hint("such as `spread: node.labels.zone`"),
            );
        }
        fields.finish(report);
        Some(Self { spread: spread? })
    }
}
