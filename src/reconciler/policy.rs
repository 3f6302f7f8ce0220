//! What the user allows and asks for: adoption, pruning, replacement, retention.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::name::{FleetName, SourceName, StackName};
use crate::model::nanos::Nanos;

/// Whether objects that skep did not make are taken over.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Adoption {
    /// Never; an object of the same name is a hold.
    Never,
    /// When the stack's own namespace label is on it and no fleet owns it.
    #[default]
    IfUnowned,
    /// Also when nothing says that it belongs to the stack.
    Always,
}

/// When the registry is asked which image a reference means.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum ResolveImage {
    /// For every service in every pass.
    Always,
    /// When the reference in the file changed.
    #[default]
    Changed,
    /// Never; the reference is written as it is.
    Never,
}

/// When a service is written while a rollout of it is under way of which tasks are healthy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Supersede {
    /// Once Swarm has judged the rollout.
    #[default]
    Judged,
    /// At once, although an unproven release becomes what a rollback leads to.
    Now,
}

/// What the user allows and asks for in a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether objects that skep did not make are taken over.
    pub adoption: Adoption,
    /// Whether undeclared objects of declared stacks are removed; a stack's own setting wins.
    pub prune: bool,
    /// Whether stacks that are no longer declared are removed too.
    pub prune_stacks: bool,
    /// Whether an object may be removed and made again, or moved to another name.
    pub allow_replace: bool,
    /// When a service is written while a rollout of it is under way.
    pub supersede: Supersede,
    /// Guards that the user has lifted for this run.
    pub unblocked: BTreeSet<Unblock>,
    /// How many superseded generations of a config or secret are kept although nothing uses them.
    pub retention: usize,
    /// Replaces the computed progress deadline.
    pub patience: Option<Nanos>,
    /// The stack that is to be removed as a whole, and nothing else is done.
    pub remove: Option<RemoveStack>,
}

/// The removal of a whole stack, asked for by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveStack {
    /// Its name.
    pub stack: StackName,
    /// The file that still declares it, as people write it.
    pub declared_in: Option<String>,
}

/// A guard that the user has lifted, for one stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unblock {
    /// The code of the guard, such as `guard-most-services`.
    pub guard: String,
    /// The stack; `None` for all.
    pub stack: Option<StackName>,
}

impl std::str::FromStr for Unblock {
    type Err = crate::model::name::NameError;

    /// Reads `GUARD` or `GUARD:STACK`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            Some((guard, stack)) => Self { guard: guard.to_owned(), stack: Some(stack.parse()?) },
            None => Self { guard: text.to_owned(), stack: None },
        })
    }
}

impl fmt::Display for Unblock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guard, stack } = self;
        match stack {
            Some(stack) => write!(f, "{guard}:{stack}"),
            None => f.write_str(guard),
        }
    }
}

/// What the absence of an object means in a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The installation of skep; objects of others are left alone.
    pub fleet: FleetName,
    /// The source of the pass.
    pub source: SourceName,
    /// Whether the source is a directory of stacks, so that a stack can be absent from it.
    pub whole: bool,
    /// Stacks that are declared but could not be loaded, with what is wrong in a few words.
    pub invalid: BTreeSet<StackName>,
    /// What is declared elsewhere.
    pub elsewhere: Elsewhere,
}

/// What other sources of the same controller declare: a stack that left one may have moved to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Their stacks, those with errors included.
    pub stacks: BTreeSet<StackName>,
    /// Those of them that were not read since this one changed, so that they may have more.
    pub unread: BTreeSet<SourceName>,
}
