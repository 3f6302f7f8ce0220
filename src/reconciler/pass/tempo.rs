//! How long a run rests between its passes, and when waiting is in vain because nothing moves any more.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// The first and the longest wait between passes while something is on its way.
const PACE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// How long waiting may go on when nothing moves, where the user names no time-out.
const STANDSTILL: Duration = Duration::from_secs(300);

/// The tempo of one run.
#[derive(Debug)]
pub(super) struct Tempo {
    pace: Duration,
    patience: Duration,
    /// When something last moved.
    moved: Instant,
}

impl Tempo {
    /// That of a run that begins now, with the time-out that the user names.
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self { pace: PACE.0, patience: patience.unwrap_or(STANDSTILL), moved: Instant::now() }
    }

    /// Takes note of a pass, and of whether it showed or made anything new.
    pub(super) fn note(&mut self, has_moved: bool) {
        if has_moved {
            self.moved = Instant::now();
            self.pace = PACE.0;
        } else {
            self.pace = (self.pace * 2).min(PACE.1);
        }
    }

    /// Whether nothing has moved for so long that waiting is in vain.
    pub(super) fn is_standstill(&self) -> bool {
        self.moved.elapsed() > self.patience
    }

    /// Waits for the next pass, or until it is to stop.
    pub(super) async fn rest(&self, stop: &mut watch::Receiver<bool>) {
        tokio::select! {
            () = sleep(self.pace) => {}
            // The sender is gone only when the program ends, and then there is nobody to stop for.
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longer_nothing_moves_the_longer_it_rests_until_that_is_in_vain() {
        let (end, mut stop) = watch::channel(false);
        let mut tempo = Tempo::new(Some(Duration::from_secs(12)));
        let mut rests = Vec::new();
        while !tempo.is_standstill() {
            let before = Instant::now();
            tempo.rest(&mut stop).await;
            rests.push(before.elapsed().as_secs());
            tempo.note(false);
        }
        assert_eq!(rests, [1, 2, 4, 5, 5]);
        tempo.note(true);
        assert!(!tempo.is_standstill());
        let before = Instant::now();
        tempo.rest(&mut stop).await;
        assert_eq!(before.elapsed(), Duration::from_secs(1), "it is quick again");
        end.send_replace(true);
        let before = Instant::now();
        tempo.rest(&mut stop).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}
