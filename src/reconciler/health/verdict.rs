//! What can be said of a service: the verdict, how many tasks are well, and the failure to show.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::live::TaskState;

/// What can truthfully be said of a service now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Every wanted task runs the current spec, is healthy, and has been so for the monitor period.
    Converged,
    /// On its way.
    Rolling,
    /// On its way, and a task has failed.
    Struggling,
    /// Tasks wait for a node; the reason is Swarm's.
    Pending,
    /// Swarm put the previous spec back.
    RolledBack,
    /// Swarm stopped the update after a failure.
    Paused,
    /// It will not become healthy by waiting: tasks are refused, or Swarm has given up on them.
    Failing,
    /// No new healthy task for longer than the deadline.
    TimedOut,
    /// A job that is at work.
    JobRunning,
    /// A job that has completed.
    JobComplete,
    /// A job that will not complete by waiting.
    JobFailed,
}

impl Verdict {
    /// Whether waiting may change it.
    pub fn is_progressing(&self) -> bool {
        match self {
            Self::Rolling | Self::Struggling | Self::Pending | Self::JobRunning => true,
            Self::Converged
            | Self::RolledBack
            | Self::Paused
            | Self::Failing
            | Self::TimedOut
            | Self::JobComplete
            | Self::JobFailed => false,
        }
    }

    /// Whether all is well.
    pub fn is_healthy(&self) -> bool {
        matches!(self, Self::Converged | Self::JobComplete)
    }
}

/// The state of a service for people and gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceHealth {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Tasks of the current spec that run and are healthy; for jobs, that have completed.
    pub ready: u64,
    /// Tasks that are wanted; for jobs, completions.
    pub wanted: u64,
    /// Tasks that run, whatever their spec.
    pub running: u64,
    /// Swarm's own words on an update that ended badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The newest failure of a task of the current spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<TaskFailure>,
}

impl ServiceHealth {
    /// The state of a service whose live spec is not the one that this run wrote: however well its tasks are, they say
    /// nothing about what was applied.
    pub(in crate::reconciler) fn of_another_spec(self) -> Self {
        if !self.verdict.is_healthy() {
            return self;
        }
        let message = "another spec is live than the one that was applied".to_owned();
        Self { verdict: Verdict::RolledBack, message: Some(message), ..self }
    }

    /// The state of a service that is about to be written: that an earlier release was rolled back says nothing about this
    /// one.
    pub(in crate::reconciler) fn before_a_write(self) -> Self {
        match self.verdict {
            Verdict::RolledBack => {
                Self { verdict: Verdict::Rolling, message: None, failure: None, ..self }
            }
            _ => self,
        }
    }

    /// The state of a service to which nothing is to be written: a rollback that Swarm completed led back to what is
    /// declared, and that is health.
    pub(in crate::reconciler) fn where_live_is_declared(self) -> Self {
        match self.verdict {
            Verdict::RolledBack => {
                Self { verdict: Verdict::Converged, message: None, failure: None, ..self }
            }
            _ => self,
        }
    }
}

/// How a task failed, in Swarm's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskFailure {
    /// The Engine's id of the task.
    pub task: String,
    /// Its number among replicas; zero for global services.
    pub slot: u64,
    /// Host name of its node, or its id where nodes were not listed.
    pub node: Option<String>,
    /// Its state.
    pub state: TaskState,
    /// Swarm's words.
    pub error: String,
    /// Exit code of its container.
    pub exit_code: Option<i64>,
    /// When.
    pub at: Timestamp,
}
