//! The removal of configs and secrets: superseded generations, and those that are no longer declared.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Action, Cause, Change, Effect, Retained};
use crate::model::key::Kind;
use crate::model::labels;

use super::super::draft::StackDraft;
use super::super::index::Object;
use super::super::{network, users};
use super::stack::Removal;

impl Removal<'_> {
    /// Plans the removal of configs and secrets: superseded generations, and those that are no longer declared.
    pub(super) fn plan_stores(&self, going: &BTreeSet<String>, draft: &mut StackDraft<'_>) {
        for kind in [Kind::Config, Kind::Secret] {
            let mut spared = BTreeMap::<&str, usize>::new();
            let current = self.current(kind, draft);
            for stored in self.stored(kind) {
                let object = stored.key();
                if current.contains(&object.name) {
                    continue;
                }
                let logical = stored.label(labels::LOGICAL);
                let superseded = logical.is_some_and(|key| self.declares_key(kind, key));
                if let Some(reason) = self.user(&object, going, draft) {
                    draft.retained.push(Retained { object, reason });
                    continue;
                }
                if superseded {
                    // Collecting needs nobody's attention; whatever it waits for does.
                    if let Some(wait) = self.wait.as_ref().filter(|wait| wait.is_standing()) {
                        let reason = wait.reason.clone();
                        draft.retained.push(Retained { object, reason });
                        continue;
                    }
                    let kept = spared.entry(logical.unwrap_or_default()).or_default();
                    if *kept < self.context.policy.retention {
                        *kept += 1;
                        let reason = "kept by the retention setting".to_owned();
                        draft.retained.push(Retained { object, reason });
                        continue;
                    }
                }
                let cause = if superseded { Cause::Superseded } else { self.cause() };
                let mut change =
                    Change::new(object.clone(), Action::Remove, Effect::None, vec![cause]);
                if !superseded {
                    change.holds.extend(self.consent(self.is_made_anew(&stored)));
                    change.holds.extend(self.protects().then(|| network::protected(&object)));
                }
                users::wait_for_users(self.context, &object, &mut change);
                self.finish(change, stored.id, None, draft);
            }
        }
    }

    /// The configs or secrets of the stack, newest first.
    pub(super) fn stored(&self, kind: Kind) -> Vec<Object<'_>> {
        let mut stored = self.context.index.objects(kind);
        stored.retain(|object| !object.labels.contains_key(labels::RECORD) && self.owns(object));
        stored.sort_by_key(|object| std::cmp::Reverse((object.created, object.name)));
        stored
    }

    pub(super) fn declares_key(&self, kind: Kind, key: &str) -> bool {
        self.declared.is_some_and(|stack| match kind {
            Kind::Config => stack.configs.iter().any(|config| config.key == key),
            Kind::Secret => stack.secrets.iter().any(|secret| secret.key == key),
            Kind::Network | Kind::Service | Kind::Route | Kind::Proxy => false,
        })
    }

    /// The names under which objects of a kind live that the stack declares now.
    pub(super) fn current(&self, kind: Kind, draft: &StackDraft<'_>) -> BTreeSet<String> {
        let keys = self.declared.iter().flat_map(|stack| stack.keys());
        let named = keys.filter(|key| key.kind == kind).map(|mut key| {
            draft.rename(kind, &mut key.name);
            key.name
        });
        named.collect()
    }
}
