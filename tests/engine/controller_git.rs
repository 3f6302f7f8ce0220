//! The controller on repositories: every kind of server, sources that fail, and whatever becomes of a history.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::controller::web;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::http_servers::{HttpServer, Manners};
use crate::origin::Origin;
use crate::running::Running;
use crate::server::Server;
use crate::ssh_servers::{SshServer, key};
use crate::stage::Stage;

const PASSWORD: &str = "hunter2-c4n4ry";

/// Commits a stack, and gives the commit's name.
pub(crate) fn push(origin: &Origin, stage: &Stage<'_>, stack: &str, text: &str) -> String {
    origin.write(&format!("stacks/{}/stack.yaml", stage.name(stack)), stage.quick(text));
    origin.commit(stack)
}

/// The image of the only service of a stack.
pub(crate) fn image(stage: &Stage<'_>, stack: &str) -> String {
    let service = stage.service(&format!("{stack}_web"));
    let image = &service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"];
    image.as_str().unwrap().to_owned()
}

/// What a report tells of a source.
pub(crate) fn source<'r>(report: &'r Value, name: &str) -> &'r Value {
    let sources = report["sources"].as_array().unwrap();
    sources.iter().find(|source| source["name"] == name).unwrap()
}

fn stack<'r>(report: &'r Value, stage: &Stage<'_>, name: &str) -> &'r Value {
    &report["stacks"][stage.name(name)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_rolls_whatever_the_server_and_a_source_that_fails_fails_alone() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let origins = ["a", "b", "c"].map(|stack| {
        let origin = Origin::empty();
        push(&origin, &stage, stack, &web(1, 1));
        origin
    });
    let [a, b, c] = &origins;
    let authorization = format!("Basic {}", STANDARD.encode(format!("deploy:{PASSWORD}")));
    let manners = Manners { authorization: Some(authorization), ..Manners::default() };
    let https = HttpServer::tls(a, manners).await;
    let deploy_key = key(stage.folder(), "deploy", "ed25519", "");
    let ssh = SshServer::start(&[&deploy_key], &["ed25519"], true);
    let daemon = Server::git_daemon(c);
    fs::write(stage.folder().join("password"), PASSWORD).unwrap();
    let settings = format!(
        "sources:
  - name: https
    git: {{ url: '{}', path: stacks, username: deploy, password_file: password, ca_file: '{}' }}
  - name: ssh
    git: {{ url: '{}', branch: main, path: stacks, ssh: {{ key_file: deploy, known_hosts_file: '{}' }} }}
  - name: daemon
    git: {{ url: 'git://127.0.0.1:{}/stacks.git', path: stacks }}
prune: true
prune_stacks: true
intervals: {{ poll: 10m, retry: 2s }}",
        https.url("stacks.git"),
        https.authority().unwrap().display(),
        ssh.url(b),
        ssh.known_hosts("ed25519").display(),
        daemon.port(),
    );
    let controller = Running::with(&stage, &settings);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);

    let commits =
        [(a, "a"), (b, "b"), (c, "c")].map(|(origin, name)| push(origin, &stage, name, &web(2, 1)));
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    let report = controller.report();
    for (name, commit) in ["a", "b", "c"].into_iter().zip(&commits) {
        assert_eq!(image(&stage, name), "skep-demo/web:2", "{name}");
        let healthy = stack(&report, &stage, name)["last_healthy_revision"].as_str().unwrap();
        assert!(healthy.contains(&commit[..12]), "{healthy} is not {commit}");
    }

    // One server is gone, one has lost the repository: their stacks stay, and drift in them is put right.
    drop(daemon);
    fs::rename(b.bare(), b.bare().with_extension("away")).unwrap();
    push(a, &stage, "a", &web(3, 1));
    controller.ask(&["sync"]).ends(1, &["daemon", "ssh", "cannot be read"]);
    assert_eq!(image(&stage, "a"), "skep-demo/web:3");
    assert_eq!(stage.names("service"), ["a_web", "b_web", "c_web"]);
    for name in ["b_web", "c_web"] {
        engine.docker(&["service", "scale", "-d", &format!("{}=2", stage.name(name))]);
        eventually(20, "drift is put right", || {
            (stage.service(name)["Spec"]["Mode"]["Replicated"]["Replicas"] == 1).then_some(())
        });
    }
    let report = controller.report();
    for name in ["ssh", "daemon"] {
        let source = source(&report, name);
        assert!(source["failing_since"].is_string() && source["revision"].is_string(), "{source}");
    }
    assert!(source(&report, "https")["failure"].is_null(), "{report}");

    fs::rename(b.bare().with_extension("away"), b.bare()).unwrap();
    push(b, &stage, "b", &web(3, 1));
    controller.ask(&["sync"]).ends(1, &["source daemon"]);
    assert_eq!(image(&stage, "b"), "skep-demo/web:3");
    assert!(!controller.log().contains(PASSWORD));
}

#[test]
fn whatever_becomes_of_a_history_the_last_good_revision_runs() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let origin = Origin::empty();
    push(&origin, &stage, "shop", &web(1, 1));
    let first = push(&origin, &stage, "web", &web(1, 1));
    let daemon = Server::git_daemon(&origin);
    let settings = format!(
        "sources: [{{ name: main, git: {{ url: 'git://127.0.0.1:{}/stacks.git', branch: main, path: stacks }} }}]
prune: true
intervals: {{ poll: 1s, retry: 2s }}",
        daemon.port()
    );
    let mut controller = Running::with(&stage, &settings);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);

    // Nothing was there: all of it is released by the commit that the source is at.
    let released = eventually(20, "both are in the history", || {
        let history = controller.ask(&["history", "--format", "json"]);
        let history: Value = serde_json::from_str(&history.stdout).unwrap();
        let released = history["releases"].as_array().unwrap();
        (released.len() == 2).then(|| released.clone())
    });
    for entry in released {
        assert!(entry["revision"].as_str().unwrap().contains(&first[..12]), "{entry}");
        assert_eq!((&entry["subject"], entry["author"].is_string()), (&"web".into(), true));
    }

    // A commit with an error: the other stack of it goes on.
    push(&origin, &stage, "web", &web(2, 1));
    let bad = push(&origin, &stage, "shop", &web(2, 1).replace("image", "imgae"));
    controller.ask(&["sync"]).ends(1, &["unknown key `imgae`"]);
    assert_eq!(image(&stage, "web"), "skep-demo/web:2");
    assert_eq!(image(&stage, "shop"), "skep-demo/web:1");
    let report = controller.report();
    let source = source(&report, "main");
    assert!(source["revision"].as_str().unwrap().contains(&bad[..12]), "{source}");
    let finding = &source["findings"][0];
    let place = &finding["place"];
    let file = format!("{}/stack.yaml", stage.name("shop"));
    assert!(place["file"].as_str().unwrap().ends_with(&file), "{finding}");
    assert!(place["line"].as_u64().unwrap() > 1, "{finding}");
    let shop = stack(&report, &stage, "shop");
    assert_eq!(shop["condition"], "Stalled");
    assert!(shop["last_attempted_revision"].as_str().unwrap().contains(&first[..12]), "{shop}");

    // History is rewritten, and forced upon everybody.
    origin.git(&["checkout", "--quiet", "--orphan", "other"]);
    push(&origin, &stage, "shop", &web(3, 1));
    origin.git(&["branch", "--force", "main", "other"]);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    assert_eq!(image(&stage, "shop"), "skep-demo/web:3");
    origin.git(&["checkout", "--quiet", "main"]);

    // A stack vanishes, and then all of them.
    fs::remove_dir_all(origin.work().join("stacks").join(stage.name("web"))).unwrap();
    origin.commit("Without the web");
    controller.ask(&["sync"]).ends(5, &["guard-whole-stack"]);
    fs::remove_dir_all(origin.work().join("stacks").join(stage.name("shop"))).unwrap();
    origin.write("stacks/README", "Nothing.\n");
    origin.commit("Empty");
    controller.ask(&["sync"]).ends(5, &["no stacks at all"]);
    origin.git(&["checkout", "--quiet", "other"]);
    origin.git(&["branch", "--delete", "--force", "main"]);
    controller.says("has no branch `main`");
    assert_eq!(stage.names("service"), ["shop_web", "web_web"]);

    origin.git(&["checkout", "--quiet", "-b", "main"]);
    push(&origin, &stage, "web", &web(3, 1));
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    assert_eq!(image(&stage, "web"), "skep-demo/web:3");
}

#[test]
fn a_start_without_the_git_server_puts_drift_right_and_nothing_else() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let origin = Origin::empty();
    for name in ["shop", "web"] {
        push(&origin, &stage, name, &web(1, 1));
    }
    let daemon = Server::git_daemon(&origin);
    let port = daemon.port();
    let settings = format!(
        "sources: [{{ name: main, git: {{ url: 'git://127.0.0.1:{port}/stacks.git', path: stacks }} }}]
prune: true
intervals: {{ poll: 1s, retry: 2s }}"
    );
    let controller = Running::with(&stage, &settings);
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    drop((controller, daemon));
    // Meanwhile somebody else applies a newer commit of one stack, and changes the other by hand.
    push(&origin, &stage, "web", &web(2, 1));
    stage.stack("web", &web(2, 1));
    stage.stack("shop", &web(1, 1));
    let stacks = stage.stacks();
    let newer = [
        "apply",
        stacks.to_str().unwrap(),
        "--source",
        "main",
        "--yes",
        "--resolve-image",
        "never",
    ];
    stage.skep(&newer).ends(0, &["1 updated"]);
    engine.docker(&["service", "scale", "-d", &format!("{}=2", stage.name("shop_web"))]);

    let mut controller = Running::again(&stage);
    controller.says("source main cannot be read");
    eventually(20, "drift is put right", || {
        let mode = &stage.service("shop_web")["Spec"]["Mode"];
        (mode["Replicated"]["Replicas"] == 1).then_some(())
    });
    let asked = controller.ask(&["sync"]);
    asked.ends(1, &["only drift from it is put right", "may not be the newest"]);
    assert_eq!(image(&stage, "web"), "skep-demo/web:2", "what is newer is not undone");
    let report = controller.report();
    assert!(source(&report, "main")["stale_since"].is_string(), "{report}");
    assert_eq!(stack(&report, &stage, "web")["condition"], "Retrying");

    let daemon = Server::git_daemon_at(port, &origin);
    controller.says(&format!("stack {} is Ready", stage.name("web")));
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    assert!(source(&controller.report(), "main")["stale_since"].is_null());
    // A cache that is gone leaves nothing to go by, and nothing is touched.
    drop((controller, daemon));
    fs::remove_dir_all(stage.folder().join("state/git")).unwrap();
    let mut controller = Running::again(&stage);
    controller.says("source main cannot be read");
    assert_eq!(stage.names("service"), ["shop_web", "web_web"]);
}
