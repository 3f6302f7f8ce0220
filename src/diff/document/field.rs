//! One field of an object that changes, with values fit to be shown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::desired::FieldPath;
use crate::model::place::Place;

use super::change::Cause;

/// A field whose value changes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FieldChange {
    /// Which field, in Compose's words.
    pub path: FieldPath,
    /// The live value; absent when the field is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Shown>,
    /// The declared value; absent when the field is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Shown>,
    /// What a change of this field costs.
    pub impact: Impact,
    /// Whether tasks restart because of it in this plan.
    pub causes_roll: bool,
    /// Why it changes, where that is known for the field itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Where the declared value was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A value as people write it, with everything sensitive already taken out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Shown {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A fraction, such as a tolerated failure ratio.
    Number(f64),
    /// Text; durations, sizes and permission bits are text too (`10s`, `256M`, `0444`).
    Text(String),
    /// A list whose order counts or whose items have no names.
    List(Vec<Shown>),
    /// A value that is not shown.
    Sensitive {
        /// Equal numbers stand for equal values within one document.
        sensitive: u32,
    },
    /// A value that was masked where it came from, so that nobody can tell whether it changed.
    NotComparable {
        /// Always true.
        not_comparable: bool,
    },
}

/// What a change of a field costs (swarmkit `manager/orchestrator/task.go`, `IsTaskDirty`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Impact {
    /// Tasks stay.
    InPlace,
    /// Tasks stay where their node still satisfies the new placement, and restart elsewhere.
    Placement,
    /// Tasks restart.
    Roll,
    /// The job runs again.
    Rerun,
    /// The object must be removed and created again.
    Replace,
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
