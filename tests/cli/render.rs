//! `skep render`: the shape of its output, and that secrets stay out of it.

use serde_json::Value;
use sha2::Digest as _;

use crate::program::{World, root};
use crate::published::assert_published;

#[test]
fn every_example_renders_in_the_documented_shape() {
    let examples = root().join("examples/stacks").display().to_string();
    let ran = World::new().run(&["render", &examples, "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let rendered: Value = serde_json::from_str(&ran.stdout).unwrap();
    let stacks = rendered["stacks"].as_array().unwrap();
    assert!(stacks.len() >= 3);
    for stack in stacks {
        let keys: Vec<&String> = stack.as_object().unwrap().keys().collect();
        assert_eq!(keys[..2], ["configs", "name"]);
        assert!(
            ["networks", "routes", "secrets", "services"].iter().all(|key| stack[key].is_array())
        );
        for service in stack["services"].as_array().unwrap() {
            let name = service["Name"].as_str().unwrap();
            assert!(name.starts_with(&format!("{}_", stack["name"].as_str().unwrap())));
            assert!(service["TaskTemplate"]["ContainerSpec"]["Image"].is_string(), "{name}");
        }
    }
    let yaml = World::new().run(&["render", &examples]).stdout;
    let same: Value = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(same, rendered);
}

#[test]
fn whatever_docker_takes_renders_in_the_published_layout() {
    let world = World::new();
    let folders = ["tests/fixtures/compose", "tests/fixtures/stacks/valid", "examples/stacks"];
    for folder in folders.map(|folder| root().join(folder).display().to_string()) {
        let variables = ["--var", "HOME=/home/me", "--var", "TAG=1.2", "--var", "EMPTY="];
        let arguments = ["render", &folder, "--format", "json"];
        let ran = world.run(&[arguments.as_slice(), &variables].concat());
        assert_eq!(ran.code, Some(0), "{ran}");
        let rendered: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(rendered["format_version"], 1);
        assert!(rendered["stacks"].as_array().is_some_and(|stacks| stacks.len() >= 3));
        assert_published("render", &rendered);
    }
}

#[test]
fn secret_data_is_never_rendered_and_its_hash_is_left_open() {
    let stack = "services:\n  web:\n    image: x:1\n    secrets: [token]\n\
                 secrets:\n  token:\n    file: token.txt\n";
    let data = "canary-4711";
    let world = World::new().file("shop/stack.yaml", stack).file("shop/token.txt", data);
    let hash = hex::encode(sha2::Sha256::digest(data));
    let hidden = [data, "Y2FuYXJ5LTQ3MTE", &hex::encode(data), &hash[..8]];
    for format in ["yaml", "json"] {
        let ran = world.run(&["render", "shop", "--format", format, "-vvv"]);
        assert!(ran.stdout.contains("shop_token-<hash>"), "{ran}");
        let shown = ran.to_string();
        for canary in hidden {
            assert!(!shown.contains(canary), "{format} shows {canary}");
        }
    }
}

#[test]
fn images_that_come_from_extends_and_include_are_taken_from_the_lock() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let lock = |images: &[&str]| {
        let entry = |image: &&str| {
            format!("  \"{image}\":\n    digest: {digest}\n    platforms: [linux/amd64]\n")
        };
        format!("version: 1\nimages:\n{}", images.iter().map(entry).collect::<String>())
    };
    let stack = "include: [_more.yaml]\n\
                 services: {web: {extends: {file: _base.yaml, service: base}}}\n";
    let world = World::new()
        .file("stacks/shop/stack.yaml", stack)
        .file("stacks/shop/_base.yaml", "services: {base: {image: 'base:1'}}\n")
        .file("stacks/shop/_more.yaml", "services: {more: {image: 'r.example/more:${TAG:-2}'}}\n")
        .file("stacks/images.lock", lock(&["base:1", "r.example/more:2"]));
    let ran = world.run(&["lock", "--check", "stacks"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let ran = world.run(&["render", "stacks"]);
    for image in ["base:1", "r.example/more:2"] {
        assert!(ran.stdout.contains(&format!("Image: {image}@{digest}")), "{ran}");
    }
    let world = world.file("stacks/images.lock", lock(&["gone:1"]));
    let ran = world.run(&["lock", "--check", "stacks"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    for line in ["+ base:1", "+ r.example/more:2", "- gone:1"] {
        assert!(ran.to_string().contains(line), "{ran}");
    }
}
