//! Help texts are what people read first.

use insta::assert_snapshot;

use crate::program::World;

#[test]
fn help_of_every_command_is_pinned() {
    let world = World::new();
    let help = |arguments: &[&str]| world.finish(world.command(arguments).env("COLUMNS", "100"));
    assert_snapshot!("skep", help(&["--help"]));
    for name in [
        "init",
        "validate",
        "render",
        "plan",
        "apply",
        "remove",
        "run",
        "sync",
        "suspend",
        "resume",
        "health",
        "lock",
        "status",
        "history",
        "events",
        "logs",
        "notify",
        "trace",
        "routes",
        "retry",
        "observe",
        "schema",
        "completions",
    ] {
        assert_snapshot!(name, help(&[name, "--help"]));
    }
}

#[test]
fn the_version_is_data() {
    for argument in ["--version", "-V", "version"] {
        let ran = World::new().run(&[argument]);
        assert_eq!(ran.stdout, format!("skep {}\n", env!("CARGO_PKG_VERSION")));
        assert_eq!((ran.stderr.as_str(), ran.code), ("", Some(0)));
    }
}

#[test]
fn help_is_a_command_too() {
    let world = World::new();
    assert_eq!(world.run(&["help"]).stdout, world.run(&["--help"]).stdout);
    assert_eq!(world.run(&["help", "plan"]).stdout, world.run(&["plan", "--help"]).stdout);
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = World::new().run(&["completions", shell]);
        assert_eq!(ran.code, Some(0), "{shell}: {}", ran.stderr);
        for command in [
            "validate", "render", "plan", "apply", "remove", "run", "status", "routes", "retry",
            "observe",
        ] {
            assert!(ran.stdout.contains(command), "{shell} does not complete {command}");
        }
    }
}
