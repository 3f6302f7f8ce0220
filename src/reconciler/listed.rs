//! The list of changes that a saved plan allows, each with digests of what is there before and after.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diff::document::{Action, Change};
use crate::model::desired::FieldPath;
use crate::model::key::{Kind, ObjectKey};
use crate::model::live::Observed;

use super::consent::{Agreed, Consent};
use super::plan::Plan;
use super::seal::{Seal, SealError};
use super::stale::{Stale, Why};
use super::state::State;
use super::step::Write;

/// One change that a saved plan allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Which object.
    pub object: ObjectKey,
    /// What is done with it.
    pub action: Action,
    /// The kind of effect on its tasks, as in the plan.
    pub effect: String,
    /// The digest of its live state: `absent`, `hmac:…` under the fleet's key, or `argon2id:…` before it has one.
    pub from: String,
    /// The digest of what it becomes, where that is known before the writes that come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A few digits for each of its live fields, under the fleet's key, which tell the field that has moved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<FieldPath, String>,
}

/// The changes of `plan`, made from what was `observed`, that come without a person's doing.
///
/// # Errors
/// When a digest cannot be computed.
pub fn list(plan: &Plan, observed: &Observed, seal: &Seal) -> Result<Vec<Listed>, SealError> {
    let writes = writes(plan);
    let list = changes(plan).map(|change| {
        let state = State::live(observed, &plan.routes, &change.object);
        let write = writes.get(&change.object);
        let to = write.and_then(|write| State::written(write, observed.engine.api));
        // Without a key, each would cost a slow digest, and hardly any is known.
        let to = to.filter(|_| seal.key().is_some());
        Ok(Listed {
            object: change.object.clone(),
            action: change.action,
            effect: change.effect.kind().to_owned(),
            from: seal.of(state.bytes())?,
            to: to.map(|state| seal.of(state.bytes())).transpose()?,
            fields: fields(&state, seal),
        })
    });
    list.collect()
}

/// Why `plan`, made from what is `observed` now, is not what was `listed`; nothing if it is that or a rest of it.
///
/// # Errors
/// When a digest cannot be computed.
pub fn check(
    listed: &[Listed],
    plan: &Plan,
    observed: &Observed,
    seal: &Seal,
) -> Result<Vec<Stale>, SealError> {
    let writes = writes(plan);
    let mut stale = Vec::new();
    for change in changes(plan) {
        let found = listed.iter().find(|listed| listed.agreed().is_about(&change.object));
        let why = match found {
            None => Some(Stale::unlisted(change)),
            Some(listed) => {
                let write = writes.get(&change.object).copied();
                let live = State::live(observed, &plan.routes, &change.object);
                let why = listed.check(change, write, &live, (observed, seal))?;
                why.map(|why| Stale { object: change.object.clone(), why })
            }
        };
        stale.extend(why);
    }
    Ok(stale)
}

/// Consent to what was `listed`, once [`check`] has found nothing in `plan`, made from what is `observed`.
pub fn consent(listed: &[Listed], plan: &Plan, observed: &Observed) -> Consent {
    Consent::of(listed.iter().map(Listed::agreed).collect(), plan, observed)
}

impl Listed {
    fn agreed(&self) -> Agreed {
        Agreed { object: self.object.clone(), action: self.action, effect: self.effect.clone() }
    }

    fn check(
        &self,
        change: &Change,
        write: Option<&Write>,
        live: &State,
        (observed, seal): (&Observed, &Seal),
    ) -> Result<Option<Why>, SealError> {
        // An earlier run of this plan may have come this far, or half-way through a replacement.
        let is_written = match &self.to {
            Some(to) => seal.is(to, live.bytes())?,
            None => false,
        };
        let is_half = self.action == Action::Replace && matches!(live, State::Absent);
        if !is_written && !is_half && !seal.is(&self.from, live.bytes())? {
            return Ok(Some(Why::Moved(self.moved(live, seal))));
        }
        if !self.agreed().covers(change) {
            let planned = format!("{} ({})", self.action, self.effect);
            let now = format!("{} ({})", change.action, change.effect.kind());
            return Ok(Some(Why::Otherwise { planned, now }));
        }
        let result = write.and_then(|write| State::written(write, observed.engine.api));
        let is_same = match (&self.to, result) {
            // What comes after half of a change is the other half of it.
            (Some(to), Some(result)) if !is_written && !is_half => seal.is(to, result.bytes())?,
            _ => true,
        };
        Ok((!is_same).then_some(Why::OtherResult))
    }

    /// The fields of a live object that are not what they were.
    fn moved(&self, live: &State, seal: &Seal) -> Vec<FieldPath> {
        let now = fields(live, seal);
        if self.fields.is_empty() || now.is_empty() {
            return Vec::new();
        }
        let paths: BTreeSet<&FieldPath> = self.fields.keys().chain(now.keys()).collect();
        let moved = paths.into_iter().filter(|path| self.fields.get(*path) != now.get(*path));
        moved.cloned().collect()
    }
}

/// The changes that a saved plan is about. What the fleet record notes changes nothing that anybody runs.
fn changes(plan: &Plan) -> impl Iterator<Item = &Change> {
    let notes = |change: &Change| {
        change.action == Action::Update
            && change.object.kind == Kind::Config
            && plan.document.fleet_changes.iter().any(|other| other.object == change.object)
    };
    plan.document.coming().filter(move |change| !notes(change))
}

/// The writes that are known, by object.
fn writes(plan: &Plan) -> BTreeMap<&ObjectKey, &Write> {
    let later = plan.later.iter().map(|(object, write)| (object, write));
    plan.steps.iter().map(|step| (&step.object, &step.write)).chain(later).collect()
}

fn fields(state: &State, seal: &Seal) -> BTreeMap<FieldPath, String> {
    let Some(key) = seal.key() else { return BTreeMap::new() };
    let fields = state.fields();
    fields.iter().map(|field| (field.path.clone(), field.fingerprint(key))).collect()
}
