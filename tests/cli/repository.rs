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

fn head(world: &World) -> String {
    let mut git = Command::new("git");
    git.args(["rev-parse", "HEAD"]).current_dir(world.path("repository"));
    String::from_utf8(git.output().unwrap().stdout).unwrap().trim().to_owned()
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

#[test]
fn what_is_no_file_that_can_be_read_is_named_where_it_is_asked_for() {
    let stack = |file: &str| {
        format!(
            "services:\n  web:\n    image: nginx\n    configs: [a]\nconfigs:\n  a:\n    file: {file}\n"
        )
    };
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4f2c\nsize 9\n";
    let world = world(SETTINGS, &stack("../shared.txt"))
        .file("repository/stacks/shared.txt", "shared")
        .file("repository/secret.txt", "canary")
        .file("repository/stacks/up/stack.yaml", stack("../../secret.txt"))
        .file("repository/stacks/loop/stack.yaml", stack("round"))
        .link("repository/stacks/loop/round", "about")
        .link("repository/stacks/loop/about", "round")
        .file("repository/stacks/pointer/stack.yaml", stack("logo.png"))
        .file("repository/stacks/pointer/logo.png", pointer)
        .file("repository/stacks/huge/stack.yaml", stack("huge.bin"))
        .large_file("repository/stacks/huge/huge.bin", b"x", 9 << 20);
    git(&world, &["add", "--all"]);
    let submodule = format!("160000,{},stacks/theme", head(&world));
    git(&world, &["update-index", "--add", "--cacheinfo", &submodule]);
    git(&world, &["commit", "--quiet", "--message=Odd things"]);
    let ran = world.run(&["validate"]);
    assert!(!ran.to_string().contains("canary"), "{ran}");
    assert_snapshot!(ran);
    let rendered = world.run(&["render", "--format", "json"]);
    assert_eq!(rendered.code, Some(1));
    let rendered: Value = serde_json::from_str(&rendered.stdout).unwrap();
    assert_eq!(rendered["stacks"].as_array().map(Vec::len), Some(1), "only the good one");
}
