//! Commands without a PATH, where the settings name a repository: they read it as the controller would.

use std::process::Command;

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::{Ran, World};

const SETTINGS: &str = "\
sources:
  - name: main
    git: {url: repository, branch: main, path: stacks}
";

/// A world with a repository of one stack beside the settings.
fn world(settings: &str, stack: &str) -> World {
    let world = World::new().file("repository/stacks/shop/stack.yaml", stack);
    let settings = settings.replace("repository", &world.path("repository").display().to_string());
    let world = world.file("skep.yaml", settings);
    git(&world, &["init", "--quiet", "--initial-branch=main"]);
    commit(&world);
    world
}

fn commit(world: &World) {
    git(world, &["add", "--all"]);
    git(world, &["commit", "--quiet", "--message=Change"]);
}

fn git(world: &World, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
    let status = git.current_dir(world.path("repository")).env("HOME", world.path(".")).status();
    assert!(status.unwrap().success(), "git {arguments:?}");
}

fn image(ran: &Ran) -> String {
    assert_eq!(ran.code, Some(0), "{ran}");
    let rendered: Value = serde_json::from_str(&ran.stdout).unwrap();
    let container = &rendered["stacks"][0]["services"][0]["TaskTemplate"]["ContainerSpec"];
    container["Image"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_is_committed_counts_and_not_what_lies_in_the_work_tree() {
    let world = world(SETTINGS, "services:\n  web:\n    image: nginx:1\n");
    let render = ["render", "--format", "json"];
    assert_eq!(image(&world.run(&render)), "nginx:1");
    let world =
        world.file("repository/stacks/shop/stack.yaml", "services:\n  web:\n    image: nginx:2\n");
    assert_eq!(image(&world.run(&render)), "nginx:1");
    commit(&world);
    assert_eq!(image(&world.run(&render)), "nginx:2");
    // What is named on the command line is read as it lies there.
    let checkout = [&render[..], &["repository/stacks", "--source", "main"]].concat();
    assert_eq!(image(&world.run(&checkout)), "nginx:2");
}

#[test]
fn findings_of_a_repository_have_their_lines() {
    let world = world(SETTINGS, "services:\n  web:\n    image: nginx\n    port: 80\n");
    assert_snapshot!(world.run(&["validate"]), @r"
    error[unknown-key]: unknown key `port` in services.web
     --> stacks/shop/stack.yaml:4:5
      |
    4 |     port: 80
      |     ^^^^
      |
      = help: did you mean `ports`?

    1 error in 1 file
    [exit status: 1]
    ");
}

#[test]
fn what_is_wrong_with_the_settings_is_told_before_anything_is_fetched() {
    let settings = "sources:\n  - name: main\n    git: {brnch: main, url: repository}\n";
    let world = world(settings, "services:\n  web:\n    image: nginx\n");
    assert_snapshot!(world.run(&["validate"]), @r"
    error[unknown-key]: unknown key `brnch` in sources[0].git
     --> skep.yaml:3:11
      |
    3 |     git: {brnch: main, url: $HERE/repository}
      |           ^^^^^
      |
      = help: did you mean `branch`?

    1 error in 1 file
    [exit status: 1]
    ");
    assert!(!world.path("state").exists());
}

#[test]
fn a_branch_that_is_not_there_is_told_with_the_source() {
    let world = world(
        &SETTINGS.replace("branch: main", "branch: stable"),
        "services:\n  web:\n    image: nginx\n",
    );
    assert_snapshot!(world.run(&["plan"]), @r"
    ------- stderr -------
    error: cannot read the source main
      because: $HERE/repository has no branch `stable`
    hint: check the name; it may have been removed
    [exit status: 1]
    ");
}
