//! How far an update has come, in batches of its parallelism.

use std::collections::BTreeSet;

use crate::model::live::{Task, TaskState, UpdateState};

use super::judge::View;
use super::verdict::{Direction, Rollout};

impl View<'_> {
    /// How far Swarm has come with the update that is under way or paused; `None` if there is none.
    ///
    /// Swarm's updater takes the next task as soon as one is done (swarmkit `manager/orchestrator/update/updater.go`), so
    /// that a batch is a measure of how much is done and not a barrier.
    pub(super) fn rollout(&self) -> Option<Rollout> {
        let spec = &self.service.spec;
        let (direction, config) = match &self.service.update.as_ref()?.state {
            UpdateState::Updating | UpdateState::Paused => {
                (Direction::Forward, spec.update_config.as_ref())
            }
            UpdateState::RollbackStarted | UpdateState::RollbackPaused => {
                (Direction::Back, spec.rollback_config.as_ref())
            }
            UpdateState::Completed | UpdateState::RollbackCompleted | UpdateState::Other(_) => {
                return None;
            }
        };
        let wanted = self.wanted().max(1);
        // The Engine's default is one task at a time; zero in a given policy means all at once.
        let at_once = match config.map_or(1, |config| config.parallelism) {
            0 => wanted,
            parallelism => parallelism,
        };
        let is_begun = |task: &&&Task| task.desired <= TaskState::Running;
        let begun = self.current.iter().filter(is_begun);
        let places: BTreeSet<(u64, Option<&str>)> = begun
            .map(|task| match task.slot {
                0 => (0, task.node_id.as_deref()),
                slot => (slot, None),
            })
            .collect();
        let batches = wanted.div_ceil(at_once);
        let batch = (places.len() as u64).div_ceil(at_once).clamp(1, batches);
        Some(Rollout { direction, batch, batches })
    }
}
