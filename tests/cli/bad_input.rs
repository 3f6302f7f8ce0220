//! Bad input: every problem is reported at once, with its place and a hint, and nothing panics.

use std::fmt::Write as _;

use insta::assert_snapshot;

use crate::program::World;

const WEB: &str = "services:\n  web:\n    image: nginx:1.27\n";

/// What validate says of one stack file.
fn of_stack(text: &str) -> String {
    World::new().file("shop/stack.yaml", text).run(&["validate", "shop"]).to_string()
}

#[test]
fn broken_yaml_is_located() {
    assert_snapshot!(of_stack("services:\n  web:\n    image: [nginx\n    ports: 80\n"));
    assert_snapshot!("tab", of_stack("services:\n\tweb:\n"));
    let world = World::new().file("shop/stack.yaml", [0xff, 0xfe, 0x00]);
    assert_snapshot!("not_text", world.run(&["validate", "shop"]));
}

#[test]
fn all_findings_of_all_stacks_come_at_once() {
    let shop = "services:\n  web:\n    imgae: nginx\n    image: nginx\n    deploy:\n      replicas: many\n";
    let world = World::new()
        .file("stacks/shop/stack.yaml", shop)
        .file("stacks/blog/stack.yaml", format!("{WEB}    user: ${{ID:?set a user}}\n"))
        .file("stacks/good/stack.yaml", WEB);
    assert_snapshot!(world.run(&["validate", "stacks"]));
    let ran = world.run(&["validate", "stacks", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, report["format_version"].as_u64()), (Some(1), Some(1)));
    assert_eq!(report["stacks"], serde_json::json!(["good"]));
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(3), "{ran}");
}

#[test]
fn a_missing_variable_is_a_warning_and_with_strict_an_error() {
    let stack = "services:\n  web:\n    image: nginx:1.27$TAG\n";
    let world = World::new().file("shop/stack.yaml", stack);
    let lenient = world.run(&["validate", "shop"]);
    assert_eq!(lenient.code, Some(0), "{lenient}");
    assert!(lenient.stdout.contains("1 warning"), "{lenient}");
    assert_snapshot!(world.run(&["validate", "shop", "--strict"]));
}

#[test]
fn a_missing_file_is_named_where_it_is_asked_for() {
    assert_snapshot!(of_stack(
        "services:\n  web:\n    image: nginx:1.27\n    env_file: [web.env]\n    configs: [site]\n\
         configs:\n  site:\n    file: site.conf\n"
    ));
}

#[test]
fn no_path_leaves_the_source() {
    let stack = |path: &str| format!("{WEB}    configs: [a]\nconfigs:\n  a:\n    file: {path}\n");
    let world = World::new()
        .file("secret.txt", "canary")
        .file("stacks/up/stack.yaml", stack("../../secret.txt"))
        .file("stacks/absolute/stack.yaml", stack("/etc/passwd"))
        .file("stacks/linked/stack.yaml", stack("link"))
        .link("stacks/linked/link", "../../secret.txt")
        .file("stacks/within/stack.yaml", stack("../shared.txt"))
        .file("stacks/shared.txt", "shared");
    let ran = world.run(&["validate", "stacks"]);
    assert!(!ran.to_string().contains("canary"));
    assert_snapshot!(ran);
    let ran = world.run(&["render", "stacks", "--format", "json"]);
    let rendered: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran.code, Some(1));
    assert_eq!(rendered["stacks"].as_array().map(Vec::len), Some(1), "only the good one");
}

#[test]
fn a_stack_file_behind_a_link_out_of_the_source_is_not_read() {
    let world =
        World::new().file("outside.yaml", WEB).link("stacks/a/stack.yaml", "../../outside.yaml");
    let ran = world.run(&["validate", "stacks"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stdout.contains("leaves the source"), "{ran}");
}

#[test]
fn a_billion_laughs_end_at_once() {
    let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..12 {
        let one = format!("*a{}", level - 1);
        let _ = writeln!(text, "a{level}: &a{level} [{}]", vec![one; 10].join(", "));
    }
    text.push_str("services:\n  web:\n    image: nginx\n    command: *a11\n");
    let ran = of_stack(&text);
    assert!(ran.contains("[exit status: 1]"), "{ran}");
    assert!(ran.len() < 4000, "{} bytes", ran.len());
}

#[test]
fn a_file_of_50_megabytes_is_refused_unread() {
    let world = World::new().large_file("shop/stack.yaml", WEB.as_bytes(), 50 << 20);
    assert_snapshot!(world.run(&["validate", "shop"]));
    let stack = format!("{WEB}    configs: [big]\nconfigs:\n  big:\n    file: big\n");
    let world = World::new().file("shop/stack.yaml", stack).large_file("shop/big", b"x", 50 << 20);
    assert_snapshot!("large_config", world.run(&["validate", "shop"]));
}

#[test]
fn a_cycle_of_dependencies_is_shown() {
    let service =
        |name: &str, needs: &str| format!("  {name}:\n    image: x:1\n    depends_on: [{needs}]\n");
    let services = [service("a", "b"), service("b", "c"), service("c", "a")].concat();
    assert_snapshot!(of_stack(&format!("services:\n{services}")));
}

#[test]
fn unknown_references_are_named() {
    assert_snapshot!(of_stack(
        "services:\n  web:\n    image: x:1\n    networks: [frnt]\n    secrets: [tokn]\nnetworks:\n  front: {}\n\
         secrets:\n  token:\n    external: true\n"
    ));
}

#[test]
fn two_stacks_of_one_name_are_both_refused() {
    let world = World::new()
        .file("stacks/a/stack.yaml", format!("name: shop\n{WEB}"))
        .file("stacks/b/stack.yaml", format!("name: shop\n{WEB}"))
        .file("stacks/c/stack.yaml", WEB);
    assert_snapshot!(world.run(&["validate", "stacks"]));
    let ran = world.run(&["validate", "stacks/a", "stacks/b", "--format", "json"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stdout.contains("same-stack-name"), "{ran}");
    assert!(ran.stdout.contains("\"stacks\": []"), "{ran}");
}

#[test]
fn what_is_no_stack_at_all_is_said() {
    for text in ["", "~", "[]", "just text", "services:", "services: []", "{}"] {
        let ran = of_stack(text);
        assert!(ran.contains("shop/stack.yaml") || ran.contains("no findings"), "{text:?}: {ran}");
        assert!(!ran.contains("bug in skep"), "{text:?}: {ran}");
    }
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let ran = of_stack("services:\n  \"w\\e[2Jb\":\n    imag\u{202e}e: \"\\e]0;pwned\\a\"\n");
    let harmful = ['\u{1b}', '\u{7}', '\u{202e}'];
    assert!(ran.contains("[exit status: 1]") && !ran.contains(harmful), "{ran:?}");
}

#[test]
fn secrets_in_lines_of_findings_are_masked() {
    let ran = of_stack(&format!(
        "{WEB}    environment:\n      DB_PASSWORD: [hunter2]\n    command: --token hunter2 ${{\n"
    ));
    assert!(ran.contains("[exit status: 1]") && !ran.contains("hunter2"), "{ran}");
}

#[test]
fn stacks_that_wait_for_each_other_or_for_nobody_are_told() {
    let stack = |needs: &str| format!("x-skep:\n  depends_on: [{needs}]\n{WEB}");
    let world = World::new()
        .file("stacks/app/stack.yaml", stack("data, mail"))
        .file("stacks/data/stack.yaml", stack("cache"))
        .file("stacks/cache/stack.yaml", stack("app"))
        .file("stacks/self/stack.yaml", stack("self"))
        .file("stacks/mail/stack.yaml", WEB)
        .file("stacks/news/stack.yaml", stack("mali, \"elsewhere\""));
    assert_snapshot!(world.run(&["validate", "stacks", "--strict"]));
    // Who plans only a part, or has other sources, may mean a stack of those.
    let ran = world.run(&["validate", "stacks/news"]);
    assert_eq!((ran.code, ran.stdout.contains("undeclared-stack")), (Some(0), false), "{ran}");
    let ran = world.run(&["validate", "stacks/news", "stacks/app", "stacks/data", "stacks/cache"]);
    assert!(ran.stdout.contains("stacks wait for each other"), "{ran}");
}
