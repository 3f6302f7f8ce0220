//! What differs between the live and the declared state of one object.

use crate::model::desired::{FieldPath, Origins};
use crate::model::fleet::{Domain, FleetKey};
use crate::model::secret::MASK;

use super::document::{Cause, FieldChange, Impact, Shown};
use super::fields::format::Written;
use super::fields::shape::Secrecy;
use super::mask::Masker;

/// What differs between two states of one object.
#[derive(Debug, Clone, Default)]
pub struct ObjectDiff {
    /// The fields that differ, by path.
    pub fields: Vec<FieldDiff>,
    /// Those of skep's own labels that differ, except stamps. They are no change of what people declared;
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

    /// Counts fields as unchanged that may differ only by what stands behind a mask, and says how many those are.
    /// For live objects that were read from a file of `skep observe`.
    pub fn set_masked_aside(&mut self) -> usize {
        let before = self.fields.len();
        self.fields.retain(|field| !field.may_be_equal_behind_masks());
        let masked = before - self.fields.len();
        self.unchanged += masked;
        masked
    }

    /// The highest cost among the fields that differ.
    pub fn impact(&self) -> Option<Impact> {
        self.fields.iter().map(|field| field.impact).max()
    }
}

impl FieldDiff {
    fn may_be_equal_behind_masks(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(Written::Text(before)), Some(Written::Text(after))) => fits(before, after),
            (Some(Written::List(before)), Some(Written::List(after))) => {
                before.len() == after.len()
                    && before.iter().zip(after).all(|(before, after)| fits(before, after))
            }
            _ => false,
        }
    }

    /// The declared value as a few digits that tell nothing without `key`.
    pub fn fingerprint(&self, key: &FleetKey) -> String {
        let Self { path, impact: _, secrecy: _, before: _, after } = self;
        let mut bytes = format!("{path}\0").into_bytes();
        if let Some(after) = after {
            after.write_to(&mut bytes);
        }
        key.suffix(Domain::Plan, &bytes, 8)
    }

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

/// Whether `masked` could be `text` before parts of it were masked.
fn fits(masked: &str, text: &str) -> bool {
    let Some((head, tail)) = masked.split_once(MASK) else { return masked == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let (middle, end) = tail.rsplit_once(MASK).unwrap_or(("", tail));
    let Some(rest) = text.strip_suffix(end) else { return false };
    text = rest;
    middle.split(MASK).all(|part| match text.split_once(part) {
        Some((_, rest)) => {
            text = rest;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_the_value_and_not_only_of_the_field() {
        let key = FleetKey::new([7; 32]);
        let of = |after| FieldDiff {
            path: FieldPath("image".to_owned()),
            impact: Impact::Roll,
            secrecy: Secrecy::Open,
            before: None,
            after,
        };
        let text = |text: &str| Some(Written::Text(text.to_owned()));
        let list =
            |items: &[&str]| Some(Written::List(items.iter().map(ToString::to_string).collect()));
        let values = [
            None,
            text(""),
            text("a:1"),
            text("a:2"),
            Some(Written::Integer(1)),
            Some(Written::Bool(true)),
            Some(Written::Number(1.0)),
            list(&[]),
            list(&["ab"]),
            list(&["a", "b"]),
        ];
        let all: std::collections::BTreeSet<String> =
            values.into_iter().map(|value| of(value).fingerprint(&key)).collect();
        assert_eq!(all.len(), 10);
    }

    #[test]
    fn a_mask_stands_for_anything() {
        for (masked, text, expected) in [
            ("(sensitive)", "hunter2", true),
            ("postgres://u:(sensitive)@db/x", "postgres://u:hunter2@db/x", true),
            ("postgres://u:(sensitive)@db/x", "postgres://u:hunter2@other/x", false),
            ("(sensitive),b,(sensitive)", "a,b,c", true),
            ("(sensitive),b,(sensitive)", "a,c", false),
            ("plain", "plain", true),
            ("plain", "other", false),
        ] {
            assert_eq!(fits(masked, text), expected, "{masked} {text}");
        }
    }
}
