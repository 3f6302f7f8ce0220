//! A saved plan is carried out as it is, or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::engine::Engine;
use crate::stage::{Run, Stage};

const WEB: &str = "
services:
  web:
    image: skep-demo/web:1
    environment: { RELEASE: '1' }
    stop_grace_period: 1s
    deploy: { <<: *quick }
";

const ORDERED: &str = "
services:
  web:
    image: skep-demo/web:1
    environment: { RELEASE: '1' }
    depends_on: { migrate: { condition: service_completed_successfully } }
    secrets: [token]
    stop_grace_period: 1s
    deploy: { <<: *quick }
  migrate:
    image: skep-demo/web:1
    command: [job]
    environment: { RELEASE: '1' }
    deploy: { mode: replicated-job, restart_policy: { condition: on-failure } }
secrets: { token: { file: token.txt } }
";

fn file(stage: &Stage<'_>) -> PathBuf {
    stage.stacks().join("../shop.plan")
}

fn save(stage: &Stage<'_>, options: &[&str]) -> Value {
    let arguments = ["plan", "stacks", "--resolve-image", "never", "--out", "shop.plan"];
    stage.skep(&[&arguments, options].concat()).ends(0, &["skep apply shop.plan does it"]);
    serde_json::from_str(&fs::read_to_string(file(stage)).unwrap()).unwrap()
}

fn apply(stage: &Stage<'_>, options: &[&str]) -> Run {
    stage.skep(&[&["apply", "shop.plan", "--yes"], options].concat())
}

/// The services as they are declared: Swarm notes how a rollout goes beside that.
fn specs(stage: &Stage<'_>) -> Vec<Value> {
    let names = stage.names("service");
    names.iter().map(|name| stage.service(name)["Spec"].clone()).collect()
}

/// Fails the test unless a run says that the plan is stale, and leaves the Swarm as it was.
#[track_caller]
fn is_stale(stage: &Stage<'_>, words: &[&str]) {
    let before = specs(stage);
    let run = apply(stage, &[]);
    run.ends(3, &["is stale, and nothing was written", "Plan again"]);
    let plain = stage.plain(&run.text());
    for words in words {
        assert!(plain.contains(words), "{words:?} is not in {plain}");
    }
    assert_eq!(specs(stage), before);
}

#[test]
fn a_saved_plan_of_several_passes_is_carried_out_and_once_done_is_not_stale() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", ORDERED);
    stage.file("shop", "token.txt", "hunter2-of-the-saved-plan");
    let first = save(&stage, &[]);
    assert!(first["allowed"].as_array().unwrap().iter().all(|one| one["from"] == "absent"));
    apply(&stage, &[]).ends(0, &["healthy"]);
    assert_eq!(stage.names("service"), ["shop_migrate", "shop_web"]);
    apply(&stage, &[]).ends(0, &["Nothing was written"]);

    // A new release runs the job again, rotates a secret, and removes the old one in the end.
    stage.stack("shop", &ORDERED.replace("RELEASE: '1'", "RELEASE: '2'"));
    stage.file("shop", "token.txt", "hunter3-of-the-saved-plan");
    let second = save(&stage, &[]);
    let digests = second["allowed"].as_array().unwrap().iter().map(|one| one["from"].to_string());
    assert!(digests.clone().any(|digest| digest.contains("hmac:")), "{second:#}");
    assert!(!digests.clone().any(|digest| digest.contains("argon2id:")), "{second:#}");
    apply(&stage, &[]).ends(0, &["healthy"]);
    let environment = &stage.service("shop_web")["Spec"]["TaskTemplate"]["ContainerSpec"]["Env"];
    assert_eq!(environment, &serde_json::json!(["RELEASE=2"]));
    apply(&stage, &[]).ends(0, &["Nothing was written"]);
}

#[test]
fn other_files_make_a_plan_stale() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    save(&stage, &[]);
    stage.stack("shop", &WEB.replace("RELEASE: '1'", "RELEASE: '2'"));
    is_stale(&stage, &["the files of stacks changed since the plan was made"]);
    stage.stack("shop", WEB);
    fs::write(stage.stacks().join("../stacks/skep.yaml"), "prune: true\n").unwrap();
    is_stale(&stage, &["the settings in stacks/skep.yaml were not there"]);
    fs::remove_file(stage.stacks().join("skep.yaml")).unwrap();
    apply(&stage, &[]).ends(0, &["healthy"]);
}

#[test]
fn an_object_that_moved_makes_a_plan_stale_and_an_index_alone_does_not() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    stage.stack("other", WEB);
    stage.apply_well(&[]);
    stage.stack("shop", &WEB.replace("RELEASE: '1'", "RELEASE: '2'"));
    save(&stage, &[]);
    let (web, other) = (stage.name("shop_web"), stage.name("other_web"));
    let update = |name: &str, option: [&str; 2]| {
        engine.docker(&["service", "update", "--detach", option[0], option[1], name]);
    };
    update(&web, ["--container-label-add", "by-hand=1"]);
    is_stale(&stage, &["service shop_web has changed since the plan was made: labels.by-hand"]);
    update(&web, ["--container-label-rm", "by-hand"]);
    update(&other, ["--label-add", "by-hand=1"]);
    is_stale(&stage, &["service other_web would change now (deploy.labels.by-hand)"]);
    update(&other, ["--label-rm", "by-hand"]);
    // Both are what they were, at other versions.
    apply(&stage, &[]).ends(0, &["1 updated", "healthy"]);
    let other = stage.service("other_web");
    assert!(other["Spec"]["Labels"].get("by-hand").is_none(), "{other:#}");
}

#[test]
fn a_network_made_anew_by_a_saved_plan_is_left_and_joined_again() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |option: &str| {
        let text = format!(
            "{WEB}    networks: [front]\nnetworks: {{ front: {{ driver_opts: {{ com.docker.network.driver.mtu: '{option}' }} }} }}\n"
        );
        stage.stack("shop", &text);
    };
    stack("1400");
    stage.apply_well(&[]);
    stack("1300");
    save(&stage, &["--allow-replace"]);
    // It is cut off when its service has left the network; the same file goes on from there.
    apply(&stage, &["--no-wait"]);
    assert_eq!(stage.service("shop_web")["Spec"]["Mode"]["Replicated"]["Replicas"], 0);
    apply(&stage, &[]).ends(0, &["1 created", "healthy"]);
    let networks = &stage.service("shop_web")["Spec"]["TaskTemplate"]["Networks"];
    assert_eq!(networks.as_array().map(Vec::len), Some(1), "{networks}");
    apply(&stage, &[]).ends(0, &["Nothing was written"]);
}

#[test]
fn what_docker_made_is_adopted_by_a_saved_plan_and_not_once_it_has_moved() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    let (path, name) = (stage.path("shop", "stack.yaml"), stage.name("shop"));
    let path = path.to_str().unwrap();
    engine.docker(&["stack", "deploy", "--resolve-image", "never", "-c", path, &name]);
    let plan = save(&stage, &[]);
    assert!(plan["allowed"].to_string().contains("argon2id:"), "there is no key yet: {plan:#}");
    let web = stage.name("shop_web");
    engine.docker(&["service", "update", "--detach", "--env-add", "A=1", &web]);
    is_stale(&stage, &["service shop_web has changed since the plan was made"]);
    engine.docker(&["service", "update", "--detach", "--env-rm", "A", &web]);
    apply(&stage, &[]).ends(0, &["healthy"]);
}

#[test]
fn variables_from_outside_are_given_again_and_their_values_are_not_in_the_file() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", &WEB.replace("RELEASE: '1'", "RELEASE: '${RELEASE:?}', B: '${B:-b}'"));
    let plan = save(&stage, &["--var", "RELEASE=canary-7431", "--var", "UNUSED=x"]);
    let names: Vec<&String> = plan["variables"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["RELEASE"]);
    apply(&stage, &[]).ends(64, &["needs these variables again: RELEASE"]);
    let other = apply(&stage, &["--var", "RELEASE=2", "--var", "B=c"]);
    other.ends(
        3,
        &["the variable RELEASE has another value", "the variable B is given, and was not"],
    );
    assert!(stage.objects().is_empty());
    let stacks = stage.stacks();
    fs::write(stacks.join("../release.env"), "RELEASE=canary-7431\n").unwrap();
    apply(&stage, &["--env-file", "release.env"]).ends(0, &["healthy"]);
}

#[test]
fn a_file_that_cannot_be_used_is_told_from_stacks_and_writes_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", WEB);
    let plan = save(&stage, &[]);
    apply(&stage, &["--prune"]).ends(64, &["--prune would make another plan"]);
    apply(&stage, &["stacks"]).ends(64, &["which names its own stacks"]);
    let text = plan.to_string();
    let torn = &fs::read_to_string(file(&stage)).unwrap()[..300];
    let newer = text.replacen("\"format_version\":1", "\"format_version\":99", 1);
    let foreign = text.replacen("\"paths\"", "\"places\"", 1);
    for (text, words) in [
        (torn, "EOF while parsing"),
        (newer.as_str(), "in a layout that this skep"),
        (foreign.as_str(), "unknown field `places`"),
    ] {
        fs::write(file(&stage), text).unwrap();
        apply(&stage, &[]).ends(1, &["cannot use the saved plan shop.plan", words]);
    }
    assert!(stage.objects().is_empty());
    // Keys in another order are no other plan.
    fs::write(file(&stage), text).unwrap();
    apply(&stage, &[]).ends(0, &["healthy"]);
}

/// The commands of a step of the workflow in docs/ci.md.
fn recipe(job: &str, step: &str) -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ci.md")).unwrap();
    let yaml = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let workflow: Value = serde_yaml::from_str(yaml).unwrap();
    let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
    let step = steps.iter().find(|one| one["name"] == step).unwrap();
    step["run"].as_str().unwrap().to_owned()
}

#[test]
fn the_recipe_for_pull_requests_plans_comments_and_applies_just_that() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let folder = stage.stacks().join("..");
    let program = Path::new(env!("CARGO_BIN_EXE_skep")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let run = |job: &str, step: &str| {
        let mut shell = Command::new("bash");
        // As GitHub's runner does it.
        shell.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &recipe(job, step)]);
        shell.current_dir(&folder).env_clear().env("PATH", &path).env("HOME", &folder);
        shell.env("DOCKER_HOST", &engine.url).env("SKEP_FLEET", stage.fleet());
        Run::of(shell.output().unwrap(), &[job, step])
    };
    stage.stack("shop", WEB);
    fs::write(stage.stacks().join("skep.yaml"), "resolve_image: never\n").unwrap();
    run("plan", "plan").ends(0, &["changes are pending"]);
    let comment = fs::read_to_string(folder.join("plan.md")).unwrap();
    assert!(comment.contains(&stage.name("shop_web")), "{comment}");
    run("apply", "apply").ends(0, &["healthy"]);
    run("plan", "plan").ends(0, &["nothing would change"]);
    stage.stack("shop", &WEB.replace("RELEASE: '1'", "RELEASE: '2'"));
    run("apply", "apply").ends(3, &["the files of stacks changed"]);
    stage.stack("shop", "services: [");
    run("plan", "plan").ends(1, &["error"]);
}
