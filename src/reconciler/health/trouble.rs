//! What is wrong with a service: the failure to show, the reason by its stable name, and what keeps tasks off nodes.

use crate::diff::mask::Scrub;
use crate::model::live::{Node, Task, TaskState};

use super::super::placement::{Demand, Obstacle, obstacles, unavailable};
use super::judge::View;
use super::lives::{is_in_a_loop, newest};
use super::verdict::{Reason, TaskFailure};

/// What the Engine says of a container that failed its health check (moby `daemon/cluster/executor/container`).
const UNHEALTHY: &str = "unhealthy container";

/// What is wrong with a service.
#[derive(Default)]
pub(super) struct Trouble {
    pub(super) reason: Option<Reason>,
    pub(super) failure: Option<TaskFailure>,
    pub(super) obstacles: Vec<Obstacle>,
}

impl View<'_> {
    pub(super) fn trouble(&self) -> Trouble {
        let lost = self.lost_nodes();
        if let Some(task) = self.failed() {
            let reason = Some(self.reason(task));
            return Trouble { reason, failure: Some(self.describe(task)), obstacles: lost };
        }
        if let Some(task) = self.unplaced() {
            return Trouble {
                reason: Some(Reason::NoSuitableNode),
                failure: Some(self.describe(task)),
                obstacles: self.obstacles(),
            };
        }
        let reason = (!lost.is_empty()).then_some(Reason::NodeLost);
        Trouble { reason, failure: None, obstacles: lost }
    }

    /// The failed task to show: of the current spec, or, once rolled back, of the spec that failed.
    fn failed(&self) -> Option<&Task> {
        if self.service.rollback().is_some() {
            newest(self.tasks.iter().copied().filter(|task| self.went_wrong(task)))
        } else {
            self.newest_failure()
        }
    }

    fn reason(&self, task: &Task) -> Reason {
        let same = self.tasks.iter().copied();
        let same = same.filter(|other| other.template.runs_the_same_as(&task.template));
        match task.state {
            TaskState::Orphaned => Reason::NodeLost,
            TaskState::Rejected => Reason::Rejected,
            _ if task.error.as_ref().is_some_and(|error| error.contains(UNHEALTHY)) => {
                Reason::HealthCheck
            }
            _ if is_in_a_loop(task, same) => Reason::CrashLoop,
            _ => Reason::TaskEnded,
        }
    }

    /// The nodes that are gone with a task of the current spec that has not ended: Swarm may wait for it for ever.
    fn lost_nodes(&self) -> Vec<Obstacle> {
        let is_gone = |node: &&Node| node.state != "ready";
        let holds_one = |node: &&Node| {
            self.current.iter().any(|task| {
                task.node_id.as_ref() == Some(&node.id) && task.state <= TaskState::Running
            })
        };
        unavailable(self.nodes.iter().filter(is_gone).filter(holds_one))
    }

    fn obstacles(&self) -> Vec<Obstacle> {
        let service = &self.service;
        let demand = Demand { service: &service.id, template: &service.spec.task_template };
        let everywhere: Vec<&Task> = self.all.values().flatten().copied().collect();
        obstacles(demand, self.nodes, &everywhere)
    }

    fn describe(&self, task: &Task) -> TaskFailure {
        let node = task.node_id.as_ref().map(|id| {
            let node = self.nodes.iter().find(|node| node.id == *id);
            node.map_or_else(|| id.clone(), |node| node.hostname.clone())
        });
        TaskFailure {
            task: task.id.clone(),
            slot: task.slot,
            node,
            state: task.state,
            error: self.words(task),
            exit_code: task.exit_code,
            at: task.since,
            log: None,
        }
    }

    /// Swarm's words on what became of a task. They may repeat what the task was made from: a command that is not there, a
    /// variable that cannot be expanded.
    fn words(&self, task: &Task) -> String {
        let words = task.error.as_ref().unwrap_or(&task.message);
        let words = Scrub::new(self.sensitivity.clone()).with_template(&task.template).scrub(words);
        let container = task.template.container_spec.as_ref();
        let is_checked = container.is_some_and(|container| container.healthcheck.is_some());
        // A program that handles the signal has exit code 0, and then Swarm forgets who sent it.
        if task.state == TaskState::Complete && is_checked {
            format!("{words}; Swarm does not say whether its health check stopped it")
        } else {
            words
        }
    }
}
