//! One source as the controller knows it: what it declares, when it is looked at again, what is wrong with it.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use crate::model::finding::Finding;
use crate::model::name::SourceName;
use crate::reconciler::plan::Learned;

use super::backoff::{Backoff, spread};
use super::declared::{Current, Declared};
use super::learning;
use super::sources::Planned;

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
    /// It cannot be read, and what was last read of it is in force.
    Recalled,
    /// There was nothing to see.
    Failed,
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
            backoff: Backoff::transient(retry),
        }
    }

    /// It is to be looked at now; a look that is under way is not new enough.
    pub fn want(&mut self, now: Instant) {
        self.due = now;
        self.again = self.looking.is_some();
    }

    /// When it is to be looked at; `None` while somebody does.
    pub fn due(&self) -> Option<Instant> {
        self.looking.is_none().then_some(self.due)
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
        self.looked = self.looking.take();
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

    fn accept(&mut self, declared: Declared) -> Looked {
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
