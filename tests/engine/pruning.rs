//! Removal is asked for, guarded, and complete.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::Value;

use crate::engine::Engine;
use crate::proxy::{Call, Proxy};
use crate::stage::{Run, Stage, changes, holds};

/// A stack of services that do nothing.
fn services(names: &[&str]) -> String {
    let services: Vec<String> = names
        .iter()
        .map(|name| {
            format!("  {name}: {{ image: 'skep-demo/web:1', deploy: {{ replicas: 0 }} }}\n")
        })
        .collect();
    format!("services:\n{}", services.concat())
}

/// The first command of a plan that lifts a hold.
pub(crate) fn unblock(plan: &Value) -> String {
    let holds = |of: &Value| of["holds"].as_array().cloned().unwrap_or_default();
    let stacks = plan["stacks"].as_array().unwrap().iter().flat_map(holds);
    let all = holds(plan)
        .into_iter()
        .chain(stacks)
        .chain(changes(plan).values().flat_map(holds).collect::<Vec<_>>());
    let commands = all.filter_map(|hold| hold["unblock"].as_str().map(str::to_owned));
    let mut commands = commands.filter(|command| command.starts_with("skep "));
    commands.next().unwrap_or_else(|| panic!("{plan:#}"))
}

/// Runs a command that skep named, word for word.
pub(crate) fn obey(stage: &Stage<'_>, command: &str) -> Run {
    let mut words: Vec<&str> = command.split(' ').skip(1).collect();
    words.push("--yes");
    Run::of(stage.bare(&words).output().unwrap(), &words)
}

#[test]
fn nothing_goes_until_removal_is_asked_for() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("shop", &services(&["web", "old"]));
    stage.apply_well(&[]);
    stage.exact_stack("shop", &services(&["web"]));
    let plan = stage.plan(&[]);
    assert_eq!(holds(&plan), ["prune-not-asked"]);
    let run = stage.apply_well(&[]);
    assert!(run.text().contains("never --prune"), "{run}");
    assert_eq!(stage.names("service"), ["shop_old", "shop_web"]);
    assert_eq!(obey(&stage, &unblock(&plan)).code, 0);
    assert_eq!(stage.names("service"), ["shop_web"]);
}

#[test]
fn most_services_of_a_stack_go_only_when_that_is_said_again() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("shop", &services(&["a", "b", "c", "d"]));
    stage.apply_well(&[]);
    stage.exact_stack("shop", &services(&["d"]));
    stage.apply(&["--prune"]).ends(5, &["3 of the 4 services", "--unblock guard-most-services:"]);
    assert_eq!(stage.names("service").len(), 4);
    let run = obey(&stage, &unblock(&stage.plan(&["--prune"])));
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(stage.names("service"), ["shop_d"]);
}

#[test]
fn a_stack_that_is_made_anew_under_other_names_loses_the_old_ones_only_when_that_is_said_again() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("shop", &services(&["a", "b", "c"]));
    stage.apply_well(&[]);
    stage.exact_stack("shop", &services(&["x", "y", "z"]));
    for _ in 0..2 {
        let run = stage.apply(&["--prune"]);
        run.ends(5, &["3 of the 3 services", "--unblock guard-most-services:"]);
        assert_eq!(stage.names("service").len(), 6);
    }
    let run = obey(&stage, &unblock(&stage.plan(&["--prune"])));
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(stage.names("service"), ["shop_x", "shop_y", "shop_z"]);
    assert_eq!(changes(&stage.plan(&["--prune"])).len(), 0);
}

#[test]
fn a_whole_stack_goes_only_with_its_own_consent_and_then_completely() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("stays", &services(&["web"]));
    stage.stack(
        "goes",
        "
services: { api: { image: 'skep-demo/web:1', command: [sleep], configs: [plain], secrets: [key], networks: [own], stop_grace_period: 1s, deploy: { <<: *quick } } }
networks: { own: {} }
configs: { plain: { content: plain } }
secrets: { key: { file: key.txt } }
",
    );
    stage.file("goes", "key.txt", "key\n");
    stage.apply_well(&[]);
    stage.forget("goes");
    let plan = stage.plan(&["--prune"]);
    assert!(holds(&plan).contains(&"guard-whole-stack".to_owned()), "{plan:#}");
    stage.apply(&["--prune"]).ends(5, &["the whole stack"]);
    assert_eq!(stage.names("service"), ["goes_api", "stays_web"]);

    let run = obey(&stage, &unblock(&plan));
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(stage.names("service"), ["stays_web"]);
    assert_eq!(stage.names("network"), ["stays_default"]);
    assert!(stage.names("config").is_empty() && stage.names("secret").is_empty());
    assert_eq!(changes(&stage.plan(&["--prune"])).len(), 0);
}

#[test]
fn a_job_that_no_node_takes_goes_with_everything_that_it_would_have_used() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("stays", &services(&["web"]));
    stage.exact_stack(
        "goes",
        "
services: { job: { image: 'skep-demo/web:1', command: [job], configs: [plain], networks: [own], deploy: { mode: replicated-job, placement: { constraints: [node.hostname == nobody] } } } }
networks: { own: {} }
configs: { plain: { content: plain } }
",
    );
    stage.apply(&["--timeout", "2s"]).ends(4, &["no suitable node"]);
    stage.forget("goes");
    // Docker 20.10 keeps the task that waits for a node, for ever.
    stage.apply_well(&["--prune", "--prune-stacks"]);
    assert_eq!(stage.names("service"), ["stays_web"]);
    assert_eq!(stage.names("network"), ["stays_default"]);
    assert!(stage.names("config").is_empty());
}

#[test]
fn of_two_stacks_that_go_the_one_that_needs_the_other_goes_first_and_to_the_last_task() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    stage.exact_stack("stays", &services(&["web"]));
    let stack = |needs: &str| {
        format!(
            "{needs}\nservices: {{ x: {{ image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 3s, stop_signal: SIGUSR1, deploy: {{ <<: *quick }} }} }}"
        )
    };
    // By name, the one that is needed comes first.
    stage.stack("app", &stack(""));
    stage.stack("web", &stack("x-skep: { depends_on: ['%app'] }"));
    stage.apply_well(&[]);
    stage.forget("app");
    stage.forget("web");
    let needed = stage.service("app_x")["ID"].as_str().unwrap().to_owned();
    let needed = format!("/services/{needed}");
    let removes_it = move |call: &Call| call.method == Method::DELETE && call.endpoint() == needed;
    let label = format!("label=com.docker.swarm.service.name={}", stage.name("web_x"));
    let url = engine.url.clone();
    let left = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&left);
    proxy.inject(move |call| {
        if removes_it(call) {
            let containers = Engine::at(url.clone()).docker(&["ps", "--quiet", "--filter", &label]);
            *seen.lock().unwrap() = Some(containers);
        }
        None
    });
    let run = stage.apply_well(&["--prune", "--prune-stacks"]);
    for words in ["which needs it, is gone", "which may need it, is gone"] {
        assert!(run.text().contains(words), "{run}");
    }
    assert_eq!(left.lock().unwrap().as_deref(), Some(""), "containers of the other one: {run}");
    assert_eq!(stage.names("service"), ["stays_web"]);
    assert_eq!(stage.names("network"), ["stays_default"]);
}

#[test]
fn an_empty_directory_removes_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("shop", &services(&["web"]));
    stage.apply_well(&[]);
    stage.forget("shop");
    let options = ["--prune", "--prune-stacks"];
    stage.apply(&options).ends(5, &["no stacks at all"]);
    assert_eq!(stage.names("service"), ["shop_web"]);
    let plan = stage.plan(&options);
    assert_eq!(holds(&plan)[0], "guard-no-stacks");
    let run = obey(&stage, &unblock(&plan));
    assert_eq!(run.code, 0, "{run}");
    assert!(stage.names("service").is_empty() && stage.names("network").is_empty());
}

#[test]
fn a_file_is_no_reason_to_remove_another_stack() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("a", &services(&["web"]));
    stage.exact_stack("b", &services(&["web"]));
    stage.apply_well(&[]);
    let b = stage.path("b", "stack.yaml");
    let arguments = [
        "apply",
        b.to_str().unwrap(),
        "--yes",
        "--prune",
        "--prune-stacks",
        "--resolve-image",
        "never",
    ];
    stage.skep(&arguments).ends(0, &["Nothing was written"]);
    // Nor is another source of the same fleet.
    stage.forget("a");
    stage.apply_well(&["--prune", "--prune-stacks", "--source", "elsewhere"]);
    assert_eq!(stage.names("service"), ["a_web", "b_web"]);
}

#[test]
fn a_protected_stack_loses_nothing_even_after_its_file_is_gone() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("other", &services(&["web"]));
    stage.exact_stack(
        "shop",
        &format!("x-skep: {{ protect: true }}\n{}", services(&["web", "old"])),
    );
    stage.apply_well(&[]);
    stage.exact_stack("shop", &format!("x-skep: {{ protect: true }}\n{}", services(&["web"])));
    stage.apply(&["--prune"]).ends(5, &["remove `x-skep.protect` from the stack"]);
    stage.forget("shop");
    stage.apply(&["--prune", "--prune-stacks"]).ends(5, &["protect"]);
    assert_eq!(stage.names("service"), ["other_web", "shop_old", "shop_web"]);
}

#[test]
fn a_paused_stack_is_not_written_and_that_is_no_failure() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("shop", &services(&["web", "old"]));
    stage.apply_well(&[]);
    let before = stage.objects();
    stage
        .exact_stack("shop", &format!("x-skep: {{ paused: true }}\n{}", services(&["web", "new"])));
    let run = stage.apply_well(&["--prune"]);
    assert!(run.text().contains("paused"), "{run}");
    assert_eq!(stage.objects(), before);
    assert_eq!(holds(&stage.plan(&["--prune"]))[0], "paused");
    stage.exact_stack("shop", &services(&["web", "new"]));
    stage.apply_well(&["--prune"]);
    assert_eq!(stage.names("service"), ["shop_new", "shop_web"]);
}

#[test]
fn skeps_own_services_are_never_removed() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let own = "  skep: { image: 'skep-demo/web:1', deploy: { replicas: 0, labels: { skep.role: controller } } }\n";
    stage.exact_stack("ops", &format!("{}{own}", services(&["web"])));
    stage.apply_well(&[]);
    stage.exact_stack("ops", &services(&["web"]));
    stage.apply(&["--prune"]).ends(5, &["skep's own controller"]);
    assert_eq!(stage.names("service"), ["ops_skep", "ops_web"]);
}
