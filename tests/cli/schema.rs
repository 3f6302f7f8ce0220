//! The published schemas are those of the program.

use std::fs;

use crate::program::{World, root};

const NAMES: [&str; 6] = ["stack", "settings", "plan", "saved-plan", "status", "findings"];

#[test]
fn the_published_schemas_are_up_to_date() {
    let world = World::new();
    let mut command = world.command(&["schema", "--check"]);
    let ran = world.finish(command.current_dir(root()));
    assert_eq!(ran.code, Some(0), "{ran}");
    for name in NAMES {
        let published = fs::read_to_string(root().join(format!("schema/{name}.schema.json")));
        let printed = world.run(&["schema", name]).stdout;
        assert_eq!(printed, published.unwrap(), "{name}");
        let schema: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert!(jsonschema::validator_for(&schema).is_ok(), "{name}");
    }
}

#[test]
fn what_is_not_up_to_date_is_named_and_written_anew() {
    let world = World::new().file("schema/plan.schema.json", "{}");
    let ran = world.run(&["schema", "--check"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    for name in NAMES {
        assert!(ran.stderr.contains(&format!("schema/{name}.schema.json is not up to date")));
    }
    assert_eq!(world.run(&["schema", "--write"]).code, Some(0));
    assert_eq!(world.run(&["schema", "--check"]).code, Some(0));
}
