//! Something that happened, as a value with a stable code, for people and for those who tell them.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much an event matters. Later ones matter more.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// It may need somebody, or pass by itself.
    Warning,
    /// It needs somebody.
    Error,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

macro_rules! event_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $severity:ident;)+) => {
        /// The stable names of what can happen.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum EventKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl EventKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as it is written, such as `release-rolled-back`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// How much an event of this kind matters when it begins.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)+
                }
            }
        }
    };
}

event_kinds! {
    /// A controller has begun to look after the fleet.
    ControllerStarted = "controller-started", Info;
    /// A source has another revision.
    RevisionFound = "revision-found", Info;
    /// The newest revision of a source has errors; stacks with errors stay as they are.
    RevisionInvalid = "revision-invalid", Error;
    /// A source cannot be read.
    SourceFailing = "source-failing", Error;
    /// What a stack declares is being written to the Swarm.
    ReleaseStarted = "release-started", Info;
    /// A release is as declared and healthy.
    ReleaseHealthy = "release-healthy", Info;
    /// Swarm put the release before back, because tasks of the new one failed.
    ReleaseRolledBack = "release-rolled-back", Error;
    /// Swarm stopped a release, or its rollback, after a failure.
    ReleasePaused = "release-paused", Error;
    /// Tasks of a service fail. A warning while they may recover, an error once waiting does not help.
    ServiceFailing = "service-failing", Error;
    /// Tasks wait for a node that takes them.
    ServicePending = "service-pending", Warning;
    /// A job will not complete.
    JobFailed = "job-failed", Error;
    /// A release of a stack failed, or services of it do not work.
    StackDegraded = "stack-degraded", Error;
    /// The stack is no longer declared, and nothing of it is left.
    StackRemoved = "stack-removed", Info;
    /// Only a new revision or a person can help the stack.
    StackBlocked = "stack-blocked", Error;
    /// A write failed, or a registry is out of reach; it is tried again later and later.
    StackRetrying = "stack-retrying", Warning;
    /// A person has the controller leave the stack alone, or all of them.
    StackSuspended = "stack-suspended", Info;
    /// A guard keeps something from being removed.
    DeletionBlocked = "deletion-blocked", Warning;
    /// Somebody changed objects of a stack by hand, and they stay so for now.
    DriftFound = "drift-found", Warning;
    /// What somebody changed by hand was put right.
    DriftRepaired = "drift-repaired", Info;
    /// The Swarm cannot be observed.
    EngineUnreachable = "engine-unreachable", Error;
    /// The controller works with another manager.
    EngineChanged = "engine-changed", Warning;
    /// The settings file has errors, and what it said before stays in force.
    SettingsInvalid = "settings-invalid", Error;
}

impl EventKind {
    /// Whether events of this kind begin something that has an end.
    pub const fn is_problem(self) -> bool {
        match self {
            Self::ControllerStarted
            | Self::RevisionFound
            | Self::ReleaseStarted
            | Self::ReleaseHealthy
            | Self::StackRemoved
            | Self::DriftRepaired
            | Self::EngineChanged => false,
            Self::RevisionInvalid
            | Self::SourceFailing
            | Self::ReleaseRolledBack
            | Self::ReleasePaused
            | Self::ServiceFailing
            | Self::ServicePending
            | Self::JobFailed
            | Self::StackDegraded
            | Self::StackBlocked
            | Self::StackRetrying
            | Self::StackSuspended
            | Self::DeletionBlocked
            | Self::DriftFound
            | Self::EngineUnreachable
            | Self::SettingsInvalid => true,
        }
    }
}

impl EventKind {
    /// Whether people want to hear of it although it was over before anybody told them: a release failed, however soon
    /// it was put right. What just passes by, such as a connection that was lost for a moment, is no news.
    pub const fn outlives_its_end(self) -> bool {
        matches!(
            self,
            Self::ReleaseRolledBack | Self::ReleasePaused | Self::ServiceFailing | Self::JobFailed
        )
    }

    /// Whether it is worth telling again of another revision. What people do by hand and what guards keep stays the same.
    pub const fn is_of_revision(self) -> bool {
        !matches!(self, Self::StackSuspended | Self::DeletionBlocked | Self::DriftFound)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that happened. It holds no secrets: its words come from a report, in which they are masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When it was noticed.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// How much it matters; the end of a problem is good to know.
    pub severity: Severity,
    /// What happened.
    pub kind: EventKind,
    /// Whether this is the end of what an earlier event with the same key told of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovered: bool,
    /// What it is about, such as `service/shop_web`: a problem and its end have the same.
    pub key: String,
    /// The stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// The service, by its full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The revision that the stack or source is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The stable name of the reason within the kind: a reason of health such as `crash-loop`, or the code of a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened, for people: a sentence without a full stop.
    pub message: String,
}

/// The longest message, in characters. A task's error can have any length.
const LONGEST: usize = 1000;

impl Event {
    /// An event of `kind` about `key`, of which nothing more is known.
    pub(super) fn new(
        at: Timestamp,
        kind: EventKind,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let message: String = message.into();
        let message = match message.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
            None => message,
        };
        Self {
            at,
            severity: kind.severity(),
            kind,
            recovered: false,
            key: key.into(),
            stack: None,
            service: None,
            source: None,
            revision: None,
            reason: None,
            message,
        }
    }
}

/// A revision as people say it: `4f2c9e1a0b7d` for `sha1:4f2c9e1a0b7d3c5e…`.
pub(super) fn short(revision: &str) -> &str {
    let name = revision.split_once(':').map_or(revision, |(_, name)| name);
    name.get(..12).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_in_json_as_they_are_displayed() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::json!(kind), serde_json::json!(kind.to_string()));
        }
        for severity in Severity::ALL {
            assert_eq!(serde_json::json!(severity), serde_json::json!(severity.to_string()));
        }
    }

    #[test]
    fn a_message_has_a_length_that_people_read() {
        let kind = EventKind::ServiceFailing;
        let long = Event::new(Timestamp::UNIX_EPOCH, kind, "service/a", "é".repeat(70_000));
        assert_eq!(long.message.chars().count(), LONGEST + 1);
        assert_eq!(short("sha1:4f2c9e1a0b7d3c5e"), "4f2c9e1a0b7d");
        assert_eq!((short("abc"), short("sha1:ééééééééééééé")), ("abc", "éééééé"));
    }
}
