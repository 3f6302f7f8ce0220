//! Why a pass is made: for people to read. A pass itself never looks at it.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// What woke the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It has just been started.
    Start,
    /// A source has other stacks, or the settings say something else about them.
    Revision,
    /// Somebody asked for a pass.
    Asked,
    /// The process got a hang-up signal.
    Signal,
    /// The engine told of a change in the Swarm.
    Event,
    /// The proxy has another configuration.
    Proxy,
    /// The engine's events can be heard again after a gap in which anything may have happened.
    Gap,
    /// Something is on its way.
    Progress,
    /// What failed, or was put off, is due again.
    Retry,
    /// It is time to compare everything, whatever was or was not heard of.
    Resync,
}

impl Reason {
    /// The word for it in logs and in the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Revision => "revision",
            Self::Asked => "asked",
            Self::Signal => "signal",
            Self::Event => "event",
            Self::Proxy => "proxy",
            Self::Gap => "gap",
            Self::Progress => "progress",
            Self::Retry => "retry",
            Self::Resync => "resync",
        }
    }

    /// Whether many of them in a short time are one, and none of them ends the patience with an engine in trouble.
    pub(super) const fn can_wait(self) -> bool {
        matches!(self, Self::Event | Self::Proxy | Self::Progress | Self::Retry | Self::Resync)
    }
}

/// Everything that woke the controller for one pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Reasons(BTreeSet<Reason>);

impl Reasons {
    /// Takes note of a reason.
    pub fn add(&mut self, reason: Reason) {
        self.0.insert(reason);
    }

    /// Whether `reason` is among them.
    pub fn has(&self, reason: Reason) -> bool {
        self.0.contains(&reason)
    }

    /// The word for the one that says most: a revision says more than that it was time to look.
    pub fn first(&self) -> &'static str {
        self.0.first().map_or("", |reason| reason.as_str())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Reason> for Reasons {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        Self(reasons.into_iter().collect())
    }
}

/// `revision, event`
impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, reason) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}", reason.as_str())?;
        }
        Ok(())
    }
}
