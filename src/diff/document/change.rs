//! One object that changes: what is done, what it costs, and why.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::key::ObjectKey;
use crate::model::place::Place;

use super::field::FieldChange;
use super::hold::{Hold, HoldCode};

/// One object that would change.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// Which object.
    pub object: ObjectKey,
    /// What is done with it.
    pub action: Action,
    /// What that does to running tasks.
    pub effect: Effect,
    /// Where the requests of a route go: `shop_web:8080`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Why; more than one when different fields have different causes.
    pub causes: Vec<Cause>,
    /// Where the object is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The fields that change, by path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// How many further fields are set and stay.
    pub unchanged_fields: usize,
    /// How the data of a config or secret changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// What must be true before it is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
    /// Why it is not done now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// What else a person should know, each a fragment.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What is done with an object.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is written over.
    Update,
    /// It is removed and made again.
    Replace,
    /// It is removed.
    Remove,
    /// It is taken over from `docker stack deploy`.
    Adopt,
    /// It goes on under another name or in another stack.
    Move,
}

/// What a change does to running tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Effect {
    /// The object has no tasks.
    None,
    /// Tasks stay as they are, but for those that are added or taken away.
    InPlace {
        /// Tasks that are added.
        starts: u64,
        /// Tasks that are taken away.
        stops: u64,
    },
    /// New tasks start.
    Starts {
        /// How many; unknown for a global service before its nodes are known.
        tasks: Option<u64>,
    },
    /// Running tasks are replaced step by step.
    Rolls {
        /// How many.
        tasks: u64,
        /// How many at a time; zero is all at once.
        parallelism: u64,
        /// Which comes first.
        order: RolloutOrder,
        /// How many tasks serve at every moment, if the update goes well.
        keep_serving: u64,
    },
    /// A job runs for the first time or again.
    RunsJob {
        /// Whether it has run before.
        again: bool,
        /// How many tasks must complete; unknown for a global job before its nodes are known.
        completions: Option<u64>,
    },
    /// All tasks stop before new ones start.
    Downtime {
        /// Tasks that stop.
        tasks: u64,
    },
    /// All tasks stop.
    Stops {
        /// How many.
        tasks: u64,
    },
}

/// Whether the old task stops before the new one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutOrder {
    /// The old task stops first.
    StopFirst,
    /// The new task starts first.
    StartFirst,
}

/// Why something changes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The declaration changed.
    Git,
    /// The live object was changed by someone else.
    Drift,
    /// The tag points to another image now.
    Image,
    /// It was tried before.
    Retry,
    /// A person asked for it.
    Manual,
    /// A newer generation has taken its place.
    Superseded,
    /// It belonged to `docker stack deploy` so far.
    Ownership,
    /// The credentials for the registry changed.
    Credentials,
}

/// Something that must be true before a change is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct After {
    /// Of which object.
    pub object: ObjectKey,
    /// What.
    pub need: Need,
}

/// What must be true of another object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// It exists.
    Created,
    /// A task of it runs.
    Started,
    /// It has converged.
    Healthy,
    /// The job has completed.
    Completed,
    /// Nothing uses it any more.
    Unused,
    /// It is gone.
    Removed,
}

/// How the data of a config or secret changes, without the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Content {
    /// There is no earlier generation.
    New {
        /// Size of the data.
        bytes: usize,
    },
    /// Text that differs from an earlier generation.
    Lines {
        /// Name of the earlier generation.
        from: String,
        /// Lines that are new.
        added: usize,
        /// Lines that are gone.
        removed: usize,
        /// The difference itself in unified format; only when contents are asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        unified: Option<String>,
    },
    /// Data that is no text and differs from an earlier generation.
    Binary {
        /// Name of the earlier generation.
        from: String,
        /// Its size.
        before_bytes: usize,
        /// Size of the new data.
        after_bytes: usize,
    },
    /// Data that nobody sees, such as a secret's.
    Hidden {
        /// Name of the earlier generation, if there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
    },
}

impl Change {
    /// A change without fields, holds or notes.
    pub fn new(object: ObjectKey, action: Action, effect: Effect, causes: Vec<Cause>) -> Self {
        Self {
            object,
            action,
            effect,
            target: None,
            causes,
            place: None,
            fields: Vec::new(),
            unchanged_fields: 0,
            content: None,
            after: Vec::new(),
            holds: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What it comes after, without that which a hold already tells in more words.
    pub fn told_after(&self) -> impl Iterator<Item = &After> {
        self.after.iter().filter(|after| {
            !self.holds.iter().any(|hold| match after.need {
                Need::Unused => hold.code == HoldCode::WaitsForTasksGone,
                Need::Created | Need::Started | Need::Healthy | Need::Completed | Need::Removed => {
                    hold.needs.as_ref() == Some(&after.object)
                }
            })
        })
    }

    /// Whether a person or a commit is needed before it is done.
    pub fn is_standing(&self) -> bool {
        self.holds.iter().any(Hold::is_standing)
    }
}

impl Effect {
    /// Its name, as `kind` in the JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::InPlace { .. } => "in-place",
            Self::Starts { .. } => "starts",
            Self::Rolls { .. } => "rolls",
            Self::RunsJob { .. } => "runs-job",
            Self::Downtime { .. } => "downtime",
            Self::Stops { .. } => "stops",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Remove => "remove",
            Self::Adopt => "adopt",
            Self::Move => "move",
        })
    }
}

impl fmt::Display for RolloutOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::StopFirst => "stop-first",
            Self::StartFirst => "start-first",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Git => "git",
            Self::Drift => "drift",
            Self::Image => "image",
            Self::Retry => "retry",
            Self::Manual => "manual",
            Self::Superseded => "superseded",
            Self::Ownership => "ownership",
            Self::Credentials => "credentials",
        })
    }
}

/// As it goes after the object's name: `service shop_db is healthy`.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Created => "exists",
            Self::Started => "has started",
            Self::Healthy => "is healthy",
            Self::Completed => "has completed",
            Self::Unused => "is unused",
            Self::Removed => "is gone",
        })
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, need } = self;
        write!(f, "{object} {need}")
    }
}
