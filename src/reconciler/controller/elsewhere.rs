//! What the other sources declare: a stack that left one source may have moved to another.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::model::name::{SourceName, StackName};
use crate::reconciler::policy::Elsewhere;

use super::source::SourceState;

/// One source, as the others see it.
struct Other {
    name: SourceName,
    read: Option<Instant>,
    stacks: BTreeSet<StackName>,
}

impl Other {
    fn of(state: &SourceState) -> Self {
        let names = state.current.iter().flat_map(|current| current.names().cloned());
        Self { name: state.name.clone(), read: state.read(), stacks: names.collect() }
    }
}

/// Tells every source what the others declare, and returns whether that is news to one of them.
pub(super) fn tell(states: &mut [SourceState]) -> bool {
    let all: Vec<Other> = states.iter().map(Other::of).collect();
    let mut is_news = false;
    for state in states {
        let others = || all.iter().filter(|other| other.name != state.name);
        // Of one repository, they show the same revision or a newer one only if they were looked at no earlier.
        let unread = others().filter(|other| other.read < state.renewed());
        let elsewhere = Elsewhere {
            stacks: others().flat_map(|other| other.stacks.iter().cloned()).collect(),
            unread: unread.map(|other| other.name.clone()).collect(),
        };
        let Some(current) = &mut state.current else { continue };
        let known = std::mem::replace(&mut current.request.scope.elsewhere, elsewhere);
        is_news |= known != current.request.scope.elsewhere;
    }
    is_news
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::declared::Declared;
    use super::super::declared::tests::{commit, declared};
    use super::super::source::{FetchFailure, Remedy};
    use super::super::sources::Planned;
    use super::*;

    fn names<T: ToString>(names: &BTreeSet<T>) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_leaves_a_source_may_be_in_another_until_that_is_read() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let state = |name: &str| {
            let planned = Planned { name: name.parse().unwrap(), poll: Duration::from_secs(60) };
            SourceState::new(planned, Duration::from_secs(300), begun)
        };
        let mut states = [state("a"), state("b")];
        let mut see = |source: usize, from: u64, revision: &str, stacks: Option<&[&str]>| {
            let state = &mut states[source];
            state.begin(at(from));
            let reason = "out of reach".to_owned();
            let of_commit = |stacks| {
                let declared = declared(state.name.as_str(), revision, stacks, &[]);
                Declared { commit: Some(commit()), ..declared }
            };
            let result = stacks.map(of_commit).ok_or(FetchFailure {
                reason,
                hint: None,
                remedy: Remedy::Retry,
            });
            state.end(result, at(from + 1), 0.0);
            let is_news = tell(&mut states);
            let seen = states.iter().filter_map(|state| state.current.as_ref()).map(|current| {
                let Elsewhere { stacks, unread } = &current.request.scope.elsewhere;
                (names(stacks), names(unread))
            });
            (is_news, seen.collect::<Vec<_>>())
        };
        let known = |stacks: &[&str], unread: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
            (owned(stacks), owned(unread))
        };
        // The other one was never read, and cannot be.
        let (news, seen) = see(0, 0, "1", Some(&["shop", "blog"]));
        assert_eq!((news, seen), (true, vec![known(&[], &["b"])]));
        let (news, seen) = see(1, 0, "1", None);
        assert_eq!((news, seen), (false, vec![known(&[], &["b"])]));
        let both = ["blog", "shop"];
        let (news, seen) = see(1, 1, "1", Some(&["api"]));
        assert_eq!((news, seen), (true, vec![known(&["api"], &[]), known(&both, &["a"])]));
        let (news, seen) = see(0, 1, "1", Some(&["shop", "blog"]));
        assert_eq!((news, seen), (true, vec![known(&["api"], &[]), known(&both, &[])]));

        // One commit moves a stack, and the look that shows it in the other source comes later.
        let (_, seen) = see(0, 60, "2", Some(&["blog"]));
        assert_eq!(seen, [known(&["api"], &["b"]), known(&["blog"], &[])]);
        let (news, seen) = see(1, 61, "2", Some(&["api", "shop"]));
        assert!(news);
        assert_eq!(seen, [known(&["api", "shop"], &[]), known(&["blog"], &["a"])]);
        let (news, seen) = see(0, 62, "2", Some(&["blog"]));
        assert_eq!((news, seen[1].clone()), (true, known(&["blog"], &[])));
        assert!(!see(0, 120, "2", Some(&["blog"])).0);
    }
}
