//! The state of a service in words: in lines of progress, in reasons to wait and in `skep status` the same.

use super::verdict::{Direction, Reason, Rollout, ServiceHealth, Verdict};

/// The state in a few words: `rolling (2/6, batch 2 of 3)`.
pub fn state(health: &ServiceHealth) -> String {
    let ServiceHealth {
        verdict,
        reason,
        ready,
        proven: _,
        wanted,
        running: _,
        rollout,
        message: _,
        failure: _,
        obstacles: _,
    } = health;
    let count = format!("{ready}/{wanted}");
    let with = |more: Option<String>| match more {
        Some(more) => format!("({count}, {more})"),
        None => format!("({count})"),
    };
    let why = || with(reason.map(|reason| reason.words().to_owned()));
    let back = rollout.is_some_and(|rollout| rollout.direction == Direction::Back);
    match verdict {
        Verdict::Converged if *wanted == 0 => "no tasks wanted".to_owned(),
        Verdict::Converged => format!("{count} tasks healthy"),
        Verdict::Rolling if rollout.is_none() && ready > wanted => {
            format!("rolling {}", with(Some("more than wanted".to_owned())))
        }
        Verdict::Rolling if rollout.is_none() && ready == wanted => {
            format!("rolling {}", with(Some("not for long enough yet".to_owned())))
        }
        Verdict::Rolling if back => format!("rolling back {}", with(rollout.and_then(batch))),
        Verdict::Rolling => format!("rolling {}", with(rollout.and_then(batch))),
        Verdict::RollingBack => format!("rolling back {}", with(rollout.and_then(batch))),
        Verdict::Struggling => format!("failing {}, may recover", why()),
        Verdict::Pending => format!("pending {}", why()),
        Verdict::RolledBack => format!("rolled back, {count} tasks healthy"),
        Verdict::Paused if back => format!("rollback paused {}", why()),
        Verdict::Paused => format!("update paused {}", why()),
        Verdict::Failing => format!("failing {}", why()),
        Verdict::TimedOut => format!("timed out {}", why()),
        Verdict::JobRunning => format!("job running ({count})"),
        Verdict::JobComplete => format!("job complete ({count})"),
        Verdict::JobFailed => format!("job failed {}", why()),
    }
}

/// The state with what goes wrong, in Swarm's own words where we have none that are better: `failing (1/3, rejected): No
/// such image: acme/web:2`.
pub fn describe(health: &ServiceHealth) -> String {
    let state = state(health);
    let obstacles: Vec<String> = health.obstacles.iter().map(ToString::to_string).collect();
    let words = match (&health.failure, &health.message) {
        _ if health.verdict.is_healthy() => return state,
        // Swarm counts the nodes that do not fit; we can name them.
        (Some(failure), _)
            if obstacles.is_empty() || health.reason != Some(Reason::NoSuitableNode) =>
        {
            error(&failure.error).to_owned()
        }
        (None, Some(message)) if obstacles.is_empty() => message.clone(),
        _ => obstacles.join("; "),
    };
    if words.is_empty() { state } else { format!("{state}: {words}") }
}

/// Swarm's words on a failure without the prefix that says nothing.
pub fn error(words: &str) -> &str {
    words.strip_prefix("task: ").unwrap_or(words)
}

/// `batch 2 of 3`; one batch is not worth a word.
fn batch(rollout: Rollout) -> Option<String> {
    let Rollout { direction: _, batch, batches } = rollout;
    (batches > 1).then(|| format!("batch {batch} of {batches}"))
}

impl Reason {
    /// The reason as people say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::CrashLoop => "crash loop",
            Self::TaskEnded => "a task ended",
            Self::HealthCheck => "health check",
            Self::Rejected => "rejected",
            Self::NodeLost => "node lost",
            Self::NoSuitableNode => "no suitable node",
        }
    }
}
