//! The variables that stack files may use, and where each came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::assignment::Assignment;
use crate::model::place::Place;
use crate::model::secret::Redacted;

/// Where the value of a variable came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `--var NAME=VALUE`.
    Flag,
    /// The environment of the process, with `--inherit-env`.
    Process,
    /// A file given by `--env-file`.
    EnvFile(Place),
    /// The settings file.
    Settings(Place),
    /// The `.env` beside the stack file.
    DotEnv(Place),
}

/// `--var`, `the process environment`, `prod.env:3:1`
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("--var"),
            Self::Process => f.write_str("the process environment"),
            Self::EnvFile(place) | Self::Settings(place) | Self::DotEnv(place) => place.fmt(f),
        }
    }
}

/// The value of a variable and where it came from.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// The value; it may be empty.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// Without the value, which may be a secret.
impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value: _, origin } = self;
        f.debug_struct("Variable").field("origin", origin).finish_non_exhaustive()
    }
}

/// The variables that a stack may use.
///
/// They are added from the strongest source to the weakest: `--var`, the process environment, `--env-file`, settings,
/// `.env`. What is set stays.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    set: BTreeMap<String, Variable>,
    /// The names that were asked for, of this one and its clones.
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `name`, unless a stronger source did.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>, origin: Origin) {
        self.set.entry(name.into()).or_insert_with(|| Variable { value: value.into(), origin });
    }

    /// Sets what one file assigns, where the last assignment of a name counts, unless a stronger source did.
    pub fn add_file(&mut self, file: Vec<Assignment>, origin: impl Fn(Place) -> Origin) {
        for Assignment { name, value, place } in file.into_iter().rev() {
            self.add(name, value, origin(place));
        }
    }

    /// The variable `name`, if it is set.
    pub fn get(&self, name: &str) -> Option<&Variable> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked.contains(name) {
            asked.insert(name.to_owned());
        }
        self.set.get(name)
    }

    /// The value of `name`, if it is set.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(|variable| variable.value.as_str())
    }

    /// What was asked for so far, of this one or a clone of it, and came from the command line or its surroundings: no
    /// revision of the files tells of it.
    pub fn asked_from_outside(&self) -> BTreeMap<String, Redacted<String>> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let outside = asked.iter().filter_map(|name| {
            let Variable { value, origin } = self.set.get(name)?;
            match origin {
                Origin::Flag | Origin::Process | Origin::EnvFile(_) => {
                    Some((name.clone(), Redacted::new(value.clone())))
                }
                Origin::Settings(_) | Origin::DotEnv(_) => None,
            }
        });
        outside.collect()
    }

    /// How many bytes the names and values have.
    pub fn size(&self) -> usize {
        self.set.iter().map(|(name, variable)| name.len() + variable.value.len()).sum()
    }

    /// The names that are set, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.set.keys().map(String::as_str)
    }
}
