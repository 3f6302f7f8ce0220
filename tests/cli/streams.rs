//! Where things are printed: results on standard output, talk on standard error, and what happens when nobody reads.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::process::Stdio;

use crate::program::{World, root};

const BROKEN: &str = "services:\n  web:\n    imgae: nginx\n";

fn examples() -> String {
    root().join("examples/stacks").display().to_string()
}

#[test]
fn findings_are_the_result_of_validate_and_talk_everywhere_else() {
    let world = World::new().file("shop/stack.yaml", BROKEN);
    let validated = world.run(&["validate", "shop"]);
    assert!(validated.stdout.contains("imgae") && validated.stderr.is_empty(), "{validated}");
    let rendered = world.run(&["render", "shop", "--format", "json"]);
    assert!(!rendered.stdout.contains("imgae") && rendered.stderr.contains("imgae"), "{rendered}");
    assert!(serde_json::from_str::<serde_json::Value>(&rendered.stdout).is_ok(), "{rendered}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let world = World::new();
    let mut command = world.command(&["render", &examples()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut talk = String::new();
    child.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
    assert_eq!((child.wait().unwrap().code(), talk.as_str()), (Some(0), ""));
}

#[test]
fn a_full_disk_is_a_failure() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else { return };
    let world = World::new();
    let output = world.command(&["render", &examples()]).stdout(full).output().unwrap();
    let talk = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{talk}");
    assert!(talk.starts_with("error: cannot write to standard output"), "{talk}");
}

#[test]
fn colours_are_for_terminals_unless_they_are_asked_for() {
    let world = World::new().file("shop/stack.yaml", BROKEN);
    let has_colours = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = world.command(&[&["validate", "shop"], arguments].concat());
        world.finish(command.envs(variables.iter().copied())).stdout.contains('\u{1b}')
    };
    assert!(!has_colours(&[], &[]));
    assert!(has_colours(&["--color", "always"], &[]));
    assert!(has_colours(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(has_colours(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(has_colours(&[], &[("SKEP_COLOR", "always")]));
    assert!(!has_colours(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!has_colours(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let world = World::new();
    let first = world.run(&["render", &examples(), "--format", "json"]).stdout;
    assert!(first.len() > 1000);
    for _ in 0..3 {
        assert_eq!(world.run(&["render", &examples(), "--format", "json"]).stdout, first);
    }
}
