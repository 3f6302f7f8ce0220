//! Consent: what a person agreed to, so that a plan that has grown since is not carried out unseen.

use std::mem::{Discriminant, discriminant};

use crate::diff::document::{Action, Change, Document, Effect};
use crate::model::key::{Kind, ObjectKey};

use super::plan::Plan;
use super::step::{Step, Write};

/// What stands in a name while the fingerprint of a secret is not known.
const UNKNOWN: &str = "<hash>";

/// The changes of a plan that a person has seen and agreed to.
#[derive(Debug, Clone, Default)]
pub struct Consent {
    agreed: Vec<(ObjectKey, Action, Discriminant<Effect>)>,
}

impl Consent {
    /// Consent to every change of `document`, those that only wait included.
    pub fn to(document: &Document) -> Self {
        let agreed = document
            .changes()
            .map(|change| (change.object.clone(), change.action, discriminant(&change.effect)));
        Self { agreed: agreed.collect() }
    }

    /// The steps of `plan` that were agreed to, and the objects of those that were not.
    pub(super) fn sort(&self, plan: &Plan) -> (Vec<Step>, Vec<ObjectKey>) {
        let (agreed, unseen): (Vec<Step>, Vec<Step>) =
            plan.steps.iter().cloned().partition(|step| {
                // What skep remembers for itself changes nothing that anybody runs.
                matches!(step.write, Write::LabelRecord { .. } | Write::Remember { .. })
                    || plan
                        .document
                        .changes()
                        .any(|change| change.object == step.object && self.covers(change))
            });
        (agreed, unseen.into_iter().map(|step| step.object).collect())
    }

    fn covers(&self, change: &Change) -> bool {
        self.agreed.iter().any(|(object, action, effect)| {
            is_same(object, &change.object)
                && match action {
                    // Half of a replacement looks like a creation.
                    Action::Replace => true,
                    _ => *action == change.action && *effect == discriminant(&change.effect),
                }
        })
    }
}

/// Whether an agreed object is this one; the name of a secret may not have been known yet.
fn is_same(agreed: &ObjectKey, now: &ObjectKey) -> bool {
    agreed == now
        || (agreed.kind == Kind::Secret
            && now.kind == Kind::Secret
            && agreed.name.strip_suffix(UNKNOWN).is_some_and(|prefix| now.name.starts_with(prefix)))
}
