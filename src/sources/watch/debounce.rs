//! Many events in a short time are one.

use std::time::Duration;

use tokio::time::Instant;

/// Waits for a pause between events, but not for ever.
#[derive(Debug)]
pub(super) struct Debounce {
    quiet: Duration,
    longest: Duration,
    /// The first and the last event that nobody has looked at.
    pending: Option<(Instant, Instant)>,
}

impl Debounce {
    pub(super) const fn new(quiet: Duration, longest: Duration) -> Self {
        Self { quiet, longest, pending: None }
    }

    /// Takes note of an event.
    pub(super) fn touch(&mut self, now: Instant) {
        let (first, _) = self.pending.unwrap_or((now, now));
        self.pending = Some((first, now));
    }

    /// When to look, if there is a reason.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.map(|(first, last)| (last + self.quiet).min(first + self.longest))
    }

    /// Somebody looks: what came before is seen.
    pub(super) fn clear(&mut self) {
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_waited_for_but_not_for_ever() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut debounce = Debounce::new(Duration::from_millis(300), Duration::from_secs(1));
        assert_eq!(debounce.due(), None);
        debounce.touch(at(0));
        assert_eq!(debounce.due(), Some(at(300)));
        debounce.touch(at(200));
        assert_eq!(debounce.due(), Some(at(500)));
        for step in 2..=9 {
            debounce.touch(at(step * 100));
        }
        assert_eq!(debounce.due(), Some(at(1000)));
        debounce.clear();
        assert_eq!(debounce.due(), None);
    }
}
