//! Waiting longer after each failure, and never for the same time as everybody else.

use std::time::Duration;

/// By how much a regular time may be off in either direction, so that many controllers do not come at once.
const SPREAD: f64 = 0.05;

/// A pause that grows with every failure in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    factor: u32,
    failures: u32,
}

impl Backoff {
    /// For what may be over at any moment: 1 s, 2 s, 4 s… up to `longest`.
    pub const fn transient(longest: Duration) -> Self {
        Self { first: Duration::from_secs(1), longest, factor: 2, failures: 0 }
    }

    /// For what somebody keeps undoing: 2 s, 6 s, 18 s… up to five minutes.
    pub const fn repair() -> Self {
        let (first, longest) = (Duration::from_secs(2), Duration::from_secs(300));
        Self { first, longest, factor: 3, failures: 0 }
    }

    /// For what another program is about to get: 5 s, 10 s, 20 s… up to two minutes.
    pub const fn handshake() -> Self {
        let (first, longest) = (Duration::from_secs(5), Duration::from_secs(120));
        Self { first, longest, factor: 2, failures: 0 }
    }

    /// How long to wait after one more failure. `chance`, from 0 to 1, takes away up to a fifth of it.
    pub fn next(&mut self, chance: f64) -> Duration {
        let grown = self.factor.checked_pow(self.failures);
        let pause = grown.and_then(|grown| self.first.checked_mul(grown));
        self.failures = self.failures.saturating_add(1);
        let pause = pause.unwrap_or(self.longest).min(self.longest);
        pause.mul_f64(1.0 - 0.2 * chance.clamp(0.0, 1.0))
    }

    /// Failures in a row so far.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It went well.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

/// A regular time, up to a twentieth earlier or later as `chance`, from 0 to 1, will have it.
pub fn spread(time: Duration, chance: f64) -> Duration {
    time.mul_f64(1.0 + SPREAD * (2.0 * chance.clamp(0.0, 1.0) - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::transient(Duration::from_secs(300));
        let pauses: Vec<u64> = (0..40).map(|_| backoff.next(0.0).as_secs()).collect();
        assert_eq!(pauses[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert!(pauses[10..].iter().all(|pause| *pause == 300));
        backoff.reset();
        assert_eq!(backoff.next(1.0), Duration::from_millis(800));
        let mut repair = Backoff::repair();
        let pauses: Vec<u64> = (0..7).map(|_| repair.next(0.0).as_secs()).collect();
        assert_eq!(pauses, [2, 6, 18, 54, 162, 300, 300]);
    }

    #[test]
    fn a_regular_time_is_spread_by_a_twentieth() {
        let minute = Duration::from_secs(60);
        assert_eq!([0.0, 0.5, 1.0].map(|c| spread(minute, c).as_secs()), [57, 60, 63]);
    }
}
