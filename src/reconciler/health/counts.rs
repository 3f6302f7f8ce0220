//! What the counts of the list call alone tell of a service.

use crate::model::live::{LiveService, UpdateState};
use crate::model::service::ModeKind;

use super::verdict::{ServiceHealth, Verdict};

/// Whether the counts of the list call leave open how a service is, so that its tasks must be listed.
pub fn needs_tasks(service: &LiveService) -> bool {
    let unfinished = match service.update.as_ref().map(|update| &update.state) {
        None | Some(UpdateState::Completed | UpdateState::RollbackCompleted) => false,
        Some(
            UpdateState::Updating
            | UpdateState::Paused
            | UpdateState::RollbackStarted
            | UpdateState::RollbackPaused
            | UpdateState::Other(_),
        ) => true,
    };
    unfinished || !are_full(service)
}

/// Whether as many tasks run, or have completed, as are wanted.
pub(super) fn are_full(service: &LiveService) -> bool {
    let counts = service.counts;
    match service.spec.mode.kind() {
        ModeKind::Replicated | ModeKind::Global => counts.running == counts.desired,
        ModeKind::ReplicatedJob => counts.completed >= service.spec.mode.completions(),
        // What is not complete yet is desired; before Swarm has made the first task, nothing is either.
        ModeKind::GlobalJob => counts.desired == 0 && counts.running == 0 && counts.completed > 0,
    }
}

/// The verdict where no tasks were listed.
pub(super) fn judge(service: &LiveService) -> ServiceHealth {
    let job = service.spec.mode.kind().is_job();
    let full = !needs_tasks(service);
    let rolled_back = service.update.as_ref().filter(|update| {
        update.state == UpdateState::RollbackCompleted && !service.was_put_back_by_hand()
    });
    let verdict = match (job, full) {
        (true, true) => Verdict::JobComplete,
        (true, false) => Verdict::JobRunning,
        (false, true) if rolled_back.is_some() => Verdict::RolledBack,
        (false, true) => Verdict::Converged,
        (false, false) if service.is_paused() => Verdict::Paused,
        (false, false) => Verdict::Rolling,
    };
    let ready = if job { service.counts.completed } else { service.counts.running };
    ServiceHealth {
        message: rolled_back.map(|update| update.message.clone()),
        ..ServiceHealth::counted(verdict, ready, wanted(service), service.counts.running)
    }
}

/// How many tasks, or completions, are wanted.
pub(super) fn wanted(service: &LiveService) -> u64 {
    let mode = &service.spec.mode;
    match mode.kind() {
        ModeKind::Replicated => mode.replicas(),
        ModeKind::ReplicatedJob => mode.completions(),
        ModeKind::Global => service.counts.desired,
        ModeKind::GlobalJob => service.counts.desired.max(service.counts.completed),
    }
}
