//! Command lines that make no sense, and what PATH may be.

use insta::assert_snapshot;

use crate::program::World;

const WEB: &str = "services:\n  web:\n    image: nginx:1.27\n";

#[test]
fn an_unknown_command_is_usage_and_suggests() {
    assert_snapshot!(World::new().run(&["aply"]));
}

#[test]
fn every_wrong_use_exits_with_64() {
    let world = World::new().file("a/stack.yaml", WEB).file("b/stack.yaml", WEB);
    for arguments in [
        &[] as &[&str],
        &["plan", "--no-such-flag"],
        &["plan", "--fleet", "a b"],
        &["plan", "--unblock", "paused"],
        &["plan", "--var", "NOVALUE"],
        &["plan", "--show-sensitive"],
        &["apply", "--timeout", "soon"],
        &["validate", "--name", "one"],
        &["schema"],
        &["schema", "stack", "--check"],
        &["status", "not/a/name"],
        &["retry"],
        &["routes", "--entry", "edge:99999"],
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, Some(64), "{arguments:?}: {ran}");
        assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{arguments:?}: {ran}");
    }
    let mut command = world.command(&["validate", "a"]);
    let ran = world.finish(command.env("RUST_LOG", "skep=loud"));
    assert_eq!(ran.code, Some(64), "{ran}");
}

#[test]
fn a_path_is_a_file_a_stack_or_a_directory_of_stacks() {
    let world = World::new()
        .file("stacks/shop/stack.yaml", WEB)
        .file("stacks/blog/compose.yml", WEB)
        .file("stacks/cron.yaml", WEB);
    let stacks = |arguments: &[&str]| {
        let ran = world.run(&[&["validate", "--format", "json"], arguments].concat());
        assert_eq!(ran.code, Some(0), "{ran}");
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        report["stacks"].to_string()
    };
    assert_eq!(stacks(&["stacks"]), r#"["blog","cron","shop"]"#);
    assert_eq!(stacks(&["stacks/shop"]), r#"["shop"]"#);
    assert_eq!(stacks(&["stacks/shop/stack.yaml"]), r#"["shop"]"#);
    assert_eq!(stacks(&["stacks/cron.yaml", "stacks/blog"]), r#"["blog","cron"]"#);
    assert_eq!(stacks(&["stacks/cron.yaml", "--name", "nightly"]), r#"["nightly"]"#);
    let mut here = world.command(&["validate", "--format", "json"]);
    let ran = world.finish(here.current_dir(world.path("stacks/shop")));
    assert!(ran.stdout.contains("\"shop\""), "{ran}");
}

#[test]
fn a_path_that_is_not_there_says_what_a_path_is() {
    assert_snapshot!(World::new().run(&["validate", "stakcs"]));
    let world = World::new().file("in/stack.yaml", WEB).file("out.yaml", WEB);
    assert_snapshot!("outside_the_root", world.run(&["validate", "out.yaml", "--root", "in"]));
}

#[test]
fn an_empty_directory_has_no_stacks() {
    assert_snapshot!(World::new().run(&["validate"]));
}

#[test]
fn variables_come_from_flags_files_and_only_on_demand_from_the_environment() {
    let stack = "services:\n  web:\n    image: nginx:${TAG:-none}\n";
    let world = World::new()
        .file("web/stack.yaml", stack)
        .file("one.env", "TAG=one\n")
        .file("two.env", "TAG=two\n");
    let image = |arguments: &[&str]| {
        let arguments = [&["render", "web", "--format", "json"], arguments].concat();
        let ran = world.finish(world.command(&arguments).env("TAG", "process"));
        let rendered: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let service = &rendered["stacks"][0]["services"][0];
        service["TaskTemplate"]["ContainerSpec"]["Image"].as_str().unwrap().to_owned()
    };
    assert_eq!(image(&[]), "nginx:none");
    assert_eq!(image(&["--inherit-env"]), "nginx:process");
    assert_eq!(image(&["--env-file", "one.env", "--env-file", "two.env"]), "nginx:two");
    assert_eq!(image(&["--env-file", "one.env", "--inherit-env"]), "nginx:process");
    assert_eq!(image(&["--inherit-env", "--var", "TAG=a", "--var", "TAG=b"]), "nginx:b");
}
