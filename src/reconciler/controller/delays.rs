//! Objects that are not written for a while: what somebody keeps undoing, and what the Engine fails to write.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::model::key::ObjectKey;

use super::backoff::Backoff;

/// After how long a time without a repair the next one is the first again.
const CALM: Duration = Duration::from_secs(600);

/// When something is due that was put off. It is told as a time of day: what counts down would be news in every pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// On the clock that the controller waits by.
    pub at: Instant,
    /// On the clock that people read.
    time: Timestamp,
}

impl Due {
    fn after(pause: Duration, now: Instant) -> Self {
        let today = Timestamp::now();
        Self { at: now + pause, time: today.checked_add(pause).unwrap_or(today) }
    }

    fn is_over(self, now: Instant) -> bool {
        self.at <= now
    }
}

/// `2026-11-21T15:42:07Z`
impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.time)
    }
}

/// How often objects were put right, and when each may be again.
#[derive(Debug, Default)]
pub struct Repairs {
    objects: BTreeMap<ObjectKey, Repair>,
}

#[derive(Debug)]
struct Repair {
    /// Since the controller was started.
    count: u64,
    last: Instant,
    due: Due,
    backoff: Backoff,
}

impl Repairs {
    /// Takes note that `object` was put right.
    pub fn made(&mut self, object: &ObjectKey, now: Instant) {
        let repair = self.objects.entry(object.clone()).or_insert_with(|| Repair {
            count: 0,
            last: now,
            due: Due::after(Duration::ZERO, now),
            backoff: Backoff::repair(),
        });
        if now.duration_since(repair.last) > CALM {
            repair.backoff.reset();
        }
        repair.count += 1;
        repair.last = now;
        repair.due = Due::after(repair.backoff.next(0.0), now);
    }

    /// Until when `object` is left as it is, if it is.
    pub fn waits(&self, object: &ObjectKey, now: Instant) -> Option<Due> {
        let due = self.objects.get(object)?.due;
        (!due.is_over(now)).then_some(due)
    }

    /// How often each object was put right since the controller was started.
    pub fn counts(&self) -> impl Iterator<Item = (&ObjectKey, u64)> {
        self.objects.iter().map(|(object, repair)| (object, repair.count))
    }
}

/// Objects with which something went wrong that may go better later, each with what that was.
#[derive(Debug, Default)]
pub struct Troubles {
    objects: BTreeMap<ObjectKey, Trouble>,
}

/// What went wrong with one object.
#[derive(Debug)]
pub struct Trouble {
    /// Until when it is left alone.
    pub due: Due,
    reason: String,
    backoff: Backoff,
}

impl Troubles {
    /// Takes note that something went wrong once more.
    pub fn failed(
        &mut self,
        object: &ObjectKey,
        reason: impl Into<String>,
        longest: Duration,
        now: Instant,
        chance: f64,
    ) {
        let trouble = self.objects.entry(object.clone()).or_insert_with(|| Trouble {
            due: Due::after(Duration::ZERO, now),
            reason: String::new(),
            backoff: Backoff::transient(longest),
        });
        trouble.due = Due::after(trouble.backoff.next(chance), now);
        trouble.reason = reason.into();
    }

    /// It went well after all.
    pub fn ended(&mut self, object: &ObjectKey) {
        self.objects.remove(object);
    }

    /// What makes `object` be left alone, if it is.
    pub fn waits(&self, object: &ObjectKey, now: Instant) -> Option<&Trouble> {
        self.objects.get(object).filter(|trouble| !trouble.due.is_over(now))
    }

    /// Forgets everything: something else is to be written now.
    pub fn forget(&mut self) {
        self.objects.clear();
    }
}

/// `the engine failed to write it (3 times so far); next try at 2026-11-21T15:42:07Z`
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { due, reason, backoff } = self;
        f.write_str(reason)?;
        let times = backoff.failures();
        if times > 1 {
            write!(f, " ({times} times so far)")?;
        }
        write!(f, "; next try at {due}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::Kind;

    #[test]
    fn what_somebody_keeps_undoing_is_put_right_less_and_less_often() {
        let object = ObjectKey::new(Kind::Service, "shop_web");
        let mut repairs = Repairs::default();
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            repairs.made(&object, now);
            let until = repairs.waits(&object, now).unwrap().at;
            pauses.push(until.duration_since(now).as_secs());
            now = until;
            assert!(repairs.waits(&object, now).is_none());
        }
        assert_eq!(pauses, [2, 6, 18, 54, 162, 300, 300]);
        now += CALM + Duration::from_secs(1);
        repairs.made(&object, now);
        assert_eq!(repairs.waits(&object, now).unwrap().at, now + Duration::from_secs(2));
        assert_eq!(repairs.counts().collect::<Vec<_>>(), [(&object, 8)]);
    }

    #[test]
    fn a_write_that_fails_is_tried_less_and_less_often_until_it_succeeds() {
        let object = ObjectKey::new(Kind::Service, "shop_web");
        let mut troubles = Troubles::default();
        let mut now = Instant::now();
        let fail = |troubles: &mut Troubles, now| {
            troubles.failed(&object, "it broke", Duration::from_secs(5), now, 0.0);
            troubles
                .waits(&object, now)
                .map(|trouble| (trouble.due.at, trouble.to_string()))
                .unwrap()
        };
        for seconds in [1, 2, 4, 5, 5] {
            let (until, _) = fail(&mut troubles, now);
            assert_eq!(until, now + Duration::from_secs(seconds));
            now = until;
            assert!(troubles.waits(&object, now).is_none());
        }
        let (_, text) = fail(&mut troubles, now);
        assert!(text.starts_with("it broke (6 times so far); next try at 2"), "{text}");
        now += Duration::from_secs(3);
        let later = troubles.waits(&object, now).unwrap().to_string();
        assert_eq!(later, text, "nothing counts down, so that nothing seems to move");
        troubles.ended(&object);
        let (until, text) = fail(&mut troubles, now);
        assert_eq!(until, now + Duration::from_secs(1));
        assert!(text.starts_with("it broke; next try at 2") && text.ends_with('Z'), "{text}");
    }
}
