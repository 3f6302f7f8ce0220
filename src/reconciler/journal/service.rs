//! What is wrong with one service, in Swarm's own words.

use crate::diff::document::HoldCode;
use crate::model::key::Kind;
use crate::reconciler::health::{self, Reason, ServiceHealth, TaskFailure};
use crate::reconciler::status::{OpenHold, ServiceStatus};

use super::event::{EventKind, Severity};

/// What can be said of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It works.
    Well,
    /// It is on its way, and what was wrong with it may be over or not.
    Undecided,
    /// Something is wrong.
    Wrong {
        /// What.
        kind: EventKind,
        /// How much that matters: what may recover less than what will not.
        severity: Severity,
        /// The stable name of the reason.
        reason: Option<&'static str>,
        /// For people.
        message: String,
    },
}

/// The key of what is said of a service.
pub(super) fn key(service: &str) -> String {
    format!("service/{service}")
}

/// What can be said of `service`, where `holds` are in the way of its stack.
pub(super) fn standing(service: &ServiceStatus, holds: &[OpenHold]) -> Verdict {
    let is_own = |open: &&OpenHold| {
        open.hold.code == HoldCode::RefusedRelease
            && open
                .object
                .as_ref()
                .is_some_and(|object| object.kind == Kind::Service && object.name == service.name)
    };
    let refused = |reason: Option<&'static str>| {
        let open = holds.iter().find(is_own)?;
        Some(Verdict::Wrong {
            kind: EventKind::ReleaseRolledBack,
            severity: Severity::Error,
            reason,
            message: format!("service {}: {}", service.name, open.hold.reason),
        })
    };
    // Where nothing is on its way nobody looks at tasks, and what was refused is known all the same.
    let Some(judged) = &service.judged else {
        return refused(None).unwrap_or(Verdict::Undecided);
    };
    let wrong = |kind: EventKind, severity| Verdict::Wrong {
        kind,
        severity,
        reason: judged.reason.map(code),
        message: words(service, judged),
    };
    match judged.verdict {
        health::Verdict::RolledBack => wrong(EventKind::ReleaseRolledBack, Severity::Error),
        health::Verdict::Paused => wrong(EventKind::ReleasePaused, Severity::Error),
        health::Verdict::Failing | health::Verdict::TimedOut => {
            wrong(EventKind::ServiceFailing, Severity::Error)
        }
        health::Verdict::JobFailed => wrong(EventKind::JobFailed, Severity::Error),
        // Swarm goes on, and one task that ended is no news; one that ends again and again is.
        health::Verdict::Struggling if judged.reason == Some(Reason::CrashLoop) => {
            wrong(EventKind::ServiceFailing, Severity::Warning)
        }
        health::Verdict::Pending => wrong(EventKind::ServicePending, Severity::Warning),
        health::Verdict::Rolling
        | health::Verdict::RollingBack
        | health::Verdict::Struggling
        | health::Verdict::JobRunning => Verdict::Undecided,
        health::Verdict::Converged | health::Verdict::JobComplete => {
            refused(judged.reason.map(code)).unwrap_or(Verdict::Well)
        }
    }
}

/// The stable name of a reason, as it is in JSON.
const fn code(reason: Reason) -> &'static str {
    match reason {
        Reason::CrashLoop => "crash-loop",
        Reason::TaskEnded => "task-ended",
        Reason::HealthCheck => "health-check",
        Reason::Rejected => "rejected",
        Reason::NodeLost => "node-lost",
        Reason::NoSuitableNode => "no-suitable-node",
    }
}

/// `service shop_web failing (0/1, crash loop): non-zero exit (3), on node-1`
fn words(service: &ServiceStatus, judged: &ServiceHealth) -> String {
    let mut words = format!("service {} {}", service.name, service.state);
    let failure = judged.failure.as_ref().map(|failure| {
        let TaskFailure { error, node, .. } = failure;
        let place = node.as_ref().map(|node| format!(", on {node}")).unwrap_or_default();
        format!("{error}{place}")
    });
    let obstacle = judged.obstacles.first().map(ToString::to_string);
    let said: Vec<String> = failure.into_iter().chain(obstacle).collect();
    let said = if said.is_empty() { judged.message.clone() } else { Some(said.join("; ")) };
    if let Some(said) = said {
        words.push_str(": ");
        words.push_str(&said);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_the_names_that_the_status_gives_them() {
        for reason in [
            Reason::CrashLoop,
            Reason::TaskEnded,
            Reason::HealthCheck,
            Reason::Rejected,
            Reason::NodeLost,
            Reason::NoSuitableNode,
        ] {
            assert_eq!(serde_json::json!(reason), code(reason));
        }
    }
}
