//! When the next pass is due, and why. Pure: time and chance are arguments.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::{Backoff, spread};
use super::reason::{Reason, Reasons};

/// For how long nothing may move before what waits is looked at less often.
const STANDSTILL: Duration = Duration::from_secs(300);
/// How often it is looked at then.
const SLOW: Duration = Duration::from_secs(30);

/// How often and how soon the controller looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often a source is asked whether it has something new.
    pub poll: Duration,
    /// How often everything is compared, whatever was heard of.
    pub resync: Duration,
    /// The first and the longest wait between looks at what is on its way.
    pub progress: (Duration, Duration),
    /// How long the engine must have been quiet after an event, and how long is waited for that at most.
    pub debounce: (Duration, Duration),
    /// The longest wait after failures that may pass by themselves.
    pub retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(60),
            resync: Duration::from_secs(300),
            progress: (Duration::from_secs(1), Duration::from_secs(5)),
            debounce: (Duration::from_millis(100), Duration::from_millis(500)),
            retry: Duration::from_secs(300),
        }
    }
}

/// What a pass came to, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it wrote something, so that what comes after it may be ready now.
    pub wrote: bool,
    /// Whether something is on its way, or waits for something that is.
    pub moving: bool,
    /// Whether what it saw is another sight than that of the pass before.
    pub moved: bool,
    /// When something that was put off is due.
    pub again: Option<Instant>,
}

/// When the next pass is due.
#[derive(Debug)]
pub struct Agenda {
    timing: Timing,
    reasons: Reasons,
    /// When what cannot wait came.
    urgent: Option<Instant>,
    /// The first and the last event since the last pass.
    events: Option<(Instant, Instant)>,
    progress: Option<Instant>,
    again: Option<Instant>,
    resync: Instant,
    pace: Duration,
    last_move: Instant,
    backoff: Backoff,
    /// Until when an engine in trouble is left alone.
    trouble: Option<Instant>,
}

impl Agenda {
    /// The first pass is due at once.
    pub fn new(timing: Timing, now: Instant) -> Self {
        Self {
            timing,
            reasons: Reasons::from_iter([Reason::Start]),
            urgent: Some(now),
            events: None,
            progress: None,
            again: None,
            resync: now + timing.resync,
            pace: timing.progress.0,
            last_move: now,
            backoff: Backoff::transient(timing.retry),
            trouble: None,
        }
    }

    /// Follows other settings from now on.
    pub fn follow(&mut self, timing: Timing, now: Instant) {
        self.resync = self.resync.min(now + timing.resync);
        self.backoff = Backoff::transient(timing.retry);
        self.timing = timing;
    }

    /// Takes note that something happened.
    pub fn wake(&mut self, reason: Reason, now: Instant) {
        self.reasons.add(reason);
        if reason.can_wait() {
            let (first, _) = self.events.unwrap_or((now, now));
            self.events = Some((first, now));
        } else {
            self.urgent.get_or_insert(now);
        }
    }

    /// When the next pass is due.
    pub fn due(&self) -> Instant {
        if let Some(until) = self.trouble {
            return self.urgent.map_or(until, |urgent| urgent.min(until));
        }
        let (quiet, longest) = self.timing.debounce;
        let events = self.events.map(|(first, last)| (last + quiet).min(first + longest));
        let others = [self.urgent, events, self.progress, self.again];
        others.into_iter().flatten().fold(self.resync, Instant::min)
    }

    /// Begins the pass that is due, if one is, and tells why.
    pub fn begin(&mut self, now: Instant) -> Option<Reasons> {
        if now < self.due() {
            return None;
        }
        let mut reasons = std::mem::take(&mut self.reasons);
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        if is_due(self.progress) {
            reasons.add(Reason::Progress);
        }
        if is_due(self.again) || is_due(self.trouble) {
            reasons.add(Reason::Retry);
        }
        if self.resync <= now {
            reasons.add(Reason::Resync);
        }
        (self.urgent, self.events, self.progress, self.again) = (None, None, None, None);
        Some(reasons)
    }

    /// The pass is over. Every pass compares everything, so that the next one for its own sake is due a whole time later.
    pub fn ended(&mut self, outcome: Outcome, now: Instant, chance: f64) {
        let Outcome { wrote, moving, moved, again } = outcome;
        self.backoff.reset();
        self.trouble = None;
        self.again = again;
        self.resync = now + spread(self.timing.resync, chance);
        let (first, longest) = self.timing.progress;
        if wrote || moved {
            self.last_move = now;
            self.pace = first;
        } else if now.duration_since(self.last_move) > STANDSTILL {
            self.pace = (self.pace * 2).min(SLOW.max(longest));
        } else {
            self.pace = (self.pace * 2).min(longest);
        }
        self.progress = match (wrote, moving) {
            (true, _) => Some(now),
            (false, true) => Some(now + self.pace),
            (false, false) => None,
        };
    }

    /// The pass could not be made. Returns how long the engine is left alone.
    pub fn failed(&mut self, now: Instant, chance: f64) -> Duration {
        let pause = self.backoff.next(chance);
        self.trouble = Some(now + pause);
        pause
    }

    /// Passes that failed in a row.
    pub fn failures(&self) -> u32 {
        self.backoff.failures()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STILL: Outcome = Outcome { wrote: false, moving: false, moved: false, again: None };

    fn milliseconds(from: Instant, to: Instant) -> u128 {
        to.duration_since(from).as_millis()
    }

    /// An agenda whose first pass is over.
    fn idle() -> (Agenda, Instant) {
        let now = Instant::now();
        let mut agenda = Agenda::new(Timing::default(), now);
        assert_eq!(agenda.begin(now).unwrap().to_string(), "start");
        agenda.ended(STILL, now, 0.5);
        (agenda, now)
    }

    #[test]
    fn an_idle_controller_compares_everything_every_five_minutes_or_so() {
        let (mut agenda, now) = idle();
        assert_eq!(milliseconds(now, agenda.due()), 300_000);
        assert_eq!(agenda.begin(now + Duration::from_secs(299)), None);
        let later = now + Duration::from_secs(300);
        assert_eq!(agenda.begin(later).unwrap().to_string(), "resync");
        agenda.ended(STILL, later, 1.0);
        assert_eq!(milliseconds(later, agenda.due()), 315_000);
    }

    #[test]
    fn events_are_gathered_but_never_for_long() {
        let (mut agenda, now) = idle();
        let at = |ms| now + Duration::from_millis(ms);
        agenda.wake(Reason::Event, at(0));
        assert_eq!(milliseconds(now, agenda.due()), 100);
        for ms in (50..=450).step_by(50) {
            agenda.wake(Reason::Event, at(ms));
            assert_eq!(agenda.begin(at(ms)), None);
        }
        assert_eq!(milliseconds(now, agenda.due()), 500);
        agenda.wake(Reason::Asked, at(460));
        assert_eq!(milliseconds(now, agenda.due()), 460);
        assert_eq!(agenda.begin(at(460)).unwrap().to_string(), "asked, event");
    }

    #[test]
    fn progress_is_looked_at_less_and_less_often_while_nothing_moves() {
        let (mut agenda, mut now) = idle();
        let mut pauses = Vec::new();
        let mut look = |agenda: &mut Agenda, outcome: Outcome| {
            agenda.ended(outcome, now, 0.5);
            pauses.push(milliseconds(now, agenda.due()));
            now = agenda.due();
            agenda.begin(now).unwrap();
        };
        let moving = Outcome { moving: true, ..STILL };
        look(&mut agenda, Outcome { wrote: true, ..moving });
        look(&mut agenda, Outcome { moved: true, ..moving });
        for _ in 0..3 {
            look(&mut agenda, moving);
        }
        look(&mut agenda, Outcome { moved: true, ..moving });
        assert_eq!(pauses, [0, 1000, 2000, 4000, 5000, 1000]);
        for _ in 0..70 {
            agenda.ended(moving, now, 0.5);
            now = agenda.due();
            agenda.begin(now).unwrap();
        }
        agenda.ended(moving, now, 0.5);
        assert_eq!(milliseconds(now, agenda.due()), 30_000, "nothing has moved for long");
        agenda.ended(STILL, now, 0.5);
        assert_eq!(milliseconds(now, agenda.due()), 300_000);
    }

    #[test]
    fn an_engine_in_trouble_is_left_alone_but_for_what_cannot_wait() {
        let (mut agenda, now) = idle();
        agenda.wake(Reason::Event, now);
        let mut at = now + Duration::from_millis(100);
        for pause in [1, 2, 4] {
            agenda.begin(at).unwrap();
            assert_eq!(agenda.failed(at, 0.0), Duration::from_secs(pause));
            agenda.wake(Reason::Event, at);
            assert_eq!(agenda.due(), at + Duration::from_secs(pause));
            at = agenda.due();
        }
        assert_eq!(agenda.failures(), 3);
        agenda.begin(at).unwrap();
        agenda.failed(at, 0.0);
        agenda.wake(Reason::Gap, at);
        assert_eq!(agenda.due(), at);
        assert_eq!(agenda.begin(at).unwrap().to_string(), "gap");
        agenda.ended(STILL, at, 0.5);
        assert_eq!((agenda.failures(), milliseconds(at, agenda.due())), (0, 300_000));
    }

    #[test]
    fn what_was_put_off_is_due_in_time() {
        let (mut agenda, now) = idle();
        let again = now + Duration::from_secs(18);
        agenda.ended(Outcome { again: Some(again), ..STILL }, now, 0.5);
        assert_eq!(agenda.due(), again);
        assert_eq!(agenda.begin(again).unwrap().to_string(), "retry");
    }
}
