//! The published schemas are those of the program.

use std::fs;

use serde_json::Value;

use crate::program::{World, root};
use crate::published::assert_published;

const NAMES: [&str; 14] = [
    "stack",
    "settings",
    "render",
    "plan",
    "saved-plan",
    "status",
    "routes",
    "report",
    "answer",
    "events",
    "history",
    "api",
    "observe",
    "findings",
];

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
        let schema: Value = serde_json::from_str(&printed).unwrap();
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

#[test]
fn recorded_swarms_have_the_published_layout() {
    let scenarios = fs::read_dir(root().join("tests/scenarios")).unwrap();
    let recorded: Vec<_> =
        scenarios.map(|folder| folder.unwrap().path().join("live.json")).collect();
    assert!(recorded.len() > 20);
    for path in recorded {
        let text = fs::read_to_string(&path).unwrap();
        assert_published("observe", &serde_json::from_str(&text).unwrap());
    }
}
