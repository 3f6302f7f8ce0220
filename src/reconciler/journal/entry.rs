//! The history of a stack: which revisions were tried, and how that ended.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diff::document::Cause;
use crate::model::nanos::Nanos;

/// How a release ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As declared and healthy.
    Healthy,
    /// Swarm put the release before back.
    RolledBack,
    /// Swarm stopped it after a failure.
    Paused,
    /// Services do not work, and will not by waiting.
    Failed,
    /// Something is in the way that only a new revision or a person can move.
    Blocked,
    /// The engine or a registry failed; it is tried again.
    Retrying,
    /// A person suspended the stack before it was over.
    Suspended,
    /// Another revision came before it was over.
    Superseded,
    /// The stack is no longer declared, and nothing of it is left.
    Removed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Healthy,
        Self::RolledBack,
        Self::Paused,
        Self::Failed,
        Self::Blocked,
        Self::Retrying,
        Self::Suspended,
        Self::Superseded,
        Self::Removed,
    ];

    /// The word for it, as JSON has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::RolledBack => "rolled-back",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Retrying => "retrying",
            Self::Suspended => "suspended",
            Self::Superseded => "superseded",
            Self::Removed => "removed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What became of a revision of a stack. Tries of one revision that end alike are one entry, which its stack and the time
/// when the first of them began tell from all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// The stack.
    pub stack: String,
    /// The source that declares it.
    pub source: String,
    /// The revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Who wrote it, by name, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The first line of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why something was written: `git`, `image`, `retry`…
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, where it did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the first try began.
    #[schemars(with = "String")]
    pub began: Timestamp,
    /// When the last one ended.
    #[schemars(with = "String")]
    pub ended: Timestamp,
    /// How long the last one took, in milliseconds.
    pub milliseconds: u64,
    /// How many tries ended like this.
    pub tried: u64,
}

impl Entry {
    /// How long the last try took: in whole seconds, `42s` or `3m7s`; less than one in milliseconds.
    pub fn took(&self) -> String {
        let milliseconds = i64::try_from(self.milliseconds).unwrap_or(i64::MAX);
        let rounded =
            if milliseconds < 1_000 { milliseconds } else { milliseconds / 1_000 * 1_000 };
        Nanos(rounded.saturating_mul(1_000_000)).to_string()
    }

    /// Whether `later`, which comes after this one, is another try of the same that ended in the same way.
    fn is_repeated_by(&self, later: &Self) -> bool {
        self.stack == later.stack
            && self.revision == later.revision
            && self.outcome == later.outcome
    }

    /// This entry and `later` as one.
    fn and(&self, later: Self) -> Self {
        Self {
            began: self.began,
            tried: self.tried.saturating_add(later.tried),
            author: later.author.or_else(|| self.author.clone()),
            subject: later.subject.or_else(|| self.subject.clone()),
            ..later
        }
    }

    /// Adds `later` to `entries`, the newest of which comes first, and returns it as it stands there. Only as far back
    /// as the revision is the same may it be one more try of something: a revision that was left and comes again is a new
    /// one.
    pub(super) fn add(entries: &mut Vec<Arc<Self>>, later: Self) -> Arc<Self> {
        let mut same = entries.iter().take_while(|entry| entry.revision == later.revision);
        let entry = match same.position(|entry| entry.is_repeated_by(&later)) {
            Some(place) => entries.remove(place).and(later),
            None => later,
        };
        let entry = Arc::new(entry);
        entries.insert(0, Arc::clone(&entry));
        entry
    }
}
