//! A variable as a file sets it.

use std::fmt;

use crate::model::place::Place;

/// A variable as a file sets it.
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Its name.
    pub name: String,
    /// Its value, quotes and escapes undone.
    pub value: String,
    /// Where its name is written.
    pub place: Place,
}

/// Without the value, which may be a secret.
impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value: _, place } = self;
        f.debug_struct("Assignment")
            .field("name", name)
            .field("place", place)
            .finish_non_exhaustive()
    }
}
