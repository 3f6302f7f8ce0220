//! Configs and secrets: which live object is the declared one, and what is made where there is none.
//!
//! Their data cannot be changed, so that a change is a new object under a new name. What `docker stack deploy` made
//! under the plain name is used on when its content is the same.

use crate::diff;
use crate::diff::document::{Action, Cause, Change, Content, Effect, Hold, HoldCode};
use crate::model::desired::{DesiredObject, DesiredStack};
use crate::model::fleet;
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels::{self, Labels};
use crate::model::live::Live;
use crate::model::store::{ConfigSpec, SecretSpec};

use super::super::ownership::{Owner, owner};
use super::super::policy::Adoption;
use super::super::step::{Target, Write};
use super::adoption;
use super::context::Context;
use super::draft::StackDraft;
use super::index::Object;
use super::memory;

/// Plans a config of `stack`.
pub(super) fn plan_config(
    context: &Context<'_>,
    stack: &DesiredStack,
    desired: &DesiredObject<ConfigSpec>,
    draft: &mut StackDraft<'_>,
) {
    let key = ObjectKey::new(Kind::Config, &desired.spec.name);
    let same = |live: &Live<ConfigSpec>| {
        holds_same_data(live, &desired.spec) && live.spec.templating == desired.spec.templating
    };
    if let Some(live) = context.index.configs.get(key.name.as_str()) {
        if !same(live) {
            block_other_content(&key, desired.place.clone(), draft);
            return;
        }
        claim(context, stack, draft, Claim::config(&key, desired, live));
        return;
    }
    let generations = || {
        let configs = context.index.configs.values().copied();
        configs.filter(|live| is_generation(context, stack, &desired.key, &Object::from(*live)))
    };
    if let Some(live) = generations().find(|live| same(live)) {
        draft.renamed.insert(key.clone(), live.spec.name.clone());
        let key = ObjectKey::new(Kind::Config, &live.spec.name);
        claim(context, stack, draft, Claim::config(&key, desired, live));
        return;
    }
    let newest = generations().max_by_key(|live| live.created);
    let causes = memory::causes_of_loss(context, stack, &key);
    let mut change = Change::new(key.clone(), Action::Create, Effect::None, causes);
    change.place = Some(desired.place.clone());
    let earlier = newest.map(|live| (live.spec.name.as_str(), live.spec.data.0.as_slice()));
    change.content = Some(match earlier {
        Some((name, [])) => Content::Hidden { from: Some(name.to_owned()) },
        earlier => diff::content(earlier, &desired.spec.data.0, context.view.contents),
    });
    draft.pending.insert(key);
    draft.push(change, Some(Write::CreateConfig(desired.spec.clone())));
}

/// Whether a live config holds the declared data. Swarm has no empty configs: no data means a file of `skep observe`,
/// where the fingerprint tells, and without one the name alone.
fn holds_same_data(live: &Live<ConfigSpec>, desired: &ConfigSpec) -> bool {
    let fingerprint = |spec: &ConfigSpec| spec.labels.get(labels::FINGERPRINT).cloned();
    match (live.spec.data.is_empty(), fingerprint(&live.spec)) {
        (false, _) => live.spec.data == desired.data,
        (true, Some(known)) => fingerprint(desired).is_some_and(|wanted| wanted == known),
        (true, None) => true,
    }
}

/// Plans a secret of `stack`.
pub(super) fn plan_secret(
    context: &Context<'_>,
    stack: &DesiredStack,
    desired: &DesiredObject<SecretSpec>,
    draft: &mut StackDraft<'_>,
) {
    let key = ObjectKey::new(Kind::Secret, &desired.spec.name);
    let fingerprint = desired.spec.labels.get(labels::FINGERPRINT);
    let equal = |live: &Live<SecretSpec>| {
        fingerprint.is_some() && live.spec.labels.get(labels::FINGERPRINT) == fingerprint
    };
    let candidates = || {
        context.index.secrets.values().copied().filter(|live| {
            live.spec.name == key.name
                || is_generation(context, stack, &desired.key, &Object::from(*live))
        })
    };
    let found = candidates().find(|live| equal(live)).or_else(|| {
        candidates().filter(|live| is_unchecked(context, live)).max_by_key(|live| {
            // The one in use is the likeliest; among others the newest.
            let object = ObjectKey::new(Kind::Secret, &live.spec.name);
            (!context.index.users(&object).current.is_empty(), live.created)
        })
    });
    match found {
        Some(live) => {
            let live_key = ObjectKey::new(Kind::Secret, &live.spec.name);
            if live_key != key {
                draft.renamed.insert(key, live.spec.name.clone());
            }
            claim(context, stack, draft, Claim::secret(&live_key, desired, live, equal(live)));
        }
        None if context.index.secrets.contains_key(key.name.as_str()) => {
            block_other_content(&key, desired.place.clone(), draft);
        }
        None => {
            let newest = candidates().max_by_key(|live| live.created);
            let causes = memory::causes_of_loss(context, stack, &key);
            let mut change = Change::new(key.clone(), Action::Create, Effect::None, causes);
            change.place = Some(desired.place.clone());
            change.content =
                Some(Content::Hidden { from: newest.map(|live| live.spec.name.clone()) });
            // Without a key there is no fingerprint, and so no name.
            let named = context.record.is_some() || desired.spec.data.is_none();
            draft.pending.insert(key);
            draft.push(change, named.then(|| Write::CreateSecret(desired.spec.clone())));
        }
    }
}

/// Whether only Swarm can say if a secret holds the declared data: its fingerprint is missing or under another key,
/// and it has not been asked yet.
fn is_unchecked(context: &Context<'_>, live: &Live<SecretSpec>) -> bool {
    let under_our_key = match (live.spec.labels.get(labels::FINGERPRINT), context.record) {
        (Some(fingerprint), Some(record)) => fleet::is_under_key(fingerprint, record.key.id()),
        // Without a key nothing can be told apart; the next pass has one.
        (Some(_) | None, _) => false,
    };
    !under_our_key && !context.learned.different_secrets.contains(&live.id)
}

/// Whether a live object is a generation of what `stack` declares under `logical`: labelled as one, or made by
/// `docker stack deploy` under the plain name.
fn is_generation(
    context: &Context<'_>,
    stack: &DesiredStack,
    logical: &str,
    live: &Object<'_>,
) -> bool {
    match owner(&live.key(), live.labels, &stack.name, &context.scope.fleet) {
        Owner::Ours => live.label(labels::LOGICAL) == Some(logical),
        Owner::Unowned => {
            context.policy.adoption != Adoption::Never
                && live.name == format!("{}_{logical}", stack.name)
        }
        Owner::Foreign(_) => false,
    }
}

/// A live object that is to serve as the declared one.
struct Claim<'a> {
    key: &'a ObjectKey,
    declared: &'a Labels,
    live: &'a Labels,
    place: crate::model::place::Place,
    /// Whether the data is known to be equal.
    proven: bool,
    write: Box<dyn Fn(Labels) -> Write + 'a>,
}

impl<'a> Claim<'a> {
    fn config(
        key: &'a ObjectKey,
        desired: &'a DesiredObject<ConfigSpec>,
        live: &'a Live<ConfigSpec>,
    ) -> Self {
        let write = |labels| Write::LabelConfig {
            target: Target { id: live.id.clone(), version: live.version },
            spec: ConfigSpec { labels, ..live.spec.clone() },
        };
        Self {
            key,
            declared: &desired.spec.labels,
            live: &live.spec.labels,
            place: desired.place.clone(),
            proven: !live.spec.data.is_empty()
                || live.spec.labels.contains_key(labels::FINGERPRINT),
            write: Box::new(write),
        }
    }

    fn secret(
        key: &'a ObjectKey,
        desired: &'a DesiredObject<SecretSpec>,
        live: &'a Live<SecretSpec>,
        proven: bool,
    ) -> Self {
        let write = |labels| Write::LabelSecret {
            target: Target { id: live.id.clone(), version: live.version },
            spec: SecretSpec { labels, ..live.spec.clone() },
            proof: desired.spec.data.clone(),
        };
        Self {
            key,
            declared: &desired.spec.labels,
            live: &live.spec.labels,
            place: desired.place.clone(),
            proven,
            write: Box::new(write),
        }
    }
}

/// Uses a live object as the declared one, and takes it over where it is not ours yet.
fn claim(
    context: &Context<'_>,
    stack: &DesiredStack,
    draft: &mut StackDraft<'_>,
    claim: Claim<'_>,
) {
    let Claim { key, declared, live, place, proven, write } = claim;
    let mut wanted = declared.clone();
    wanted.insert(labels::OBJECT.to_owned(), key.to_string());
    if context.key_is_hidden
        && let Some(known) = live.get(labels::FINGERPRINT)
    {
        wanted.insert(labels::FINGERPRINT.to_owned(), known.clone());
    }
    if *live == wanted {
        context.hide(usize::from(!proven));
        draft.unchanged += 1;
        return;
    }
    let ownership = owner(key, live, &stack.name, &context.scope.fleet);
    let (action, causes) = match ownership {
        Owner::Ours => (Action::Update, vec![Cause::Git]),
        Owner::Unowned | Owner::Foreign(_) => (Action::Adopt, vec![Cause::Ownership]),
    };
    let mut change =
        Change::new(key.clone(), action, Effect::InPlace { starts: 0, stops: 0 }, causes);
    change.place = Some(place);
    if !proven {
        change.notes.push("content checked when applied".to_owned());
    }
    if let Some(hold) = adoption::hold(context, key, &ownership) {
        draft.blocked.insert(key.clone(), hold.clone());
        change.holds.push(hold);
    }
    draft.pending.insert(key.clone());
    let writable = proven || context.record.is_some();
    draft.push(change, writable.then(|| write(wanted)));
}

fn block_other_content(
    key: &ObjectKey,
    place: crate::model::place::Place,
    draft: &mut StackDraft<'_>,
) {
    let hold = Hold::new(
        HoldCode::ReplaceNotAllowed,
        format!("{key} exists with other content, and its data cannot be changed"),
    )
    .unblock("give it another `name:`, or remove `name:` so that every content gets its own");
    draft.blocked.insert(key.clone(), hold.clone());
    let mut change = Change::new(key.clone(), Action::Replace, Effect::None, vec![Cause::Git]);
    change.place = Some(place);
    change.holds.push(hold);
    draft.push(change, None);
}
