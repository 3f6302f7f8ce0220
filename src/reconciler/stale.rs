//! What makes a plan stale: an object that is not, or would not become, what the plan says.

use std::fmt;

use crate::diff::document::{Action, Change};
use crate::model::desired::FieldPath;
use crate::model::key::ObjectKey;

/// An object that a plan is stale about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Which.
    pub object: ObjectKey,
    /// In what way.
    pub why: Why,
}

/// In what way a plan is stale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It would change now, in these fields where it is there, and the plan does not list it.
    Unlisted(Vec<FieldPath>),
    /// Somebody else has changed it, in these fields where they are known.
    Moved(Vec<FieldPath>),
    /// The change would do something else to it or to its tasks.
    Otherwise {
        /// What the plan says.
        planned: String,
        /// What it would be.
        now: String,
    },
    /// It would become something else.
    OtherResult,
}

impl Stale {
    /// A change that is not listed.
    pub(super) fn unlisted(change: &Change) -> Self {
        let is_there = matches!(change.action, Action::Update | Action::Adopt);
        let fields = change.fields.iter().filter(|_| is_there);
        let paths = fields.map(|field| field.path.clone()).collect();
        Self { object: change.object.clone(), why: Why::Unlisted(paths) }
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, why } = self;
        let named = |paths: &[FieldPath]| {
            paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match why {
            Why::Unlisted(paths) => {
                write!(f, "{object} would change now")?;
                if !paths.is_empty() {
                    write!(f, " ({})", named(paths))?;
                }
                f.write_str(", and was not in the plan that you agreed to")
            }
            Why::Moved(paths) if paths.is_empty() => {
                write!(f, "{object} has changed since the plan was made")
            }
            Why::Moved(paths) => {
                write!(f, "{object} has changed since the plan was made: {}", named(paths))
            }
            Why::Otherwise { planned, now } => {
                write!(f, "{object} was planned as {planned}, and is {now} now")
            }
            Why::OtherResult => write!(f, "{object} would become something else than planned"),
        }
    }
}
