//! Names that somebody else has, and names that change.

use serde_json::json;

use crate::engine::Engine;
use crate::stage::{Stage, changes, holds};

const WEB: &str = "services: { web: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick } } }";

#[test]
fn an_object_that_says_nothing_of_the_stack_is_not_taken_over_unless_that_is_said() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    engine.docker_service(&stage.name("shop_web"), &["skep-demo/web:1", "sleep"]);
    let before = stage.service("shop_web");
    stage.stack("shop", WEB);
    stage.apply(&[]).ends(5, &["held", "no label says that it belongs to a stack"]);
    assert_eq!(holds(&stage.plan(&[])), ["foreign-object"]);
    assert_eq!(stage.service("shop_web"), before);
    stage.apply_well(&["--adopt", "always"]);
    assert_eq!(stage.service("shop_web")["Spec"]["Labels"]["skep.stack"], stage.name("shop"));
}

#[test]
fn another_fleets_object_is_left_alone() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    stage.apply_well(&[]);
    let before = stage.objects();
    let other = Stage::on(&engine);
    let file = stage.path("shop", "stack.yaml");
    let name = stage.name("shop");
    let arguments = ["apply", file.to_str().unwrap(), "--name", &name, "--yes", "--prune"];
    other.skep(&arguments).ends(5, &["it belongs to fleet"]);
    assert_eq!(stage.objects(), before);
}

#[test]
fn nothing_is_taken_over_when_adoption_is_never() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack(
        "shop",
        "version: '3.8'\nservices: { web: { image: 'skep-demo/web:1', deploy: { replicas: 0 } } }",
    );
    let (file, name) = (stage.path("shop", "stack.yaml"), stage.name("shop"));
    engine.docker(&[
        "stack",
        "deploy",
        "--detach=true",
        "--resolve-image",
        "never",
        "-c",
        file.to_str().unwrap(),
        &name,
    ]);
    let before = stage.service("shop_web")["Spec"].clone();
    stage.apply(&["--adopt", "never"]).ends(5, &["--adopt"]);
    assert_eq!(stage.service("shop_web")["Spec"], before);
    stage.apply_well(&[]);
}

#[test]
fn a_mode_changes_only_when_replacement_is_allowed() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    stage.apply_well(&[]);
    stage.stack("shop", &WEB.replace("*quick", "*quick, mode: global"));
    stage.apply(&[]).ends(5, &["--allow-replace"]);
    assert!(stage.service("shop_web")["Spec"]["Mode"]["Replicated"].is_object());

    let change = changes(&stage.plan(&["--allow-replace"]))
        [&format!("service {}", stage.name("shop_web"))]
        .clone();
    assert_eq!(
        (&change["action"], &change["effect"]),
        (&json!("replace"), &json!({"kind": "downtime", "tasks": 1}))
    );
    stage.apply_well(&["--allow-replace"]);
    assert!(stage.service("shop_web")["Spec"]["Mode"]["Global"].is_object());
    assert_eq!(changes(&stage.plan(&[])).len(), 0);
}

#[test]
fn a_renamed_service_goes_when_its_successor_is_healthy() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    stage.apply_well(&[]);
    let renamed = WEB.replace("{ web: {", "{ front: { x-skep: { previous_name: web },");
    stage.stack("shop", &renamed);
    stage.apply(&[]).ends(5, &["--allow-replace"]);
    assert_eq!(stage.names("service"), ["shop_web"]);

    let plan = stage.plan(&["--allow-replace"]);
    assert_eq!(changes(&plan)[&format!("service {}", stage.name("shop_front"))]["action"], "move");
    stage.apply_well(&["--allow-replace"]);
    assert_eq!(
        stage.names("service"),
        ["shop_front"],
        "it goes without --prune, because it goes on"
    );
    assert_eq!(changes(&stage.plan(&[])).len(), 0);
}

#[test]
fn a_renamed_stack_goes_when_its_successor_is_healthy() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    stage.apply_well(&[]);
    stage.forget("shop");
    stage.stack("store", WEB);
    for options in [&["--prune"][..], &["--prune", "--prune-stacks"], &[]] {
        stage.apply(options).ends(5, &["previous_name"]);
        assert_eq!(stage.names("service"), ["shop_web", "store_web"]);
    }
    stage.stack("store", &format!("x-skep: {{ previous_name: %shop }}\n{WEB}"));
    stage.apply_well(&["--prune"]);
    assert_eq!(stage.names("service"), ["store_web"]);
}

#[test]
fn what_a_renamed_stack_does_not_have_any_more_stays_until_removal_is_asked_for() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let old = WEB.replace(
        "{ web: {",
        "{ old: { image: 'skep-demo/web:1', deploy: { replicas: 0 } }, web: {",
    );
    stage.stack("shop", &old);
    stage.apply_well(&[]);
    stage.forget("shop");
    stage.stack("store", &format!("x-skep: {{ previous_name: %shop }}\n{WEB}"));
    stage.apply(&["--allow-replace"]).ends(5, &["no such service", "--prune"]);
    assert_eq!(stage.names("service"), ["shop_old", "store_web"]);
    assert_eq!(holds(&stage.plan(&[])), ["prune-not-asked", "guard-whole-stack"]);
    stage.apply(&["--prune"]).ends(5, &["--unblock guard-whole-stack:"]);
    stage.apply_well(&["--prune", "--prune-stacks"]);
    assert_eq!(stage.names("service"), ["store_web"]);
}

#[test]
fn fields_that_someone_else_owns_are_left_to_them() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = WEB.replace("{ web: {", "{ web: { x-skep: { ignore: [deploy.replicas] },");
    stage.stack("shop", &stack);
    stage.apply_well(&[]);
    engine.docker(&["service", "scale", "--detach", &format!("{}=2", stage.name("shop_web"))]);
    assert_eq!(changes(&stage.plan(&[])).len(), 0);
    stage.stack("shop", &stack.replace("[sleep]", "[sleep, well]"));
    stage.apply_well(&[]);
    assert_eq!(stage.service("shop_web")["Spec"]["Mode"]["Replicated"]["Replicas"], 2);
}

#[test]
fn a_stack_that_says_that_it_was_renamed_moves_only_when_replacement_is_allowed() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    stage.apply_well(&[]);
    stage.forget("shop");
    stage.stack("store", &format!("x-skep: {{ previous_name: %shop }}\n{WEB}"));
    stage.apply(&[]).ends(5, &["a service cannot be renamed", "--allow-replace"]);
    assert_eq!(stage.names("service"), ["shop_web"]);
    stage.apply_well(&["--allow-replace"]);
    assert_eq!(stage.names("service"), ["store_web"]);
    assert_eq!(changes(&stage.plan(&[])).len(), 0);
}
