//! The first line of a status: how many stacks there are, and which of them are not well.

use crate::diff::render::{Look, Role, clean};
use crate::reconciler::status::{Health, StackStatus, Status, Sync};

/// How many stacks are named of each kind.
const NAMED: usize = 5;
/// What is told of health, the worst first.
const UNHEALTHY: [(Health, &str); 5] = [
    (Health::Degraded, "degraded"),
    (Health::Missing, "missing"),
    (Health::Paused, "paused"),
    (Health::Unknown, "of unknown health"),
    (Health::Progressing, "progressing"),
];

/// `5 stacks, 2 degraded: api, monitor; 1 out of sync: shop`. `troubles` are those that only the controller knows of.
pub(super) fn headline(status: &Status, troubles: &[String], look: Look) -> String {
    let Status { stacks, sync, health, .. } = status;
    let strong = |words: &str| look.palette.paint(Role::Strong, words);
    let count =
        if stacks.len() == 1 { "1 stack".to_owned() } else { format!("{} stacks", stacks.len()) };
    let troubles =
        troubles.iter().map(|trouble| look.palette.paint(Role::Removed, &clean(trouble)));
    let troubles: Vec<String> = troubles.collect();
    let is_well = *sync == Sync::Synced && *health == Health::Healthy;
    // Of one stack, its own line names it.
    if is_well || stacks.len() == 1 {
        let sync = look.palette.paint(sync_role(*sync), &sync.to_string());
        let health = look.palette.paint(health_role(*health), &health.to_string());
        let all: Vec<String> = [format!("{} {sync}, {health}", strong(&format!("{count}:")))]
            .into_iter()
            .chain(troubles)
            .collect();
        return all.join("; ");
    }
    let mut parts = Vec::new();
    for (health, word) in UNHEALTHY {
        let part = named(stacks, word, |stack| stack.health == health);
        parts.extend(part.map(|part| look.palette.paint(health_role(health), &part)));
    }
    for (sync, word) in
        [(Sync::OutOfSync, "out of sync"), (Sync::Unknown, "that nobody can compare")]
    {
        let part = named(stacks, word, |stack| stack.sync == sync);
        parts.extend(part.map(|part| look.palette.paint(sync_role(sync), &part)));
    }
    parts.extend(troubles);
    format!("{} {}", strong(&format!("{count},")), parts.join("; "))
}

/// `2 degraded: api, monitor`, unless there is none.
fn named(
    stacks: &[StackStatus],
    word: &str,
    is_meant: impl Fn(&StackStatus) -> bool,
) -> Option<String> {
    let names: Vec<_> =
        stacks.iter().filter(|stack| is_meant(stack)).map(|stack| clean(&stack.name)).collect();
    let count = names.len();
    let first: Vec<&str> = names.iter().take(NAMED).map(AsRef::as_ref).collect();
    let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
    (count > 0).then(|| format!("{count} {word}: {}{more}", first.join(", ")))
}

/// How a word for sync looks.
pub(super) fn sync_role(sync: Sync) -> Role {
    match sync {
        Sync::Synced => Role::Added,
        Sync::Unknown => Role::Quiet,
        Sync::OutOfSync => Role::Changed,
    }
}

/// How a word for health looks.
pub(super) fn health_role(health: Health) -> Role {
    match health {
        Health::Healthy => Role::Added,
        Health::Progressing => Role::Waiting,
        Health::Unknown => Role::Quiet,
        Health::Paused | Health::Missing => Role::Changed,
        Health::Degraded => Role::Removed,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use crate::diff::render::{Glyphs, Palette};
    use crate::reconciler::controller::example;

    use super::*;

    const LOOK: Look = Look { width: 80, palette: Palette::Plain, glyphs: Glyphs::Ascii };

    fn status(stacks: &[(&str, Sync, Health)]) -> Status {
        let mut status = Arc::unwrap_or_clone(example::report().status.unwrap());
        let like = status.stacks[0].clone();
        let of = |(name, sync, health): &(&str, Sync, Health)| StackStatus {
            name: (*name).to_owned(),
            sync: *sync,
            health: *health,
            ..like.clone()
        };
        status.stacks = stacks.iter().map(of).collect();
        status.sync = stacks.iter().map(|(_, sync, _)| *sync).max().unwrap();
        status.health = stacks.iter().map(|(_, _, health)| *health).max().unwrap();
        status
    }

    #[test]
    fn the_first_line_names_the_stacks_that_are_not_well() {
        let (ok, fine) = (Sync::Synced, Health::Healthy);
        let some = status(&[
            ("api", ok, Health::Degraded),
            ("blog", ok, fine),
            ("monitor", Sync::OutOfSync, Health::Degraded),
            ("shop", Sync::OutOfSync, Health::Missing),
        ]);
        assert_eq!(
            headline(&some, &[], LOOK),
            "4 stacks, 2 degraded: api, monitor; 1 missing: shop; 2 out of sync: monitor, shop"
        );
        let well = status(&[("api", ok, fine), ("blog", ok, fine)]);
        assert_eq!(headline(&well, &[], LOOK), "2 stacks: Synced, Healthy");
        let troubles = ["1 stalled: blog".to_owned(), "source main cannot be read".to_owned()];
        assert_eq!(
            headline(&well, &troubles, LOOK),
            "2 stacks: Synced, Healthy; 1 stalled: blog; source main cannot be read"
        );
        let names: BTreeSet<String> = (1..8).map(|number| format!("s{number}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), ok, Health::Paused)).collect();
        assert_eq!(
            headline(&status(&many), &[], LOOK),
            "7 stacks, 7 paused: s1, s2, s3, s4, s5 and 2 more"
        );
    }
}
