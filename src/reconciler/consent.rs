//! Consent: what a person agreed to, at the question or by a saved plan, so that nothing else is carried out unseen.

use std::collections::BTreeMap;

use crate::diff::document::{Action, Change, HoldCode};
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::Observed;

use super::plan::Plan;
use super::stale::{Stale, Why};
use super::state::State;
use super::step::{Step, Write};

/// What stands in a name while the fingerprint of a secret is not known.
const UNKNOWN: &str = "<hash>";

/// The changes that a person has seen and agreed to, of objects in the states in which they were seen.
#[derive(Debug, Clone, Default)]
pub struct Consent {
    agreed: Vec<Agreed>,
    /// Whether the routes could not be shown, because the proxy could not be read: what was agreed to is that those that it
    /// lacks are made once it can be.
    routes_unseen: bool,
    /// The states in which an object may be written: as it was seen, and as this run has written it since.
    states: BTreeMap<ObjectKey, Vec<State>>,
}

/// One change that was agreed to.
#[derive(Debug, Clone)]
pub(super) struct Agreed {
    pub(super) object: ObjectKey,
    pub(super) action: Action,
    /// The kind of its effect on tasks; how many they are may move.
    pub(super) effect: String,
}

impl Consent {
    /// Consent to every change of `plan` that is done now or later, made from what was `observed`.
    pub fn to(plan: &Plan, observed: &Observed) -> Self {
        let agreed = plan.document.coming().map(|change| Agreed {
            object: change.object.clone(),
            action: change.action,
            effect: change.effect.kind().to_owned(),
        });
        Self::of(agreed.collect(), plan, observed)
    }

    /// Consent to changes of objects as they were when `plan` was made from what was `observed`.
    pub(super) fn of(agreed: Vec<Agreed>, plan: &Plan, observed: &Observed) -> Self {
        let seen = |agreed: &Agreed| {
            let state = State::live(observed, &plan.routes, &agreed.object);
            (agreed.object.clone(), vec![state])
        };
        let is_unseen = |change: &Change| {
            let mut holds = change.holds.iter();
            change.object.kind == Kind::Proxy
                && holds.any(|hold| hold.code == HoldCode::ProxyUnreachable)
                && agreed.iter().any(|agreed| agreed.object == change.object)
        };
        Self {
            states: agreed.iter().map(seen).collect(),
            routes_unseen: plan.document.changes().any(is_unseen),
            agreed,
        }
    }

    /// The steps of `plan` that were agreed to, which are taken for performed from now on, and why the others are not
    /// performed.
    pub(super) fn sort(&mut self, plan: &Plan, observed: &Observed) -> (Vec<Step>, Vec<Stale>) {
        let (mut steps, mut stale) = (Vec::new(), Vec::new());
        for step in &plan.steps {
            match self.admit(step, plan, observed) {
                None => steps.push(step.clone()),
                Some(reason) => stale.push(reason),
            }
        }
        (steps, stale)
    }

    fn admit(&mut self, step: &Step, plan: &Plan, observed: &Observed) -> Option<Stale> {
        // What skep remembers for itself changes nothing that anybody runs.
        if matches!(step.write, Write::LabelRecord { .. } | Write::Remember { .. }) {
            return None;
        }
        let changes = || plan.document.changes().filter(|change| change.object == step.object);
        if !changes().any(|change| self.covers(change)) {
            let unlisted = || Stale { object: step.object.clone(), why: Why::Unlisted(Vec::new()) };
            return Some(changes().next().map_or_else(unlisted, Stale::unlisted));
        }
        let now = State::live(observed, &plan.routes, &step.object);
        // A secret whose name was not known was not there.
        let states = self.states.entry(step.object.clone()).or_insert_with(|| vec![State::Absent]);
        if states.iter().all(|state| state.moved(&now).is_some()) {
            let moved = states.last().and_then(|state| state.moved(&now)).unwrap_or_default();
            return Some(Stale { object: step.object.clone(), why: Why::Moved(moved) });
        }
        // Also if it fails: the answer can be what was lost.
        states.extend(State::written(&step.write, observed.engine.api));
        None
    }

    fn covers(&self, change: &Change) -> bool {
        let is_new_route = change.object.kind == Kind::Route && change.action == Action::Create;
        (self.routes_unseen && is_new_route)
            || self.agreed.iter().any(|agreed| agreed.covers(change))
    }
}

impl Agreed {
    /// Whether `change` is what was agreed to.
    pub(super) fn covers(&self, change: &Change) -> bool {
        self.is_about(&change.object)
            && match self.action {
                // The second half of a replacement, or of a move, looks like a creation.
                Action::Replace | Action::Move => true,
                // Who agreed to downtime agreed to what ends it.
                _ => {
                    self.action == change.action
                        && (self.effect == "downtime" || self.effect == change.effect.kind())
                }
            }
    }

    /// Whether it is about `object`; the name of a secret may not have been known yet.
    pub(super) fn is_about(&self, object: &ObjectKey) -> bool {
        let begins = |prefix: &str| object.name.starts_with(prefix);
        self.object == *object
            || (self.object.kind == Kind::Secret
                && object.kind == Kind::Secret
                && self.object.name.strip_suffix(UNKNOWN).is_some_and(begins))
    }
}
