//! The examples that a reader starts with are deployed as they are.

use std::fs;
use std::path::Path;

use crate::engine::Engine;
use crate::stage::{Stage, changes};

/// Those that need a Caddy, which are deployed in `behind_caddy.rs`.
const WITH_CADDY: [&str; 2] = ["caddy", "site"];

#[test]
fn the_example_stacks_become_healthy_and_docker_shows_them() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stacks");
    let mut stacks = Vec::new();
    for stack in fs::read_dir(examples).unwrap() {
        let stack = stack.unwrap();
        let name = stack.file_name().into_string().unwrap();
        if WITH_CADDY.contains(&name.as_str()) {
            continue;
        }
        for file in fs::read_dir(stack.path()).unwrap() {
            let file = file.unwrap();
            stage.file(&name, file.file_name().to_str().unwrap(), fs::read(file.path()).unwrap());
        }
        stacks.push(name);
    }
    stacks.sort();
    assert!(stacks.len() >= 3, "{stacks:?}");

    // Ports that nothing else in the tests publishes.
    let ports =
        ["--var", "WEB_PORT=18081", "--var", "SHOP_PORT=18082", "--var", "AGENT_PORT=18101"];
    stage.apply_well(&ports);
    let plan = stage.plan(&ports);
    assert_eq!(changes(&plan).len(), 0, "{plan:#}");
    assert!(plan.get("findings").is_none(), "{plan:#}");

    let listed = engine.docker(&["stack", "ls", "--format", "{{.Name}}"]);
    for name in &stacks {
        let full = stage.name(name);
        assert!(listed.lines().any(|line| line == full), "{listed}");
        let tasks =
            engine.docker(&["stack", "ps", "--format", "{{.Name}} {{.CurrentState}}", &full]);
        assert!(
            tasks.lines().all(|task| task.contains("Running") || task.contains("Complete")),
            "{tasks}"
        );
        assert!(!tasks.is_empty());
    }
    stage
        .skep(&["status", "--exit-code"])
        .ends(0, &stacks.iter().map(String::as_str).collect::<Vec<_>>());
}
