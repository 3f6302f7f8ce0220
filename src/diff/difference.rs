//! What differs between the live and the declared state of one object.

use crate::model::desired::{FieldPath, Origins};

use super::document::{Cause, FieldChange, Impact, Shown};
use super::fields::format::Written;
use super::fields::shape::Secrecy;
use super::mask::Masker;

/// What differs between two states of one object.
#[derive(Debug, Clone, Default)]
pub struct ObjectDiff {
    /// The fields that differ, by path.
    pub fields: Vec<FieldDiff>,
    /// Those of skep's own labels that differ, except `skep.applied`. They are no change of what people declared;
    /// whether they are worth a write depends on the object.
    pub own_labels: Vec<FieldDiff>,
    /// How many fields are set and equal.
    pub unchanged: usize,
}

/// A field that differs. Its values may be secret: only [`FieldDiff::change`] shows them, masked.
#[derive(Debug, Clone)]
pub struct FieldDiff {
    /// Which field, in Compose's words.
    pub path: FieldPath,
    /// What changing it costs.
    pub impact: Impact,
    /// Whether the values may be secret.
    pub(super) secrecy: Secrecy,
    /// The live value.
    pub(super) before: Option<Written>,
    /// The declared value.
    pub(super) after: Option<Written>,
}

impl ObjectDiff {
    /// Whether nothing differs that people declare; skep's own labels do not count.
    pub fn is_empty(&self) -> bool {
        let Self { fields, own_labels: _, unchanged: _ } = self;
        fields.is_empty()
    }

    /// The highest cost among the fields that differ.
    pub fn impact(&self) -> Option<Impact> {
        self.fields.iter().map(|field| field.impact).max()
    }
}

impl FieldDiff {
    /// The field as a plan shows it: masked, with its place. It causes a roll if its impact alone says so; placement
    /// is for the caller to judge.
    pub fn change(
        &self,
        masker: &mut Masker,
        cause: Option<Cause>,
        origins: Option<&Origins>,
    ) -> FieldChange {
        let Self { path, impact, secrecy, before, after } = self;
        let before = before.as_ref().map(|value| masker.show(secrecy, value));
        let mut after = after.as_ref().map(|value| masker.show(secrecy, value));
        if before == after
            && let Some(Shown::Text(text)) = &mut after
        {
            text.push_str(" (other content)");
        }
        FieldChange {
            path: path.clone(),
            before,
            after,
            impact: *impact,
            causes_roll: *impact == Impact::Roll,
            cause,
            place: origins.and_then(|origins| origins.place(path)).cloned(),
        }
    }
}
