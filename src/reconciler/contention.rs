//! Contention: objects that somebody else changes as often as this run writes them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::diff::document::{Change, FieldChange, Hold, HoldCode, Shown};
use crate::model::key::ObjectKey;
use crate::model::labels;
use crate::model::secret::Redacted;

use super::step::{Step, Write};

/// How often a run writes the same before it takes a further difference for another writer's will.
const SAME_WRITES: usize = 2;
/// The same for a controller, whose first write of it may be a commit of hours ago.
const SAME_WRITES_OF_CONTROLLER: usize = 3;
/// How many writes in a row may meet an object that has changed since it was observed.
const LOST_RACES: usize = 5;
/// How many fields the reason names.
const NAMED_FIELDS: usize = 3;

/// What a run has written so far, as far as it tells that somebody else writes too.
#[derive(Debug, Clone)]
pub struct Contention {
    most: usize,
    written: BTreeMap<ObjectKey, BTreeMap<String, Vec<Instant>>>,
    lost: BTreeMap<ObjectKey, Vec<Instant>>,
}

impl Default for Contention {
    fn default() -> Self {
        Self { most: SAME_WRITES, written: BTreeMap::new(), lost: BTreeMap::new() }
    }
}

impl Contention {
    /// What a controller has written so far: nothing.
    pub fn of_controller() -> Self {
        Self { most: SAME_WRITES_OF_CONTROLLER, ..Self::default() }
    }

    /// Notes a write that was performed, and tells whether the same was written before.
    pub(super) fn wrote(&mut self, step: &Step) -> bool {
        self.lost.remove(&step.object);
        let Some(what) = what(&step.write) else { return false };
        let written = self.written.entry(step.object.clone()).or_default();
        let times = written.entry(what).or_default();
        times.push(Instant::now());
        times.len() > 1
    }

    /// Forgets writes and lost races that are older than `age`: who fights does so more often.
    pub(super) fn forget(&mut self, age: Duration) {
        let is_left = |times: &mut Vec<Instant>| {
            times.retain(|time| time.elapsed() < age);
            !times.is_empty()
        };
        self.written.retain(|_, written| {
            written.retain(|_, times| is_left(times));
            !written.is_empty()
        });
        self.lost.retain(|_, times| is_left(times));
    }

    /// Notes a write that came too late: the object had changed since it was observed.
    pub(super) fn lost(&mut self, object: &ObjectKey) {
        self.lost.entry(object.clone()).or_default().push(Instant::now());
    }

    /// The hold on a change of an object over which two writers contend.
    pub(super) fn hold(&self, change: &Change) -> Option<Hold> {
        let object = &change.object;
        let counts = self.written.get(object).into_iter().flat_map(BTreeMap::values);
        let same = counts.map(Vec::len).max().unwrap_or(0);
        let lost = self.lost.get(object).map_or(0, Vec::len);
        let story = if same >= self.most {
            format!("this run wrote it {same} times, and each time somebody else changed it again")
        } else if lost >= LOST_RACES {
            format!("somebody else wrote it first {lost} times in a row")
        } else {
            return None;
        };
        let values = values(&change.fields);
        Some(Hold::new(HoldCode::Contended, format!("{story}{values}")).unblock(
            "find the other writer (another skep apply, docker, an autoscaler) and let one of you write it; \
             `x-skep.ignore` leaves single fields to the other",
        ))
    }
}

/// What a write makes of its object, as a text that is equal for equal writes.
fn what(write: &Write) -> Option<String> {
    match write {
        Write::CreateService(spec) | Write::UpdateService { spec, .. } => {
            spec.labels.get(labels::APPLIED).cloned()
        }
        Write::CreateRecord { .. }
        | Write::CreateNetwork(_)
        | Write::CreateConfig(_)
        | Write::CreateSecret(_) => Some("created".to_owned()),
        Write::LabelRecord { labels, .. } => Some(format!("{labels:?}")),
        Write::LabelConfig { spec, .. } => Some(format!("{:?}", spec.labels)),
        Write::LabelSecret { spec, .. } => Some(format!("{:?}", spec.labels)),
        Write::Remove { .. } => Some("removed".to_owned()),
        Write::Route(write) => Some(text(&write.after)),
        Write::Proxy { after, .. } => Some(text(after)),
        // A note of what others wrote.
        Write::Remember { .. } => None,
    }
}

fn text(objects: &Redacted<Vec<Value>>) -> String {
    objects.expose().iter().map(ToString::to_string).collect()
}

/// Both writers' values: `: image is acme/web:2, declared is acme/web:1`.
fn values(fields: &[FieldChange]) -> String {
    let shown =
        |side: &Option<Shown>| side.as_ref().map_or_else(|| "not set".to_owned(), Shown::to_string);
    let named = fields.iter().take(NAMED_FIELDS).map(|field| {
        let FieldChange { path, before, after, impact: _, causes_roll: _, cause: _, place: _ } =
            field;
        format!("{path} is {}, declared is {}", shown(before), shown(after))
    });
    let named: Vec<String> = named.collect();
    let more = match fields.len().saturating_sub(NAMED_FIELDS) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    if named.is_empty() { String::new() } else { format!(": {}{more}", named.join("; ")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::diff::document::{Action, Effect, Impact};
    use crate::model::desired::FieldPath;
    use crate::model::key::Kind;
    use crate::model::network::NetworkSpec;

    fn change() -> Change {
        let object = ObjectKey::new(Kind::Network, "shop_back");
        let mut change = Change::new(object, Action::Create, Effect::None, Vec::new());
        change.fields.push(FieldChange {
            path: FieldPath("image".to_owned()),
            before: Some("acme/web:2".into()),
            after: None,
            impact: Impact::Roll,
            causes_roll: true,
            cause: None,
            place: None,
        });
        change
    }

    #[test]
    fn what_was_written_twice_and_is_different_again_has_another_writer() {
        let change = change();
        let mut contention = Contention::default();
        let write = Write::CreateNetwork(NetworkSpec::default());
        let step = Step { object: change.object.clone(), write, needs: Vec::new() };
        assert!(!contention.wrote(&step));
        assert_eq!(contention.hold(&change), None);
        assert!(contention.wrote(&step));
        let hold = contention.hold(&change).unwrap();
        assert_eq!(hold.code, HoldCode::Contended);
        contention.forget(Duration::from_secs(1));
        assert!(contention.hold(&change).is_some());
        assert!(
            hold.reason.ends_with(": image is acme/web:2, declared is not set"),
            "{}",
            hold.reason
        );
        contention.forget(Duration::ZERO);
        assert_eq!(contention.hold(&change), None);
    }

    #[test]
    fn what_is_put_right_beside_routes_is_the_same_only_where_the_same_is_written() {
        let object = ObjectKey::new(Kind::Proxy, "caddy");
        let mut contention = Contention::default();
        for page in ["one", "two", "three", "two"] {
            let effect = Effect::InPlace { starts: 0, stops: 0 };
            let change = Change::new(object.clone(), Action::Update, effect, Vec::new());
            assert_eq!(contention.hold(&change), None);
            let write = Write::Proxy {
                stacks: BTreeSet::new(),
                committed: BTreeSet::new(),
                after: Redacted::new(vec![page.into()]),
            };
            let again =
                contention.wrote(&Step { object: object.clone(), write, needs: Vec::new() });
            assert_eq!(again, page == "two" && contention.hold(&change).is_some());
        }
    }

    #[test]
    fn races_count_only_when_lost_in_a_row() {
        let change = change();
        let mut contention = Contention::default();
        let write = Write::Remove { id: "id".to_owned() };
        let step = Step { object: change.object.clone(), write, needs: Vec::new() };
        for _ in 1..LOST_RACES {
            contention.lost(&change.object);
        }
        contention.wrote(&step);
        contention.lost(&change.object);
        assert_eq!(contention.hold(&change), None);
        for _ in 1..LOST_RACES {
            contention.lost(&change.object);
        }
        assert!(contention.hold(&change).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn lost_races_are_forgotten_in_time_like_writes() {
        let change = change();
        let mut contention = Contention::of_controller();
        let age = Duration::from_secs(600);
        for _ in 0..LOST_RACES {
            contention.lost(&change.object);
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        contention.forget(age);
        assert!(contention.hold(&change).is_some());
        tokio::time::advance(Duration::from_secs(599)).await;
        contention.forget(age);
        assert_eq!(contention.hold(&change), None);
    }
}
