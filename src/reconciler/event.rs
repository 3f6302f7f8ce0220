//! What happens while plans are carried out, for whoever shows it.

use crate::model::key::ObjectKey;

use super::plan::Plan;

/// Something that happened. Events are for people; nothing is decided by them.
#[derive(Debug)]
pub enum Event<'a> {
    /// A pass has made its plan and is about to perform its steps.
    Planned {
        /// Number of the pass, from 1.
        pass: u32,
        /// The plan.
        plan: &'a Plan,
    },
    /// A step was performed.
    Performed {
        /// What was done, as a verb in the past: `created`.
        done: &'static str,
        /// With which object.
        object: &'a ObjectKey,
        /// Whether this run had written the same before, so that somebody else must have changed it since.
        again: bool,
        /// What the Engine finds doubtful about it.
        warnings: Vec<String>,
    },
    /// A step could not be performed now; a later pass looks again.
    Deferred {
        /// Which object.
        object: &'a ObjectKey,
        /// Why, in a few words.
        reason: String,
        /// Whether the Engine may have done it without being able to say so.
        may_have_happened: bool,
    },
    /// The Engine refused a step for good.
    Failed {
        /// Which object.
        object: &'a ObjectKey,
        /// Why, in the Engine's words.
        reason: String,
    },
    /// The Swarm could not be observed; it is tried again.
    Unreachable {
        /// Why.
        reason: String,
    },
}

impl Event<'_> {
    /// The object that it is about, if it is about one.
    pub fn object(&self) -> Option<&ObjectKey> {
        match self {
            Self::Performed { object, .. }
            | Self::Deferred { object, .. }
            | Self::Failed { object, .. } => Some(object),
            Self::Planned { .. } | Self::Unreachable { .. } => None,
        }
    }
}
