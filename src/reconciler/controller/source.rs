//! One source as the controller knows it: what it declares, when it is looked at again, what is wrong with it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use crate::model::finding::Finding;
use crate::model::name::{SourceName, StackName};
use crate::reconciler::plan::Learned;

use super::backoff::{Backoff, spread};
use super::declared::{Current, Declared};
use super::learning;
use super::sources::Planned;

/// How long a directory must stay as it is before what it lacks counts as removed: somebody may be copying it.
const QUIET: Duration = Duration::from_secs(5);
/// For how long at most it is waited for: where something is always written, nothing would ever be removed or taken up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Which part of its time a source may be looked at earlier, so that one look serves several: a little more than by how
/// much their times are spread.
const EARLY: u32 = 8;

/// Whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// It may be over at any moment.
    Retry,
    /// Only another revision, other settings or a person can help.
    Change,
}

/// Why a look at a source yielded nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FetchFailure {
    /// What went wrong, with its causes.
    pub reason: String,
    /// What to do about it, if we know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether trying again may help.
    pub remedy: Remedy,
}

/// What a look changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// Everything is as it was.
    Same,
    /// There is something new.
    New,
    /// Stacks are missing, and whether they were removed only another look tells.
    Doubted,
    /// It cannot be read, and what was last read of it is in force.
    Recalled,
    /// There was nothing to see.
    Failed,
}

/// What a directory is that lacks stacks which it had.
#[derive(Debug)]
struct Doubt {
    revision: String,
    digest: Vec<u8>,
    /// The stacks that are missing.
    missing: BTreeSet<StackName>,
    /// When a look saw for the first time that these are.
    first: Instant,
    /// Since when it has been like this, as far as anybody knows.
    since: Instant,
}

/// One source.
#[derive(Debug)]
pub struct SourceState {
    /// Its name.
    pub name: SourceName,
    /// What passes work with; `None` until a first look succeeds.
    pub current: Option<Current>,
    /// What was learned from Swarm's answers about it.
    pub learned: Learned,
    /// What is wrong, and since when.
    pub failure: Option<(FetchFailure, Timestamp)>,
    /// How often it is looked at.
    pub poll: Duration,
    /// When it was last seen.
    pub seen: Option<Timestamp>,
    /// When it is looked at next, while nobody looks.
    due: Instant,
    /// When the look under way began.
    looking: Option<Instant>,
    /// Whether another look is wanted after it.
    again: bool,
    /// When the last look that is over began.
    looked: Option<Instant>,
    /// When the last look began that saw something.
    read: Option<Instant>,
    /// When the look began that saw what is known now for the first time.
    renewed: Option<Instant>,
    /// The stacks that it had when all of it could be seen, and those that came since.
    stacks: BTreeSet<StackName>,
    doubt: Option<Doubt>,
    backoff: Backoff,
}

impl SourceState {
    /// A source that nobody has looked at yet.
    pub fn new(planned: Planned, retry: Duration, now: Instant) -> Self {
        let Planned { name, poll } = planned;
        Self {
            name,
            poll,
            current: None,
            learned: learning::nothing(),
            failure: None,
            seen: None,
            due: now,
            looking: None,
            again: false,
            looked: None,
            read: None,
            renewed: None,
            stacks: BTreeSet::new(),
            doubt: None,
            backoff: Backoff::transient(retry),
        }
    }

    /// Follows another longest wait between tries from now on.
    pub fn follow(&mut self, retry: Duration) {
        self.backoff = Backoff::transient(retry);
    }

    /// It is to be looked at now; a look that is under way is not new enough.
    pub fn want(&mut self, now: Instant) {
        self.due = now;
        self.again = self.looking.is_some();
    }

    /// Something happens in it: it is to be looked at now, and stays as it is from now on at the earliest.
    pub fn stir(&mut self, now: Instant) {
        self.want(now);
        if let Some(doubt) = &mut self.doubt {
            doubt.since = now;
        }
    }

    /// When it is to be looked at; `None` while somebody does.
    pub fn due(&self) -> Option<Instant> {
        self.looking.is_none().then_some(self.due)
    }

    /// Whether it may be looked at along with one that is due: sources of one repository then ask its server once.
    pub fn is_nearly_due(&self, now: Instant) -> bool {
        // What fails is left alone for as long as that was decided.
        let is_left = self.failure.as_ref().is_some_and(|(of, _)| of.remedy == Remedy::Retry);
        let early = if is_left { Duration::ZERO } else { self.poll / EARLY };
        self.due().is_some_and(|due| due <= now + early)
    }

    /// A look begins.
    pub fn begin(&mut self, now: Instant) {
        self.looking = Some(now);
        self.again = false;
    }

    /// When the last look that is over began.
    pub fn looked(&self) -> Option<Instant> {
        self.looked
    }

    /// When the last look began that saw something.
    pub fn read(&self) -> Option<Instant> {
        self.read
    }

    /// When the look began that saw what is known now for the first time.
    pub fn renewed(&self) -> Option<Instant> {
        self.renewed
    }

    /// Whether a look that began at `asked` or later is over.
    pub fn is_seen_since(&self, asked: Instant) -> bool {
        self.looked.is_some_and(|looked| looked >= asked)
    }

    /// A look is over.
    pub fn end(
        &mut self,
        result: Result<Declared, FetchFailure>,
        now: Instant,
        chance: f64,
    ) -> Looked {
        let began = self.looking.take();
        let doubtful = result.as_ref().ok().zip(began);
        if let Some(due) = doubtful.and_then(|(declared, began)| self.doubt(declared, began)) {
            self.due = if self.again { now } else { due.max(now) };
            return Looked::Doubted;
        }
        self.doubt = None;
        self.looked = began;
        let poll = self.poll;
        let (result, recalled) = match result {
            Ok(Declared { stale: Some(stale), .. }) if self.current.is_some() => {
                (Err(stale.failure), None)
            }
            Ok(Declared { stale: Some(ref stale), .. }) => {
                (Err(stale.failure.clone()), result.ok())
            }
            result => (result, None),
        };
        let pause = match &result {
            Ok(_) => {
                self.backoff.reset();
                spread(poll, chance)
            }
            Err(FetchFailure { remedy: Remedy::Retry, .. }) => self.backoff.next(chance),
            Err(FetchFailure { remedy: Remedy::Change, .. }) => spread(poll, chance),
        };
        self.due = if self.again { now } else { now + pause };
        match result {
            Ok(declared) => {
                self.failure = None;
                self.read = self.looked;
                self.seen = Some(Timestamp::now());
                self.accept(declared)
            }
            Err(failure) => {
                let since = self.failure.take().filter(|(known, _)| *known == failure);
                let since = since.map_or_else(Timestamp::now, |(_, since)| since);
                self.failure = Some((failure, since));
                match recalled {
                    Some(declared) => {
                        self.current = Some(Current::new(declared));
                        Looked::Recalled
                    }
                    None => Looked::Failed,
                }
            }
        }
    }

    /// When to look again, if what a directory lacks may be on its way into it: files are removed and copied one by one,
    /// and a commit has all or none of them.
    fn doubt(&mut self, declared: &Declared, began: Instant) -> Option<Instant> {
        let Declared { request, revision, digest, commit, .. } = declared;
        let elsewhere = self.current.as_ref().map(|current| &current.request.scope.elsewhere);
        let has = |stack: &StackName| {
            request.scope.invalid.contains(stack)
                || request.stacks.iter().any(|declared| declared.name == *stack)
                || elsewhere.is_some_and(|elsewhere| elsewhere.stacks.contains(stack))
        };
        let missing: BTreeSet<StackName> =
            self.stacks.iter().filter(|stack| !has(stack)).cloned().collect();
        if commit.is_some() || !request.scope.whole || missing.is_empty() {
            return None;
        }
        let known = self.doubt.take();
        let first = known.as_ref().filter(|known| missing.is_subset(&known.missing));
        let first = first.map_or(began, |known| known.first);
        let known = known.filter(|known| known.revision == *revision && known.digest == *digest);
        let (revision, digest) = (revision.clone(), digest.clone());
        let doubt = known.unwrap_or(Doubt { revision, digest, missing, first, since: began });
        let sure = (doubt.since + QUIET).min(first + PATIENCE);
        self.doubt = Some(doubt);
        (began < sure).then_some(sure)
    }

    /// Whether stacks are missing that it had, and nobody knows yet whether they were removed.
    pub fn is_doubted(&self) -> bool {
        self.doubt.is_some()
    }

    fn accept(&mut self, declared: Declared) -> Looked {
        let scope = &declared.request.scope;
        if scope.whole {
            self.stacks.clear();
        }
        self.stacks.extend(declared.request.stacks.iter().map(|stack| stack.name.clone()));
        self.stacks.extend(scope.invalid.iter().cloned());
        match &mut self.current {
            Some(current) if current.is(&declared) => return Looked::Same,
            Some(current) => current.renew(declared),
            None => self.current = Some(Current::new(declared)),
        }
        self.renewed = self.looked;
        learning::forget(&mut self.learned);
        Looked::New
    }

    /// What is wrong with the newest revision or doubtful.
    pub fn findings(&self) -> &[Finding] {
        self.current.as_ref().map_or(&[], |current| &current.findings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::declared::tests::{commit, declared};
    use super::*;

    const POLL: Duration = Duration::from_secs(60);
    const RETRY: Duration = Duration::from_secs(300);

    fn state(now: Instant) -> SourceState {
        let planned = Planned { name: "main".parse().unwrap(), poll: POLL };
        SourceState::new(planned, RETRY, now)
    }

    #[test]
    fn what_a_directory_lacks_was_removed_once_it_stays_as_it_is() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = state(start);
        let see = |state: &mut SourceState, from: u64, declared: Declared| {
            state.begin(at(from));
            let looked = state.end(Ok(declared), at(from), 0.5);
            (looked, state.due().unwrap().duration_since(start).as_secs())
        };
        let all = || declared("main", "all", &["blog", "shop"], &[]);
        let one = || declared("main", "one", &["blog"], &[]);
        assert_eq!(see(&mut state, 0, all()), (Looked::New, 60));
        // All of it is removed, and copied anew.
        assert_eq!(see(&mut state, 10, declared("main", "none", &[], &[])), (Looked::Doubted, 15));
        assert_eq!(see(&mut state, 14, one()), (Looked::Doubted, 19));
        assert_eq!(see(&mut state, 18, all()), (Looked::Same, 78));
        // Only one stays away.
        assert_eq!(see(&mut state, 20, one()), (Looked::Doubted, 25));
        assert_eq!(see(&mut state, 23, one()), (Looked::Doubted, 25));
        assert_eq!(see(&mut state, 24, one()), (Looked::Doubted, 25));
        // A file is copied that no look reads.
        state.stir(at(24));
        assert_eq!(see(&mut state, 25, one()), (Looked::Doubted, 29));
        assert_eq!(see(&mut state, 29, one()), (Looked::New, 89));
        // What could not be listed is not thereby forgotten.
        assert_eq!(see(&mut state, 30, all()), (Looked::New, 90));
        let mut part = one();
        part.request.scope.whole = false;
        assert_eq!(see(&mut state, 40, part), (Looked::New, 100));
        assert_eq!(see(&mut state, 50, one()), (Looked::Doubted, 55));
        assert_eq!(
            see(&mut state, 60, declared("main", "bad", &["blog"], &["shop"])),
            (Looked::New, 120)
        );
        // A commit is whole.
        assert_eq!(
            see(&mut state, 70, Declared { commit: Some(commit()), ..one() }),
            (Looked::New, 130)
        );
        // Something is written there all the time.
        assert_eq!(see(&mut state, 100, all()), (Looked::New, 160));
        for now in (110..170).step_by(4) {
            assert_eq!(see(&mut state, now, one()), (Looked::Doubted, (now + 5).min(170)));
            state.stir(at(now + 4));
        }
        assert_eq!(see(&mut state, 170, one()), (Looked::New, 230));
        // What is missing last has a minute of its own.
        assert_eq!(see(&mut state, 200, all()), (Looked::New, 260));
        assert_eq!(see(&mut state, 210, one()), (Looked::Doubted, 215));
        let none = declared("main", "none", &[], &[]);
        assert_eq!(see(&mut state, 268, none), (Looked::Doubted, 273));
    }

    #[test]
    fn a_look_that_another_one_may_serve_comes_a_little_early_but_not_after_a_failure() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = state(start);
        state.begin(start);
        state.end(Ok(declared("main", "a", &["shop"], &[])), start, 0.5);
        assert_eq!([52, 53].map(|now| state.is_nearly_due(at(now))), [false, true]);
        let reason = "out of reach".to_owned();
        let failure = FetchFailure { reason, hint: None, remedy: Remedy::Retry };
        for _ in 0..3 {
            state.begin(at(60));
            state.end(Err(failure.clone()), at(60), 0.0);
        }
        assert_eq!([63, 64].map(|now| state.is_nearly_due(at(now))), [false, true]);
        state.follow(Duration::from_secs(2));
        for _ in 0..3 {
            state.begin(at(60));
            state.end(Err(failure.clone()), at(60), 0.0);
        }
        assert_eq!(state.due(), Some(at(62)), "with other settings");
    }
}
