//! A decoded value together with the place where it was written, and whether messages may show it.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{Cursor, Decode, Report};
use crate::model::place::Place;

/// A decoded value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub place: Place,
    /// Whether a variable stood in it, or in a part of it; it may hold a secret then.
    pub interpolated: bool,
}

/// What stands in messages for a text that came from a variable.
const FROM_VARIABLE: &str = "`${…}`";

impl<T> Located<T> {
    /// `value`, written at `place` without a variable.
    pub const fn new(value: T, place: Place) -> Self {
        Self { value, place, interpolated: false }
    }

    /// `value`, read from the node of `at`.
    pub fn at(at: &Cursor<'_>, value: T) -> Self {
        Self { value, place: at.place().clone(), interpolated: at.node.holds_variable() }
    }

    /// `value`, which was written in the same text.
    pub fn with<U>(&self, value: U) -> Located<U> {
        Located { value, place: self.place.clone(), interpolated: self.interpolated }
    }

    /// `part` of it in quotes for a message; not if it came from a variable, as [`Cursor::quoted`]. Every text of a file
    /// that a message shows goes through one of the two. Numbers, durations and known words are shown as they are once
    /// they were read as such.
    pub fn quoted(&self, part: impl Display) -> String {
        if self.interpolated { FROM_VARIABLE.to_owned() } else { format!("`{part}`") }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Decode> Decode for Located<T> {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        T::decode(at, report).map(|value| Self::at(at, value))
    }
}

/// The schema of a value does not say where it was written.
impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
