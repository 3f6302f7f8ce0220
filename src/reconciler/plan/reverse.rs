//! The reverse order of removal: who needs a service goes before it. No file tells that any more; labels do.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::document::{After, Change, Hold, HoldClass, HoldCode, Need};
use crate::model::key::{Kind, ObjectKey};
use crate::model::labels;
use crate::model::live::LiveService;

/// Which of some services need which others of them.
pub(super) struct Reverse<'a> {
    needs: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Reverse<'a> {
    /// The needs of `services` among themselves, as they were when each was last written. Those that need each other
    /// in a circle, because they were written at different times, do not count.
    pub(super) fn of(services: &[&'a LiveService]) -> Self {
        let names: BTreeSet<&str> = services.iter().map(|live| live.spec.name.as_str()).collect();
        let all: BTreeMap<&str, BTreeSet<&str>> = services
            .iter()
            .map(|live| {
                let label = live.spec.labels.get(labels::DEPENDS_ON).map_or("", String::as_str);
                let needs = label.lines().filter(|need| names.contains(need)).collect();
                (live.spec.name.as_str(), needs)
            })
            .collect();
        let needs = all.iter().map(|(name, needs)| {
            let straight = needs.iter().copied().filter(|need| !reaches(&all, need, name));
            (*name, straight.collect())
        });
        Self { needs: needs.collect() }
    }

    /// `services` with those first that need others.
    pub(super) fn in_order(&self, services: &[&'a LiveService]) -> Vec<&'a LiveService> {
        let mut order: Vec<&LiveService> = Vec::with_capacity(services.len());
        let mut placed = BTreeSet::new();
        while order.len() < services.len() {
            let before = order.len();
            for live in services {
                let name = live.spec.name.as_str();
                let is_free = self.dependents(name).all(|dependent| placed.contains(dependent));
                if is_free && placed.insert(name) {
                    order.push(live);
                }
            }
            if order.len() == before {
                let is_left = |live: &&&LiveService| !placed.contains(live.spec.name.as_str());
                order.extend(services.iter().filter(is_left).copied());
                break;
            }
        }
        order
    }

    /// Those that need the service `name`.
    pub(super) fn dependents(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let needing = self.needs.iter().filter(move |(_, needs)| needs.contains(name));
        needing.map(|(dependent, _)| *dependent)
    }

    /// Holds the removal of a service until those that need it are gone, of which `held` stay.
    pub(super) fn wait(&self, change: &mut Change, held: &BTreeSet<String>) {
        let name = change.object.name.clone();
        for dependent in self.dependents(&name) {
            let object = ObjectKey::new(Kind::Service, dependent);
            let (class, words) = if held.contains(dependent) {
                (HoldClass::Standing, format!("stays as long as {object}, which needs it, is held"))
            } else {
                (HoldClass::Waiting, format!("waits until {object}, which needs it, is gone"))
            };
            change.after.push(After { object: object.clone(), need: Need::Removed });
            let wait = Hold { class, ..Hold::new(HoldCode::WaitsForTasksGone, words) };
            change.holds.push(wait.needs(object));
        }
    }
}

/// Whether `from` needs `to`, at first or at second hand.
fn reaches(needs: &BTreeMap<&str, BTreeSet<&str>>, from: &str, to: &str) -> bool {
    let (mut seen, mut ahead) = (BTreeSet::new(), vec![from]);
    while let Some(name) = ahead.pop() {
        if name == to {
            return true;
        }
        let next = needs.get(name).into_iter().flatten().copied();
        ahead.extend(next.filter(|name| seen.insert(*name)));
    }
    false
}
