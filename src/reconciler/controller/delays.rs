//! Objects that are not written for a while: what somebody keeps undoing, and what the Engine fails to write.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::key::ObjectKey;

use super::backoff::Backoff;

/// After how long a time without a repair the next one is the first again.
const CALM: Duration = Duration::from_secs(600);

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
    not_before: Instant,
    backoff: Backoff,
}

impl Repairs {
    /// Takes note that `object` was put right.
    pub fn made(&mut self, object: &ObjectKey, now: Instant) {
        let repair = self.objects.entry(object.clone()).or_insert_with(|| Repair {
            count: 0,
            last: now,
            not_before: now,
            backoff: Backoff::repair(),
        });
        if now.duration_since(repair.last) > CALM {
            repair.backoff.reset();
        }
        repair.count += 1;
        repair.last = now;
        repair.not_before = now + repair.backoff.next(0.0);
    }

    /// Until when `object` is left as it is, if it is.
    pub fn waits(&self, object: &ObjectKey, now: Instant) -> Option<Instant> {
        let not_before = self.objects.get(object)?.not_before;
        (now < not_before).then_some(not_before)
    }

    /// How often each object was put right since the controller was started.
    pub fn counts(&self) -> impl Iterator<Item = (&ObjectKey, u64)> {
        self.objects.iter().map(|(object, repair)| (object, repair.count))
    }
}

/// Objects that the Engine failed to write without saying that it never would.
#[derive(Debug, Default)]
pub struct Troubles {
    objects: BTreeMap<ObjectKey, Trouble>,
}

#[derive(Debug)]
struct Trouble {
    not_before: Instant,
    backoff: Backoff,
}

impl Troubles {
    /// Takes note that `object` could not be written.
    pub fn failed(&mut self, object: &ObjectKey, longest: Duration, now: Instant, chance: f64) {
        let trouble = self
            .objects
            .entry(object.clone())
            .or_insert_with(|| Trouble { not_before: now, backoff: Backoff::transient(longest) });
        trouble.not_before = now + trouble.backoff.next(chance);
    }

    /// It was written after all.
    pub fn ended(&mut self, object: &ObjectKey) {
        self.objects.remove(object);
    }

    /// Until when `object` is left alone, if it is, and how often it failed.
    pub fn waits(&self, object: &ObjectKey, now: Instant) -> Option<(Instant, u32)> {
        let trouble = self.objects.get(object)?;
        (now < trouble.not_before).then_some((trouble.not_before, trouble.backoff.failures()))
    }

    /// Forgets everything: something else is to be written now.
    pub fn forget(&mut self) {
        self.objects.clear();
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
            let until = repairs.waits(&object, now).unwrap();
            pauses.push(until.duration_since(now).as_secs());
            now = until;
            assert_eq!(repairs.waits(&object, now), None);
        }
        assert_eq!(pauses, [2, 6, 18, 54, 162, 300, 300]);
        now += CALM + Duration::from_secs(1);
        repairs.made(&object, now);
        assert_eq!(repairs.waits(&object, now), Some(now + Duration::from_secs(2)));
        assert_eq!(repairs.counts().collect::<Vec<_>>(), [(&object, 8)]);
    }

    #[test]
    fn a_write_that_fails_is_tried_less_and_less_often_until_it_succeeds() {
        let object = ObjectKey::new(Kind::Service, "shop_web");
        let mut troubles = Troubles::default();
        let mut now = Instant::now();
        for seconds in [1, 2, 4, 5, 5] {
            troubles.failed(&object, Duration::from_secs(5), now, 0.0);
            let (until, _) = troubles.waits(&object, now).unwrap();
            assert_eq!(until, now + Duration::from_secs(seconds));
            now = until;
        }
        troubles.ended(&object);
        troubles.failed(&object, Duration::from_secs(5), now, 0.0);
        assert_eq!(troubles.waits(&object, now), Some((now + Duration::from_secs(1), 1)));
    }
}
