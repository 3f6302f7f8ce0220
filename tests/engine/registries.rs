//! Images of a registry that wants a password, and of one that is in trouble.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::own::Own;
use crate::registry::{FIRST, Registry, SECOND, Trouble, USER, forget};
use crate::stage::{Run, Stage, changes};

/// A stage whose stack runs an image of a registry beside the engine.
struct Private<'e> {
    stage: Stage<'e>,
    registry: Registry<'e>,
    image: String,
}

const STACK: &str = "
services:
  web:
    image: IMAGE
    command: [sleep]
    stop_grace_period: 1s
    deploy: { <<: *quick }
";

impl<'e> Private<'e> {
    fn on(engine: &'e Engine) -> Self {
        let (stage, registry) = (Stage::on(engine), Registry::beside(engine));
        let image = registry.push("skep-demo/web:1", "team/web:1");
        let private = Self { stage, registry, image };
        private.stage.stack("shop", &STACK.replace("IMAGE", &private.image));
        private
    }

    /// The program, with images resolved.
    fn command(&self, arguments: &[&str]) -> Command {
        self.stage.command(&[arguments, &["stacks"]].concat())
    }

    fn skep(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap(), arguments)
    }

    /// Puts a file into the folder above `stacks`, which is the home of whoever runs the program.
    fn file(&self, path: &str, text: &str) {
        let path = self.stage.stacks().join("..").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Logs in through `skep.yaml`, with the password in a file beside it.
    fn log_in_by_settings(&self, password: &str) {
        let host = self.registry.host();
        let settings = format!(
            "registries:\n  - {{ host: '{host}', username: {USER}, password_file: password }}\n"
        );
        self.file("skep.yaml", &settings);
        self.file("password", &format!("{password}\n"));
    }

    fn plan(&self, options: &[&str]) -> Value {
        let run = self.skep(&[&["plan", "--format", "json"], options].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
    }

    /// Runs it, and fails the test unless it ends with `code` and says all of `words`, however it breaks its lines.
    #[track_caller]
    fn says(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let run = self.skep(arguments);
        says(&run, code, words);
    }

    /// What the service's tasks run, digest and all.
    fn live_image(&self) -> String {
        let service = self.stage.service("shop_web");
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"].as_str().unwrap().to_owned()
    }
}

#[track_caller]
fn says(run: &Run, code: i32, words: &[&str]) {
    assert_eq!(run.code, code, "{run}");
    let text = run.text().split_whitespace().collect::<Vec<_>>().join(" ");
    for words in words {
        assert!(text.contains(words), "{words:?} is not in {run}");
    }
}

#[test]
fn a_private_image_is_pulled_with_credentials_from_docker_a_helper_and_the_settings() {
    let Some(engine) = Engine::of_this_run() else { return };
    let private = Private::on(&engine);
    let Private { stage, registry, image } = &private;
    let host = registry.host();

    let words = ["image-denied", &format!("no credentials for {host} are known"), "docker login"];
    private.says(&["apply", "--yes"], 5, &words);
    assert_eq!(stage.names("service"), [""; 0]);

    let docker = fs::read_to_string(registry.docker_config() + "/config.json").unwrap();
    let helper = format!(
        "#!/bin/sh\nread -r server\n[ \"$1 $server\" = 'get {host}' ] || exit 1\n\
         echo '{{\"ServerURL\":\"{host}\",\"Username\":\"{USER}\",\"Secret\":\"{}\"}}'\n",
        FIRST.0
    );
    private.file("bin/docker-credential-vault", &helper);
    let path = stage.stacks().join("../bin");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path.join("docker-credential-vault"), executable).unwrap();
    let helpers = json!({"credHelpers": {&host: "vault"}}).to_string();
    for (config, settings) in [(docker, false), (helpers, false), ("{}".to_owned(), true)] {
        private.file("docker/config.json", &config);
        if settings {
            private.log_in_by_settings(FIRST.0);
        }
        let mut apply = private.command(&["apply", "--yes"]);
        apply
            .env("DOCKER_CONFIG", "docker")
            .env("PATH", format!("{}:/usr/bin:/bin", path.display()));
        let run = Run::of(apply.output().unwrap(), &["apply"]);
        run.ends(0, &["healthy"]);
        let digest = format!("{image}@sha256:");
        assert!(private.live_image().starts_with(&digest), "{}", private.live_image());
        stage.clear("shop");
        registry.forget(image);
    }
}

#[test]
fn an_image_is_pinned_as_docker_stack_deploy_pins_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let private = Private::on(&engine);
    let Private { stage, registry, image } = &private;
    private.log_in_by_settings(FIRST.0);
    private.says(&["apply", "--yes"], 0, &["healthy"]);
    let file = format!(
        "services: {{ web: {{ image: '{image}', networks: [default] }} }}\nnetworks: {{ default: {{ external: true, name: bridge }} }}\n"
    );
    stage.file("shop", "docker.yaml", format!("version: '3.8'\n{file}"));
    let path = stage.path("shop", "docker.yaml");
    let like = stage.name("like");
    engine.docker(&[
        "--config",
        &registry.docker_config(),
        "stack",
        "deploy",
        "--with-registry-auth",
        "--detach",
        "--compose-file",
        path.to_str().unwrap(),
        &like,
    ]);
    let pinned = |service: &Value| {
        let template = &service["Spec"]["TaskTemplate"];
        (template["ContainerSpec"]["Image"].clone(), template["Placement"].clone())
    };
    let (ours, docker) = (stage.service("shop_web"), stage.service("like_web"));
    assert_eq!(pinned(&ours), pinned(&docker));
    assert!(pinned(&ours).1["Platforms"][0]["OS"].is_string(), "{ours}");
}

#[test]
fn wrong_credentials_are_a_standing_hold_that_names_the_registry() {
    let Some(engine) = Engine::of_this_run() else { return };
    let private = Private::on(&engine);
    let host = private.registry.host();
    private.log_in_by_settings(SECOND.0);
    let plan = private.plan(&[]);
    let hold = &changes(&plan)[&format!("service {}", private.stage.name("shop_web"))]["holds"][0];
    assert_eq!((&hold["code"], &hold["class"]), (&json!("image-denied"), &json!("standing")));
    let words = format!("{host} does not give us");
    assert!(hold["reason"].as_str().unwrap().starts_with(&words), "{hold}");
    let words = format!("docker login {host} with an account");
    assert!(hold["unblock"].as_str().unwrap().starts_with(&words), "{hold}");

    fs::remove_file(private.stage.stacks().join("../password")).unwrap();
    let words = ["image-denied", "without credentials: cannot read password", "registry-login"];
    private.says(&["plan"], 0, &words);

    // Whoever writes the stacks names no file of this machine.
    private.file(
        "stacks/skep.yaml",
        &format!(
            "registries: [{{ host: '{host}', username: {USER}, password_file: ../password }}]"
        ),
    );
    private.file("password", FIRST.0);
    private.says(&["plan"], 0, &["image-denied", "is not below"]);
    private.says(&["plan", "--config", "stacks/skep.yaml"], 0, &["Plan: 2 creates"]);
}

#[test]
fn an_image_that_cannot_be_had_ends_an_apply_with_the_exit_code_of_guards() {
    let Some(engine) = Engine::of_this_run() else { return };
    let private = Private::on(&engine);
    private.log_in_by_settings(SECOND.0);
    private.says(&["apply", "--yes"], 5, &["image-denied", "docker login"]);
    private.log_in_by_settings(FIRST.0);
    private.stage.stack("shop", &STACK.replace("IMAGE", &format!("{}.1", private.image)));
    private.says(&["apply", "--yes"], 5, &["image-not-found", "push the image"]);
    assert!(private.stage.names("service").is_empty());
}

#[test]
fn a_changed_password_reaches_swarm_without_a_restart() {
    let Some(engine) = Engine::of_this_run() else { return };
    let private = Private::on(&engine);
    let Private { stage, registry, image } = &private;
    private.log_in_by_settings(FIRST.0);
    private.says(&["apply", "--yes"], 0, &["healthy"]);
    let tasks: BTreeSet<String> = stage.tasks("shop_web").into_keys().collect();

    registry.let_in(SECOND);
    private.log_in_by_settings(SECOND.0);
    let change = changes(&private.plan(&[])).remove(&format!("service {}", stage.name("shop_web")));
    let change = change.unwrap();
    assert_eq!(change["causes"], json!(["credentials"]), "{change}");
    assert_eq!(change["effect"]["kind"], "in-place", "{change}");
    private.says(&["apply", "--yes"], 0, &["credentials"]);
    assert_eq!(stage.tasks("shop_web").into_keys().collect::<BTreeSet<_>>(), tasks);
    assert_eq!(changes(&private.plan(&[])).len(), 0);

    // A new task pulls with the new password, which Swarm has from us.
    registry.forget(image);
    let name = stage.name("shop_web");
    engine.docker(&["service", "update", "--quiet", "--force", &name]);
    let tasks = stage.tasks("shop_web");
    assert!(tasks.values().all(|task| task["Status"]["State"] == "running"), "{tasks:?}");

    // From a machine without credentials nothing changes.
    fs::remove_file(stage.stacks().join("../skep.yaml")).unwrap();
    assert_eq!(changes(&private.plan(&[])).len(), 0);
}

#[test]
fn a_second_node_pulls_with_the_credentials_that_swarm_was_given_last() {
    if Engine::of_this_run().is_none() {
        return;
    }
    let Some(first) = Own::up("test-pull-a", &[]) else { return };
    let Some(second) = Own::up("test-pull-b", &["--join", "test-pull-a"]) else { return };
    first.import_images();
    let mut private = Private::on(&first.engine);
    private.registry.also_beside(&second.engine);
    let there =
        STACK.replace("*quick }", "*quick, placement: { constraints: [node.role == worker] } }");
    private.stage.stack("shop", &there.replace("IMAGE", &private.image));
    private.log_in_by_settings(FIRST.0);
    private.says(&["apply", "--yes"], 0, &["healthy"]);

    private.registry.let_in(SECOND);
    private.log_in_by_settings(SECOND.0);
    private.says(&["apply", "--yes"], 0, &["credentials"]);
    forget(&second.engine, &private.image);
    let name = private.stage.name("shop_web");
    first.engine.docker(&["service", "update", "--quiet", "--force", &name]);
    let tasks = private.stage.tasks("shop_web");
    assert!(tasks.values().all(|task| task["Status"]["State"] == "running"), "{tasks:?}");
    let pulled = second.engine.docker(&["image", "ls", "--quiet"]);
    assert!(!pulled.is_empty(), "it runs on the second node");
}

#[test]
fn an_image_that_becomes_public_takes_no_credentials_along() {
    let Some(engine) = Engine::of_this_run() else { return };
    let private = Private::on(&engine);
    let stage = &private.stage;
    private.log_in_by_settings(FIRST.0);
    private.says(&["apply", "--yes"], 0, &["healthy"]);
    let label = |stage: &Stage<'_>| {
        stage.service("shop_web")["Spec"]["Labels"]["skep.registry-login"].clone()
    };
    assert!(label(stage).is_string());
    stage.stack("shop", &STACK.replace("IMAGE", "skep-demo/web:1"));
    private.says(&["apply", "--yes", "--resolve-image", "never"], 0, &["healthy"]);
    assert_eq!(label(stage), Value::Null);

    // Back at the private image without sending anything: if Swarm had kept the credentials, it could pull.
    private.registry.forget(&private.image);
    let (name, image) = (stage.name("shop_web"), private.image.as_str());
    let update = ["service", "update", "--detach", "--no-resolve-image", "--image", image, &name];
    engine.docker(&update);
    let error = crate::eventually::eventually(60, "the pull is refused", || {
        let tasks = engine.get("/tasks");
        let errors = tasks.as_array().unwrap().iter().filter_map(|task| {
            let ours = task["Spec"]["ContainerSpec"]["Image"] == *image;
            task["Status"]["Err"].as_str().filter(|_| ours).map(str::to_owned)
        });
        errors.max()
    });
    assert!(error.contains("No such image") || error.contains("no basic auth"), "{error}");
}

#[test]
fn a_registry_in_trouble_takes_no_image_away() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut private = Private::on(&engine);
    private.log_in_by_settings(FIRST.0);
    private.says(&["apply", "--yes"], 0, &["healthy"]);
    let before = private.live_image();
    for (trouble, words) in [
        (Trouble::TooManyRequests, "toomanyrequests"),
        (Trouble::Silent, "did not answer within 20 s"),
    ] {
        private.registry.trouble(trouble);
        private.says(&["apply", "--yes", "--resolve-image", "always"], 0, &["image-kept", words]);
        assert_eq!(private.live_image(), before);
    }
    // What has no digest yet waits for the registry, unless the only node has the image.
    private.registry.trouble(Trouble::TooManyRequests);
    let other = format!("{}/team/other:1", private.registry.host());
    private.stage.stack("shop", &STACK.replace("IMAGE", &other));
    private.says(&["apply", "--yes", "--no-wait"], 4, &["image-unavailable"]);
    assert_eq!(private.live_image(), before);
}

#[test]
fn a_locked_tag_means_the_same_until_it_is_locked_anew() {
    let Some(engine) = Engine::of_this_run() else { return };
    let private = Private::on(&engine);
    let Private { stage, registry, image } = &private;
    private.log_in_by_settings(FIRST.0);
    private.says(&["lock", "--check"], 1, &[&format!("+ {image} is not locked")]);
    private.says(&["lock"], 0, &[&format!("+ {image} sha256:")]);
    let lock = || fs::read_to_string(stage.stacks().join("images.lock")).unwrap();
    let first = lock();
    private.says(&["apply", "--yes"], 0, &["healthy"]);
    let pinned = private.live_image();
    assert!(first.contains(pinned.split_once('@').unwrap().1), "{first} {pinned}");
    assert_eq!(changes(&private.plan(&[])).len(), 0);

    // The tag moves, and nobody asks for it.
    registry.push("skep-demo/web:2", "team/web:1");
    for mode in ["changed", "always", "never"] {
        assert_eq!(changes(&private.plan(&["--resolve-image", mode])).len(), 0, "{mode}");
    }
    private.says(&["render"], 0, &[&pinned]);
    private.says(&["lock"], 0, &["is as the stack files need it"]);
    assert_eq!(lock(), first);
    private.says(&["lock", "--update-image", image], 0, &[&format!("~ {image} sha256:")]);
    let change = changes(&private.plan(&[])).remove(&format!("service {}", stage.name("shop_web")));
    let change = change.unwrap();
    assert_eq!(change["causes"], json!(["git"]), "{change}");
    private.says(&["apply", "--yes"], 0, &["healthy"]);
    assert_ne!(private.live_image(), pinned);
    assert_eq!(changes(&private.plan(&[])).len(), 0);

    // What no file names goes, and what cannot be asked for leaves the file as it is.
    let second = lock();
    let other = format!("{}/team/other:1", registry.host());
    stage.stack("shop", &STACK.replace("IMAGE", &other));
    private.says(&["lock"], 1, &["the registry does not know", "Nothing was written."]);
    assert_eq!(lock(), second);
    registry.push("skep-demo/web:1", "team/other:1");
    private.says(&["lock"], 0, &[&format!("+ {other}"), &format!("- {image} is in no stack file")]);
    private.says(&["lock", "--check"], 0, &[]);

    private.file("stacks/images.lock", "version: 1\nimages:\n  a:1: {digest: sha256:12}\n");
    for command in ["plan", "render", "lock", "validate"] {
        private.says(&[command], 1, &["lock-entry", "images.lock:3:17"]);
    }
}
