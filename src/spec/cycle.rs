//! Finds those who wait for each other.

use std::collections::BTreeSet;

/// The members of one cycle, in the order in which they need each other; none if nobody waits for himself in the end.
/// Walks iteratively, so that a chain of thousands is no problem.
pub(super) fn cycle<'a>(
    members: impl IntoIterator<Item = &'a str>,
    needs: impl Fn(&str) -> Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    let mut done = BTreeSet::new();
    for start in members {
        let mut path: Vec<(&str, Vec<&str>)> = vec![(start, needs(start))];
        let mut on_path = BTreeSet::from([start]);
        while let Some((key, ahead)) = path.last_mut() {
            let Some(next) = ahead.pop() else {
                on_path.remove(key);
                done.insert(*key);
                path.pop();
                continue;
            };
            if on_path.contains(next) {
                return Some(
                    path.iter().map(|(key, _)| *key).skip_while(|key| *key != next).collect(),
                );
            }
            if !done.contains(next) {
                on_path.insert(next);
                path.push((next, needs(next)));
            }
        }
    }
    None
}
