//! Why something is not done now: a value with a stable code and a sentence for people.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::key::ObjectKey;

/// Why a change, a stack or a whole plan is not performed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hold {
    /// The stable name of the reason.
    pub code: HoldCode,
    /// Who can end it.
    pub class: HoldClass,
    /// The reason as a fragment for people: `waits for service shop_db: 1/3 tasks healthy`.
    pub reason: String,
    /// The exact command or edit that ends it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unblock: Option<String>,
    /// The object that it waits for or that is in its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<ObjectKey>,
}

/// Who can end a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HoldClass {
    /// The world does, by itself: a later pass goes on.
    Waiting,
    /// A person or a commit must.
    Standing,
}

macro_rules! hold_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $class:ident;)+) => {
        /// The stable names of reasons not to write.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum HoldCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl HoldCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as it is written, such as `waits-for-health`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Who can end a hold of this code.
            pub const fn class(self) -> HoldClass {
                match self {
                    $(Self::$variant => HoldClass::$class,)+
                }
            }
        }
    };
}

hold_codes! {
    /// An object that it refers to does not exist yet.
    WaitsForObject = "waits-for-object", Waiting;
    /// A service that it needs is not healthy, or a job not complete, yet.
    WaitsForHealth = "waits-for-health", Waiting;
    /// A stack that it needs is not as declared, or not healthy, yet.
    WaitsForStack = "waits-for-stack", Waiting;
    /// Tasks that use the object have not stopped yet.
    WaitsForTasksGone = "waits-for-tasks-gone", Waiting;
    /// A live route leads to it.
    WaitsForRoute = "waits-for-route", Waiting;
    /// The proxy cannot be asked just now.
    ProxyUnreachable = "proxy-unreachable", Waiting;
    /// A rollout of the service is under way, and Swarm has not judged it yet.
    WaitsForRollout = "waits-for-rollout", Waiting;
    /// The registry cannot be asked just now.
    ImageUnavailable = "image-unavailable", Waiting;
    /// The controller put it right just now, and somebody undid that.
    RepairLater = "repair-later", Waiting;
    /// The Engine failed to write it, and may do better later.
    RetryLater = "retry-later", Waiting;
    /// The source cannot be read, and the controller knows an older revision of it only.
    StaleSource = "stale-source", Waiting;
    /// `x-skep.paused` is set on the stack.
    Paused = "paused", Standing;
    /// A person has suspended the stack: the controller leaves it alone.
    Suspended = "suspended", Standing;
    /// Somebody changed it by hand, and the controller only reports that.
    DriftReported = "drift-reported", Standing;
    /// A live object of the stack is not skep's, and adoption is not allowed.
    NotAdopted = "not-adopted", Standing;
    /// An object of the same name belongs to no stack, another stack, or another fleet.
    ForeignObject = "foreign-object", Standing;
    /// It is no longer declared, and removal was not asked for.
    PruneNotAsked = "prune-not-asked", Standing;
    /// `x-skep.protect` forbids to remove or replace it.
    Protected = "protected", Standing;
    /// The source holds no stacks at all.
    GuardNoStacks = "guard-no-stacks", Standing;
    /// Most of a stack's services would go.
    GuardMostServices = "guard-most-services", Standing;
    /// A whole stack would go.
    GuardWholeStack = "guard-whole-stack", Standing;
    /// A stack would go while a new one has the same services.
    GuardRenamed = "guard-renamed", Standing;
    /// A stack would go that another source may declare, which was not read since.
    SourceUnread = "source-unread", Standing;
    /// A stack is to be removed that a stack file still declares.
    GuardStillDeclared = "guard-still-declared", Standing;
    /// A stack is to be removed that another one needs, or of which others use something.
    GuardInUse = "guard-in-use", Standing;
    /// skep itself, or the proxy in front of it, would go.
    SelfProtection = "self-protection", Standing;
    /// It can only be removed and created again, which was not allowed.
    ReplaceNotAllowed = "replace-not-allowed", Standing;
    /// A network that is to be made again is used by what does not leave it.
    NetworkInUse = "network-in-use", Standing;
    /// The registry does not know the image.
    ImageNotFound = "image-not-found", Standing;
    /// The registry does not give the image to us.
    ImageDenied = "image-denied", Standing;
    /// An object that others must create does not exist.
    MissingExternal = "missing-external", Standing;
    /// A published port belongs to another service.
    PortTaken = "port-taken", Standing;
    /// Swarm has rolled this very release back; it is not tried again by itself.
    RefusedRelease = "refused-release", Standing;
    /// Swarm rolled this run's release back because of its surroundings: a node went away, or could not fetch the image.
    RolloutDisturbed = "rollout-disturbed", Standing;
    /// Swarm has paused a rollout of the service; a write that releases nothing new would only resume it.
    RolloutPaused = "rollout-paused", Standing;
    /// No proxy is configured.
    NoProxy = "no-proxy", Standing;
    /// Something that others have in the proxy is in the way.
    ProxyConflict = "proxy-conflict", Standing;
    /// The settings do not allow the route as it is declared.
    RouteNotAllowed = "route-not-allowed", Standing;
    /// Another stack or fleet has the route.
    RouteTaken = "route-taken", Standing;
    /// Someone else keeps writing the object.
    Contended = "contended", Standing;
    /// The Engine refused the write and would refuse it again.
    WriteRefused = "write-refused", Standing;
    /// The stack has errors; its last good state stays.
    InvalidStack = "invalid-stack", Standing;
}

impl Hold {
    /// A hold of the class that `code` has.
    pub fn new(code: HoldCode, reason: impl Into<String>) -> Self {
        Self { code, class: code.class(), reason: reason.into(), unblock: None, needs: None }
    }

    /// Adds the exact command or edit that ends it.
    #[must_use]
    pub fn unblock(mut self, unblock: impl Into<String>) -> Self {
        self.unblock = Some(unblock.into());
        self
    }

    /// Adds the object that it waits for or that is in its way.
    #[must_use]
    pub fn needs(mut self, object: ObjectKey) -> Self {
        self.needs = Some(object);
        self
    }

    /// Whether a person or a commit must end it.
    pub fn is_standing(&self) -> bool {
        self.class == HoldClass::Standing
    }
}

impl fmt::Display for HoldCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_in_json_as_they_are_displayed() {
        for code in HoldCode::ALL {
            assert_eq!(serde_json::json!(code), serde_json::json!(code.to_string()));
        }
    }
}
