//! Collects where the fields of an object were written.

use std::borrow::Cow;

use crate::model::desired::Origins;
use crate::model::place::Place;
use crate::spec::decode::Located;

/// The places of an object's fields so far.
#[derive(Debug, Default)]
pub(super) struct Recorder(Origins);

impl Recorder {
    /// Notes that `field` was written at `place`; the first note counts.
    pub(super) fn note(&mut self, field: impl Into<Cow<'static, str>>, place: &Place) {
        self.0.note(field, place);
    }

    /// Notes the place of `value`, if it is there.
    pub(super) fn note_if<T>(
        &mut self,
        field: impl Into<Cow<'static, str>>,
        value: Option<&Located<T>>,
    ) {
        if let Some(value) = value {
            self.note(field, &value.place);
        }
    }

    /// The places.
    pub(super) fn into_origins(self) -> Origins {
        self.0
    }
}
