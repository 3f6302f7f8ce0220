//! What the service manager (systemd) is told: ready, alive, reloading, stopping, and a line about how things are.

use std::time::Duration;

use sd_notify::NotifyState;

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

/// Tells that the process lives for as long as it does, twice as often as it must. Where nobody wants to know, it only
/// waits.
pub(in crate::cli) async fn live() {
    let Some(patience) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep((patience / 2).max(Duration::from_millis(1))).await;
    }
}

/// Without a service manager, nothing is told to anybody.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}
