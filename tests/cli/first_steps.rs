//! What people try first, because other programs have it, and where they stand when they do.

use std::fs;

use crate::program::{World, root};

const STACK: &str = "services:\n  web:\n    image: nginx:1.27\n";

/// A Swarm with the stacks shop and blog, which came from a PATH.
fn world() -> World {
    let gone = root().join("tests/scenarios/a-stack-that-is-gone-needs-its-own-consent/live.json");
    World::new().file("swarm.json", fs::read(gone).unwrap())
}

#[test]
fn no_stack_is_taken_for_deleted_where_nobody_said_that_stacks_are() {
    let repository = world().file("deploy/stacks/shop/stack.yaml", STACK);
    let here = repository.run(&["plan", "--live", "swarm.json", "--prune"]);
    let above = repository.run(&["plan", "deploy", "--live", "swarm.json", "--prune"]);
    for (ran, code) in [(&here, "error[no-stacks]"), (&above, "error[stacks-further-down]")] {
        assert_eq!(ran.code, Some(1), "{ran}");
        assert!(ran.stderr.contains(code) && ran.stdout.starts_with("No changes."), "{ran}");
    }
    assert!(above.stderr.contains("did you mean deploy/stacks?"), "{above}");
    // A directory that was named is another matter.
    let emptied = world().file("stacks/README.md", "");
    let emptied = emptied.run(&["plan", "stacks", "--live", "swarm.json", "--prune"]);
    assert!(emptied.stdout.contains("guard-no-stacks"), "{emptied}");
}

#[test]
fn settings_above_are_told_of() {
    let world =
        World::new().file("skep.yaml", "fleet: production\n").file("stacks/shop/stack.yaml", STACK);
    let mut command = world.command(&["validate"]);
    let below = world.finish(command.current_dir(world.path("stacks")));
    assert!(
        below.stdout.contains("warning[settings-above]: $HERE/skep.yaml is not read"),
        "{below}"
    );
    assert_eq!(below.code, Some(0), "{below}");
    let beside = world.run(&["validate", "stacks"]);
    assert_eq!(beside.stdout, "1 stack: no findings\n");
}

#[test]
fn what_other_programs_have_leads_to_what_is_meant() {
    let world = World::new()
        .file("shop.plan", "{\n  \"kind\": \"skep-saved-plan\",\n  \"format_version\": 1\n}\n");
    for (arguments, hint) in [
        (["apply", "stacks", "--dry-run"], "hint: skep plan takes the same PATH"),
        (["plan", "shop.plan", "--strict"], "hint: skep apply shop.plan shows it"),
        (["validate", "shop.plan", "--strict"], "hint: skep apply shop.plan shows it"),
    ] {
        let ran = world.run(&arguments);
        assert_eq!(ran.code, Some(64), "{ran}");
        assert!(ran.stderr.contains(hint), "{ran}");
    }
}
