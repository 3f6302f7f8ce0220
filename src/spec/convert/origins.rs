//! Collects where the fields of an object were written.

use crate::model::desired::{FieldPath, Origins};
use crate::model::place::Place;
use crate::spec::decode::Located;

/// The places of an object's fields so far.
#[derive(Debug, Default)]
pub(super) struct Recorder(Origins);

impl Recorder {
    /// Notes that `field` was written at `place`; the first note counts.
    pub(super) fn note(&mut self, field: impl Into<String>, place: &Place) {
        self.0.0.entry(FieldPath(field.into())).or_insert_with(|| place.clone());
    }

    /// Notes the place of `value`, if it is there.
    pub(super) fn note_if<T>(&mut self, field: &str, value: Option<&Located<T>>) {
        if let Some(value) = value {
            self.note(field, &value.place);
        }
    }

    /// The places.
    pub(super) fn into_origins(self) -> Origins {
        self.0
    }
}
