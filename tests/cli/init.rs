//! `skep init`: files to begin with, which nothing is wrong with and for which nothing is overwritten.

use std::fs;

use crate::program::World;

#[test]
fn the_files_to_begin_with_are_valid_and_plan_what_they_say() {
    let world = World::new();
    let ran = world.run(&["init", "--example", "deploy"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert_eq!(
        ran.stdout,
        "wrote deploy/skep.yaml\nwrote deploy/stacks/hello/stack.yaml\n\
         next: skep validate deploy/stacks, then skep plan deploy/stacks\n"
    );
    let validated = world.run(&["validate", "deploy/stacks"]);
    assert_eq!((validated.code, validated.stderr.as_str()), (Some(0), ""), "{validated}");
    let rendered = world.run(&["render", "-c", "deploy/skep.yaml", "--format", "json"]);
    assert_eq!(rendered.code, Some(0), "{rendered}");
    let rendered: serde_json::Value = serde_json::from_str(&rendered.stdout).unwrap();
    let service = &rendered["stacks"][0]["services"][0];
    assert_eq!(service["Name"], "hello_web");
    assert_eq!(service["Labels"]["skep.source"], "main");
    assert_eq!(service["TaskTemplate"]["ContainerSpec"]["Image"], "nginx:1.29-alpine");
}

#[test]
fn what_is_commented_out_is_valid_too() {
    let world = World::new();
    world.run(&["init", "--example"]);
    let text = fs::read_to_string(world.path("skep.yaml")).unwrap();
    let (head, rest) = text.split_once("fleet: default").unwrap();
    assert!(head.lines().all(|line| line.is_empty() || line.starts_with('#')));
    let is_key = |line: &str| {
        let bare = line.trim_start();
        (bare.starts_with(|c: char| c.is_ascii_lowercase() || c == '-') || bare.starts_with("TAG"))
            && (bare.ends_with(':') || bare.contains(": "))
    };
    // The repository stands instead of the path.
    let all: String = rest
        .lines()
        .filter(|line| *line != "    path: stacks")
        .map(|line| {
            let indent = &line[..line.len() - line.trim_start().len()];
            match line.trim_start().strip_prefix("# ") {
                Some(key) if is_key(key) && !key.contains(", which") => format!("{indent}{key}\n"),
                Some(_) | None => format!("{line}\n"),
            }
        })
        .collect();
    fs::write(world.path("all.yaml"), format!("fleet: default{all}")).unwrap();
    for key in ["git:", "engine:", "status:", "- name: hello", "token_file:"] {
        assert!(all.lines().any(|line| line.trim_start().starts_with(key)), "{key}: {all}");
    }
    let ran = world.run(&["validate", "-c", "all.yaml", "stacks"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran}\n{all}");
}

#[test]
fn nothing_that_is_there_is_touched() {
    let world = World::new().file("skep.yaml", "# mine\n").file("a/stacks/hello/stack.yaml", "b");
    let ran = world.run(&["init"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("skep.yaml is there already, and stays as it is"), "{ran}");
    assert_eq!(fs::read_to_string(world.path("skep.yaml")).unwrap(), "# mine\n");
    // Neither is a half of it written.
    let ran = world.run(&["init", "--example", "a"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(!world.path("a/skep.yaml").exists());
    assert_eq!(fs::read_to_string(world.path("a/stacks/hello/stack.yaml")).unwrap(), "b");
    // Nor is a link followed that leads nowhere yet.
    let world = World::new().link("skep.yaml", "elsewhere");
    assert_eq!(world.run(&["init"]).code, Some(1));
    assert!(!world.path("elsewhere").exists());
}
