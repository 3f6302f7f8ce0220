//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// What `look` finds, asked again and again; the test fails if it finds nothing within `seconds`.
#[track_caller]
pub(crate) fn eventually<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
