//! The change of the fleet record: made when a key is first needed, labelled when Swarm has refused a release.

use crate::diff::document::{Action, Cause, Change, Effect};
use crate::model::key::{Kind, ObjectKey};

use super::super::record;
use super::super::step::{Step, Write};
use super::context::Context;
use super::draft::{Entry, StackDraft};

impl Context<'_> {
    /// The change of the fleet record, if one is needed.
    pub(super) fn record_step(&self, drafts: &[StackDraft<'_>]) -> Option<(Change, Step)> {
        let key = ObjectKey::new(Kind::Config, &self.record_name);
        if self.key_is_hidden {
            return None;
        }
        let Some(record) = self.record else {
            let needed = drafts
                .iter()
                .any(|draft| !draft.is_held() && draft.entries.iter().any(needs_record));
            if !needed {
                return None;
            }
            let mut change =
                Change::new(key.clone(), Action::Create, Effect::None, vec![Cause::Ownership]);
            change.notes.push("holds the key of this fleet's fingerprints".to_owned());
            let labels = record::labels(&self.scope.fleet);
            let write = Write::CreateRecord { name: self.record_name.clone(), labels };
            return Some((change, Step { object: key, write, needs: Vec::new() }));
        };
        let refusals = self.refusals.borrow();
        if refusals.is_empty() {
            return None;
        }
        let mut labels = record.labels.clone();
        for (service, (fingerprint, id)) in refusals.iter() {
            record::refuse(&mut labels, service, fingerprint, id);
        }
        let mut change = Change::new(
            key.clone(),
            Action::Update,
            Effect::InPlace { starts: 0, stops: 0 },
            Vec::new(),
        );
        change.notes.push("remembers releases that Swarm rolled back".to_owned());
        let write = Write::LabelRecord { target: record.target.clone(), labels };
        Some((change, Step { object: key, write, needs: Vec::new() }))
    }
}

/// Whether a change needs the key of the fleet, or a place where it is noted whose a route is.
fn needs_record(entry: &Entry) -> bool {
    let change = &entry.change;
    let is_route = change.object.kind == Kind::Route && change.action != Action::Remove;
    let is_unknown = entry.write.is_none() && !change.is_standing();
    is_unknown || (is_route && change.holds.is_empty())
}
