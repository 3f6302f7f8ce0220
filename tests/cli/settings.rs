//! The settings file: which one is read, and what it changes.

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::World;

const WEB: &str = "services:\n  web:\n    image: nginx:${TAG:-none}\n";
const SETTINGS: &str = "\
fleet: blue
sources:
  - name: main
    path: stacks
stacks:
  - name: shop
    variables: {TAG: \"7\"}
    files: [shop/stack.yaml, shop/more.yaml]
";

fn rendered(world: &World, arguments: &[&str]) -> Value {
    let ran = world.run(&[&["render", "--format", "json"], arguments].concat());
    assert_eq!(ran.code, Some(0), "{arguments:?}: {ran}");
    serde_json::from_str(&ran.stdout).unwrap()
}

fn label(stack: &Value, label: &str) -> String {
    stack["services"][0]["Labels"][label].as_str().unwrap_or_default().to_owned()
}

#[test]
fn settings_are_found_from_above_and_from_below_and_give_way_to_flags() {
    let world = World::new()
        .file("deploy/skep.yaml", SETTINGS)
        .file("deploy/stacks/shop/stack.yaml", WEB)
        .file("deploy/stacks/shop/more.yaml", "services:\n  web:\n    hostname: more\n")
        .file("deploy/stacks/blog/stack.yaml", WEB);
    for arguments in [
        &["deploy/stacks"] as &[&str],
        &["deploy/stacks/shop"],
        &["-c", "deploy/skep.yaml"],
        &["-c", "deploy/skep.yaml", "deploy/stacks/shop/stack.yaml"],
    ] {
        let rendered = rendered(&world, arguments);
        let stacks = rendered["stacks"].as_array().unwrap();
        let shop = stacks.iter().find(|stack| stack["name"] == "shop").unwrap();
        assert_eq!(label(shop, "skep.fleet"), "blue", "{arguments:?}");
        assert_eq!(label(shop, "skep.source"), "main", "{arguments:?}");
        let container = &shop["services"][0]["TaskTemplate"]["ContainerSpec"];
        assert_eq!(container["Image"], "nginx:7", "{arguments:?}");
        assert_eq!(container["Hostname"], "more", "{arguments:?}");
    }
    let flags = ["deploy/stacks/blog", "--fleet", "green", "--source", "other", "--var", "TAG=8"];
    let rendered = rendered(&world, &flags);
    let blog = &rendered["stacks"][0];
    assert_eq!(label(blog, "skep.fleet"), "green");
    assert_eq!(label(blog, "skep.source"), "other");
    assert_eq!(label(blog, "com.docker.stack.image"), "nginx:8");
}

#[test]
fn broken_settings_are_reported_with_the_stacks_and_not_acted_on() {
    let world = World::new()
        .file("skep.yaml", "flete: blue\nprune: perhaps\n")
        .file("shop/stack.yaml", "services:\n  web:\n    imgae: nginx\n");
    assert_snapshot!(world.run(&["validate", "."]));
    let ran = world.run(&["apply", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("nothing is done on their behalf"), "{ran}");
}

#[test]
fn several_sources_ask_for_one() {
    let world = World::new()
        .file("skep.yaml", "sources:\n  - {name: a, path: a}\n  - {name: b, path: b}\n")
        .file("a/one.yaml", WEB)
        .file("b/two.yaml", WEB);
    let ran = world.run(&["validate"]);
    assert_eq!(ran.code, Some(64), "{ran}");
    assert!(ran.stderr.contains("--source (a, b)"), "{ran}");
    let ran = world.run(&["validate", "--source", "b", "--format", "json"]);
    assert!(ran.stdout.contains("\"two\"") && !ran.stdout.contains("\"one\""), "{ran}");
}

#[test]
fn variables_of_the_environment_win_over_the_file_and_give_way_to_flags() {
    let world = World::new().file("skep.yaml", "strict: true\nfleet: blue\n").file(
        "stacks/shop/stack.yaml",
        "services: {web: {image: 'nginx:1', environment: {A: '${TAG}'}}}\n",
    );
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        world.finish(world.command(arguments).envs(variables.iter().copied()))
    };
    let validate = ["validate", "stacks"];
    assert_eq!(run(&validate, &[]).code, Some(1), "a warning is an error");
    assert_eq!(run(&validate, &[("SKEP_STRICT", "false")]).code, Some(0));
    assert_eq!(run(&validate, &[("SKEP_STRICT", "")]).code, Some(1));
    let flag = ["validate", "stacks", "--strict"];
    assert_eq!(run(&flag, &[("SKEP_STRICT", "false")]).code, Some(1));
    let render = ["render", "stacks", "--format", "json"];
    let variables = [("SKEP_FLEET", "green"), ("SKEP_STRICT", "false")];
    assert!(run(&render, &variables).stdout.contains("\"skep.fleet\": \"green\""));

    let broken = run(&validate, &[("SKEP_STRICT", "perhaps"), ("SKEP_TIMEOUT", "a: b")]);
    assert_eq!(broken.code, Some(1));
    assert_snapshot!(broken);
}

#[test]
fn settings_that_were_only_found_cannot_say_where_the_engine_is() {
    let world = World::new()
        .file("skep.yaml", "engine: {hosts: ['unix:///nowhere/other.sock']}\n")
        .file("stacks/shop/stack.yaml", WEB.replace("${TAG:-none}", "1"));
    let run = |arguments: &[&str]| world.finish(world.command(arguments).env_remove("DOCKER_HOST"));
    assert_snapshot!(run(&["plan", "stacks"]));
    let named = run(&["plan", "stacks", "-c", "skep.yaml"]);
    assert!(named.stderr.contains("no engine listens at unix:///nowhere/other.sock"), "{named}");
    assert!(named.stderr.contains("from the key `engine` of the settings"), "{named}");
    let told = run(&["plan", "stacks", "--host", "unix:///nowhere/told.sock"]);
    assert!(told.stderr.contains("no engine listens at unix:///nowhere/told.sock"), "{told}");
}
