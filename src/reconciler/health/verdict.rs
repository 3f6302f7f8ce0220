//! What can be said of a service: the verdict, how many tasks are well, and the failure to show.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::live::TaskState;

use super::super::placement::Obstacle;

/// What can truthfully be said of a service now: a stable name for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Exactly the wanted number of tasks runs, all of the current spec, healthy, and for the monitor period.
    Converged,
    /// On its way.
    Rolling,
    /// Swarm is on its way back to the previous spec, because tasks of the newer one failed.
    RollingBack,
    /// On its way, and a task has failed; Swarm tries again.
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
    pub fn is_progressing(self) -> bool {
        match self {
            Self::Rolling
            | Self::RollingBack
            | Self::Struggling
            | Self::Pending
            | Self::JobRunning => true,
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
    pub fn is_healthy(self) -> bool {
        matches!(self, Self::Converged | Self::JobComplete)
    }
}

/// Why a service is not well: a stable name for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Tasks end soon after they have started, again and again.
    CrashLoop,
    /// A task ended by itself.
    TaskEnded,
    /// The health check of a task failed.
    HealthCheck,
    /// A node could not start a task: the image, a mount, a name is not there.
    Rejected,
    /// A task was given to a node that is gone.
    NodeLost,
    /// No node may or can take a task.
    NoSuitableNode,
}

/// The state of a service for people, gates and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ServiceHealth {
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is not well, where something went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Tasks of the current spec that run and are healthy; for jobs, that have completed.
    pub ready: u64,
    /// How many of those have been so for as long as an update watches them: what gates of routes ask for.
    #[serde(skip)]
    pub proven: u64,
    /// Tasks that are wanted; for jobs, completions.
    pub wanted: u64,
    /// Tasks that run, whatever their spec.
    pub running: u64,
    /// How far Swarm has come with an update or its rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Swarm's own words on an update that ended badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The newest failure of a task of the current spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<TaskFailure>,
    /// What keeps tasks off nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<Obstacle>,
}

/// How far Swarm has come with an update. It takes as many tasks at a time as the update's parallelism says; batches are
/// counted by the tasks that it has begun with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rollout {
    /// Whether it goes to a new spec or back to the one before.
    pub direction: Direction,
    /// The batch that is under way, from 1.
    pub batch: u64,
    /// How many there are.
    pub batches: u64,
}

/// Where a rollout goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the new spec.
    Forward,
    /// To the spec before.
    Back,
}

impl ServiceHealth {
    /// A state of which only the counts are known.
    pub(in crate::reconciler) fn counted(
        verdict: Verdict,
        ready: u64,
        wanted: u64,
        running: u64,
    ) -> Self {
        Self {
            verdict,
            reason: None,
            ready,
            proven: if verdict.is_healthy() { ready } else { 0 },
            wanted,
            running,
            rollout: None,
            message: None,
            failure: None,
            obstacles: Vec::new(),
        }
    }

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
        self.if_rolled_back(Verdict::Rolling)
    }

    /// The state of a service to which nothing is to be written: a rollback that Swarm completed led back to what is
    /// declared, and that is health.
    pub(in crate::reconciler) fn where_live_is_declared(self) -> Self {
        self.if_rolled_back(Verdict::Converged)
    }

    fn if_rolled_back(self, verdict: Verdict) -> Self {
        match self.verdict {
            Verdict::RolledBack => Self {
                proven: self.proven,
                ..Self::counted(verdict, self.ready, self.wanted, self.running)
            },
            _ => self,
        }
    }
}

/// How a task failed, in Swarm's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaskFailure {
    /// The Engine's id of the task.
    pub task: String,
    /// Its number among replicas; zero for global services.
    pub slot: u64,
    /// Host name of its node, or its id where nodes were not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Its state, such as `rejected`.
    #[schemars(with = "String")]
    pub state: TaskState,
    /// Swarm's words, and ours on what they leave open.
    pub error: String,
    /// Exit code of its container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The end of its log, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Excerpt>,
}

/// The end of what a task wrote, cut to a few lines, without escape codes and known secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Excerpt {
    /// The last lines, oldest first.
    pub lines: Vec<String>,
    /// Why there are none, or fewer than there could be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
