//! Adoption: whether an object that skep did not make may be taken over.

use crate::diff::document::{Hold, HoldCode};
use crate::model::key::ObjectKey;

use super::super::ownership::Owner;
use super::super::policy::Adoption;
use super::context::Context;

/// Why an object must be left to its owner, if it must.
pub(super) fn hold(context: &Context<'_>, key: &ObjectKey, owner: &Owner) -> Option<Hold> {
    match (owner, context.policy.adoption) {
        (Owner::Foreign(whose), Adoption::Never | Adoption::IfUnowned) => Some(foreign(key, whose)),
        (Owner::Unowned, Adoption::Never) => Some(not_adopted(context, key)),
        (Owner::Ours, _)
        | (Owner::Unowned, Adoption::IfUnowned | Adoption::Always)
        | (Owner::Foreign(_), Adoption::Always) => None,
    }
}

/// The hold on an object that belongs to someone else.
fn foreign(key: &ObjectKey, whose: &str) -> Hold {
    Hold::new(HoldCode::ForeignObject, format!("{key} exists and is not ours: {whose}"))
        .unblock("rename ours, remove the other one, or take it over with --adopt always")
        .needs(key.clone())
}

/// The hold on an object that may not be adopted.
fn not_adopted(context: &Context<'_>, key: &ObjectKey) -> Hold {
    Hold::new(HoldCode::NotAdopted, format!("{key} was made by docker stack deploy"))
        .unblock(format!("{} --adopt if-unowned", context.view.command))
        .needs(key.clone())
}
