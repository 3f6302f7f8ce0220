//! The draft of a plan: changes of one stack with the steps that would perform them.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{Change, Hold, HoldCode, Retained};
use crate::model::key::{Kind, ObjectKey};
use crate::model::name::StackName;

use super::super::step::{Step, Write};
use super::inputs::Learned;

/// One change and the write that performs it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) change: Change,
    /// The write; `None` when it cannot be written down before the fleet has a key, or at all.
    pub(super) write: Option<Write>,
    /// Objects of the same pass that must have been written before.
    pub(super) needs: Vec<ObjectKey>,
}

/// The draft of one stack.
#[derive(Debug, Clone)]
pub(super) struct StackDraft<'a> {
    /// What this run has learned: writes that the Engine refused, and objects that somebody else writes too.
    learned: &'a Learned,
    pub(super) name: StackName,
    pub(super) file: Option<String>,
    pub(super) services: usize,
    pub(super) holds: Vec<Hold>,
    /// What services wait for in other stacks before they are created or rolled.
    pub(super) waits: Vec<Hold>,
    pub(super) entries: Vec<Entry>,
    pub(super) unchanged: usize,
    pub(super) retained: Vec<Retained>,
    /// Names under which this stack's configs and secrets live, where they differ from the declared ones.
    pub(super) renamed: BTreeMap<ObjectKey, String>,
    /// Objects that the stack refers to and cannot use, with the reason.
    pub(super) blocked: BTreeMap<ObjectKey, Hold>,
    /// Objects that this pass creates or checks, so that what uses them comes after.
    pub(super) pending: BTreeSet<ObjectKey>,
    /// Networks of this stack that go and come back with other options.
    pub(super) replaced_networks: BTreeSet<String>,
    /// Those of all stacks: no service can be on them until they are back.
    pub(super) away: BTreeSet<String>,
}

impl<'a> StackDraft<'a> {
    /// A draft without changes.
    pub(super) fn new(
        name: StackName,
        file: Option<String>,
        services: usize,
        learned: &'a Learned,
    ) -> Self {
        Self {
            learned,
            name,
            file,
            services,
            holds: Vec::new(),
            waits: Vec::new(),
            entries: Vec::new(),
            unchanged: 0,
            retained: Vec::new(),
            renamed: BTreeMap::new(),
            blocked: BTreeMap::new(),
            pending: BTreeSet::new(),
            replaced_networks: BTreeSet::new(),
            away: BTreeSet::new(),
        }
    }

    /// Adds a change with its write.
    pub(super) fn push(&mut self, change: Change, write: Option<Write>) {
        self.push_after(change, write, Vec::new());
    }

    /// Adds a change that comes after other writes of the same pass.
    pub(super) fn push_after(
        &mut self,
        mut change: Change,
        write: Option<Write>,
        needs: Vec<ObjectKey>,
    ) {
        let refused = self.learned.refused_writes.get(&change.object);
        let hold = refused.map(|words| write_refused(words)).or_else(|| {
            if change.is_standing() { None } else { self.learned.contention.hold(&change) }
        });
        if let Some(hold) = hold {
            self.blocked.insert(change.object.clone(), hold.clone());
            change.holds.push(hold);
        }
        self.entries.push(Entry { change, write, needs });
    }

    /// Replaces the declared name of a config or secret by the one under which it lives.
    pub(super) fn rename(&self, kind: Kind, name: &mut String) {
        if let Some(live) = self.renamed.get(&ObjectKey::new(kind, name.as_str())) {
            name.clone_from(live);
        }
    }

    /// Whether a service is written as soon as something has come to pass.
    pub(super) fn has_waiting_service(&self) -> bool {
        !self.is_held()
            && self.entries.iter().map(|entry| &entry.change).any(|change| {
                change.object.kind == Kind::Service
                    && !change.holds.is_empty()
                    && !change.is_standing()
            })
    }

    /// Whether the stack as a whole is held.
    pub(super) fn is_held(&self) -> bool {
        self.holds.iter().any(Hold::is_standing)
    }

    /// The steps that are ready: nothing holds them, their stack or the objects of this pass that they need.
    pub(super) fn ready(&self) -> Vec<Step> {
        if self.is_held() {
            return Vec::new();
        }
        let held: BTreeSet<&ObjectKey> = self
            .entries
            .iter()
            .filter(|entry| !entry.change.holds.is_empty())
            .map(|entry| &entry.change.object)
            .collect();
        self.entries
            .iter()
            .filter(|entry| entry.change.holds.is_empty())
            .filter(|entry| entry.needs.iter().all(|need| !held.contains(need)))
            .filter_map(|entry| {
                Some(Step {
                    object: entry.change.object.clone(),
                    write: entry.write.clone()?,
                    needs: entry.needs.clone(),
                })
            })
            .collect()
    }
}

/// The hold on a write that the Engine refused in this run, with its words.
pub(super) fn write_refused(words: &str) -> Hold {
    Hold::new(HoldCode::WriteRefused, words)
        .unblock("correct the file, or try again once the cause is gone")
}
