//! What the service manager (systemd) is told: ready, alive, reloading, stopping, and a line about how things are.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::reconciler::controller::pulse::Pulse;

/// The controller works.
pub(in crate::cli) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads its settings again; [`ready`] ends that.
pub(in crate::cli) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "the clock cannot be read"),
    }
}

/// It ends in good order.
pub(in crate::cli) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How things are, in a line.
pub(in crate::cli) fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// Tells that the controller lives for as long as its loop turns, twice as often as it must. Where nobody wants to know,
/// it only waits.
pub(in crate::cli) async fn live(pulse: &Pulse) {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    beats(patience, pulse, || tell(&[NotifyState::Watchdog])).await;
}

async fn beats(patience: Duration, pulse: &Pulse, beat: impl Fn()) {
    let mut is_known = false;
    loop {
        if pulse.is_felt() {
            beat();
            is_known = false;
        } else if !std::mem::replace(&mut is_known, true) {
            let seconds = pulse.silence().as_secs();
            tracing::error!(
                "the loop has not turned for {seconds} s; the service manager is not told that it lives"
            );
        }
        tokio::time::sleep((patience / 2).max(Duration::from_millis(1))).await;
    }
}

/// Without a service manager, nothing is told to anybody.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_hangs_is_not_said_to_live() {
        let pulse = Pulse::new(Arc::default());
        let beaten = Cell::new(0);
        let live = beats(Duration::from_secs(60), &pulse, || beaten.set(beaten.get() + 1));
        let hour = tokio::time::timeout(Duration::from_secs(3600), live).await;
        assert!(hour.is_err(), "it goes on watching");
        // At once, after 30, 60 and 90 seconds; not after 120 and later.
        assert_eq!(beaten.get(), 4);
    }
}
