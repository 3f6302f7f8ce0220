//! What skep makes of a stack file is what `docker stack deploy` makes of it, and taking it over restarts nothing.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::alike::assert_same;
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::published::assert_published;
use crate::stage::{Stage, changes};

/// A stack of a live system: a proxy in one task and an API in two, which use what was made by hand.
struct Live {
    /// The stack file.
    file: &'static str,
    /// The proxy and the API.
    services: [&'static str; 2],
    /// The image of each, and the variable that has its tag.
    images: [(&'static str, &'static str); 2],
    secrets: &'static [&'static str],
}

/// One of our own.
const LIBRARY: Live = Live {
    file: "tests/fixtures/live/stack.yaml",
    services: ["front", "lending-api"],
    images: [
        ("registry.example/library/front", "FRONT_RELEASE"),
        ("registry.example/library/lending", "LENDING_RELEASE"),
    ],
    secrets: &["catalogue-url_v2", "signing-key", "mail-token", "archive-user", "archive-password"],
};

/// A real one, which the project does not contain.
const HUB: Live = Live {
    file: "aubg/docker-swarm-stack.yml",
    services: ["web", "py-api"],
    images: [
        ("ghcr.io/aubgthehub/monolith-web", "WEB_GIT_COMMIT_HASH"),
        ("ghcr.io/aubgthehub/monolith-backend", "PY_API_GIT_COMMIT_HASH"),
    ],
    secrets: &[
        "db-url_v2",
        "secret-key",
        "resend-api-key",
        "aws-access-key-id",
        "aws-secret-access-key",
        "aws-default-region",
        "aws-bucket",
    ],
};

const TAG: &str = "1f2e3d4";

impl Live {
    fn own(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.file)
    }

    /// Its stack file in the folder of inputs, if that is there.
    fn given(&self) -> Option<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let inputs =
            env::var("SKEP_INPUTS").map_or_else(|_| root.join("../shared/inputs"), PathBuf::from);
        let file = inputs.join(self.file);
        if !file.is_file() {
            eprintln!("skipped: there is no {}; SKEP_INPUTS names the folder", file.display());
            return None;
        }
        Some(file)
    }
}

/// A live system as docker deployed it. Its names are its own and its ports the standard ones, so that there is only one
/// at a time.
struct Deployed<'e> {
    // The stage goes first: what is deployed must be gone before the secrets can go.
    stage: Stage<'e>,
    engine: &'e Engine,
    live: &'static Live,
    _alone: File,
}

impl<'e> Deployed<'e> {
    fn on(engine: &'e Engine, live: &'static Live, file: &Path) -> Self {
        let alone = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("live-system.lock"));
        let alone = alone.unwrap();
        alone.lock().unwrap();
        let stage = Stage::on(engine);
        let variables = live.images.map(|(image, variable)| {
            engine.docker(&["tag", "skep-demo/web:1", &format!("{image}:{TAG}")]);
            (variable, TAG)
        });
        stage.file("hub", "secret", "x");
        let value = stage.path("hub", "secret");
        for secret in live.secrets {
            engine.docker(&["secret", "create", secret, value.to_str().unwrap()]);
        }
        stage.file("hub", "stack.yaml", fs::read(file).unwrap());
        stage.file(
            "hub",
            ".env",
            variables.map(|(name, value)| format!("{name}={value}\n")).concat(),
        );
        stage.docker_deploy(engine, "hub", &variables);
        Self { stage, engine, live, _alone: alone }
    }
}

impl Drop for Deployed<'_> {
    fn drop(&mut self) {
        self.stage.clear("hub");
        for secret in self.live.secrets {
            self.engine.try_docker(&["secret", "rm", secret]);
        }
    }
}

/// Made by skep, the services are those that docker made.
fn is_the_same_from_both(live: &'static Live, file: &Path) {
    let Some(engine) = Engine::of_this_run() else { return };
    let deployed = Deployed::on(&engine, live, file);
    let stage = &deployed.stage;
    let from_docker = stage.services_of(&engine, "hub");
    assert_eq!(from_docker.len(), 2);
    stage.clear("hub");

    // Its health checks want a shell, so that nobody waits for health here.
    eventually(30, "everything is made", || {
        stage.apply(&["--no-wait"]);
        changes(&stage.plan(&[])).is_empty().then_some(())
    });
    assert_same(&stage.services_of(&engine, "hub"), &from_docker);
}

/// Taken over by skep, the services get their labels, and the tasks are those that docker started.
fn is_taken_over(live: &'static Live, file: &Path) {
    let Some(engine) = Engine::of_this_run() else { return };
    let deployed = Deployed::on(&engine, live, file);
    let stage = &deployed.stage;
    let [proxy, api] = live.services.map(|service| format!("hub_{service}"));
    let up = || {
        [&proxy, &api].map(|name| -> Vec<String> {
            let tasks = stage.tasks(name).into_iter();
            tasks
                .filter(|(_, task)| task["Status"]["State"] == "starting")
                .map(|(id, _)| id)
                .collect()
        })
    };
    let tasks = eventually(60, "three containers have started", || {
        let tasks = up();
        (tasks[0].len() == 1 && tasks[1].len() == 2).then_some(tasks)
    });

    let plan = stage.plan(&[]);
    for service in [&proxy, &api] {
        let change = &changes(&plan)[&format!("service {}", stage.name(service))];
        assert_eq!(change["action"], "adopt");
        assert_eq!(change["effect"]["kind"], "in-place");
        assert_eq!(change.get("fields"), None);
    }
    stage.apply(&["--no-wait"]);
    stage.apply(&["--no-wait"]);
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());
    assert_eq!(stage.service(&proxy)["Spec"]["Labels"]["skep.stack"], stage.name("hub"));
    assert_eq!(up(), tasks);
}

#[test]
fn a_stack_like_a_live_one_is_the_same_from_docker_and_from_skep() {
    is_the_same_from_both(&LIBRARY, &LIBRARY.own());
}

#[test]
fn a_stack_like_a_live_one_is_taken_over_without_a_restart() {
    is_taken_over(&LIBRARY, &LIBRARY.own());
}

#[test]
fn a_live_systems_services_are_the_same_from_docker_and_from_skep() {
    let Some(file) = HUB.given() else { return };
    is_the_same_from_both(&HUB, &file);
}

#[test]
fn a_live_system_is_taken_over_without_a_restart() {
    let Some(file) = HUB.given() else { return };
    is_taken_over(&HUB, &file);
}

/// As much of docker's schema as one service takes.
pub(crate) const EVERYTHING: &str = "
version: '3.12'
services:
  all:
    image: skep-demo/web:1
    entrypoint: [/web]
    command: sleep --long 'and quoted'
    environment: { B: '2', A: $$1, EMPTY: '' }
    labels: { on.the: container }
    hostname: '{{.Node.Hostname}}'
    user: 1:2
    working_dir: /
    stop_signal: SIGINT
    stop_grace_period: 1s
    init: true
    tty: true
    stdin_open: true
    read_only: true
    cap_add: [NET_ADMIN]
    cap_drop: [ALL]
    dns: [9.9.9.9, 1.1.1.1]
    dns_search: [example.org]
    extra_hosts: ['b:10.0.0.9', 'a:10.0.0.8']
    sysctls: { net.core.somaxconn: '64' }
    ulimits: { nproc: 50, nofile: { soft: 100, hard: 200 } }
    logging: { driver: json-file, options: { max-size: 1m } }
    healthcheck: { test: /web healthcheck, interval: 2s, timeout: 1s, retries: 4, start_period: 3s }
    networks: { back: { aliases: [z, a] }, front: {} }
    configs: [plain, { source: plain, target: /etc/b, uid: '1', gid: '2', mode: 0440 }]
    secrets: [key, { source: key, target: other, mode: 0400 }]
    ports:
      - 18000-18001:80-81/udp
      - { target: 8080, published: 18002, protocol: tcp, mode: host }
    volumes:
      - data:/data:ro
      - /proc:/host/proc:ro,rslave
      - { type: tmpfs, target: /run/x, tmpfs: { size: 1048576 } }
      - { type: volume, source: data, target: /sub, volume: { nocopy: true } }
    deploy:
      replicas: 0
      labels: { on.the: service }
      update_config: { parallelism: 2, delay: 1s, failure_action: rollback, monitor: 7s, max_failure_ratio: 0.1, order: start-first }
      rollback_config: { parallelism: 0, failure_action: continue, monitor: 6s, max_failure_ratio: 0.25 }
      resources:
        limits: { cpus: '0.5', memory: 64M, pids: 50 }
        reservations: { cpus: '0.1', memory: 32M, generic_resources: [{ discrete_resource_spec: { kind: gpu, value: 2 } }] }
      restart_policy: { condition: on-failure, delay: 1s, max_attempts: 3, window: 1m }
      placement: { constraints: [node.role == manager], preferences: [{ spread: node.labels.zone }], max_replicas_per_node: 2 }
  node: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { mode: global, placement: { constraints: [node.role != manager] } } }
  lone: { image: skep-demo/web, deploy: { endpoint_mode: dnsrr, replicas: 0 } }
  job: { image: 'skep-demo/web:1', command: [job], deploy: { mode: replicated-job, replicas: 0 } }
networks: { front: { attachable: true }, back: { internal: true } }
configs: { plain: { file: plain.txt } }
secrets: { key: { file: key.txt } }
volumes: { data: { labels: { on.the: volume } } }
";

#[test]
fn all_of_dockers_keys_make_the_same_services_from_docker_and_from_skep() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.exact_stack("all", EVERYTHING);
    stage.file("all", "plain.txt", "plain\n");
    stage.file("all", "key.txt", "key\n");
    stage.docker_deploy(&engine, "all", &[]);
    let from_docker = stage.services_of(&engine, "all");
    assert_eq!(from_docker.len(), 4);

    // Taken over, nothing changes; the job is not even written to.
    let plan = stage.plan(&[]);
    for (key, change) in changes(&plan) {
        assert!(change.get("fields").is_none(), "{key}: {change:#}");
        assert!(
            change["action"] == "adopt" || key.starts_with("config skep_"),
            "{key}: {change:#}"
        );
    }
    assert!(!changes(&plan).contains_key(&format!("service {}", stage.name("all_job"))));
    stage.apply_well(&[]);
    assert_same(&stage.services_of(&engine, "all"), &from_docker);
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());

    // Made anew, it is the same but for ids and hashes.
    stage.clear("all");
    stage.apply_well(&[]);
    assert_same(&stage.services_of(&engine, "all"), &from_docker);
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());
    let observed = stage.skep(&["observe"]);
    assert_published("observe", &serde_json::from_str(&observed.stdout).unwrap());
}

#[test]
fn capitals_blanks_and_dockers_own_labels_make_the_same_services_from_docker_and_from_skep() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = "
version: '3.12'
services:
  web:
    image: skep-demo/web:1
    ports: [{ target: 53, published: 18010, protocol: UDP, mode: HOST }, { target: 80, published: 18011, protocol: '' }]
    networks: [back]
    deploy:
      mode: ''
      replicas: 0
      labels: { com.docker.stack.namespace: other, com.docker.stack.image: other, own: label }
      restart_policy: { condition: '' }
      update_config: { failure_action: '' }
      rollback_config: { failure_action: '' }
networks: { back: { labels: { com.docker.stack.namespace: other } } }
";
    stage.exact_stack("spelt", stack);
    stage.docker_deploy(&engine, "spelt", &[]);
    let from_docker = stage.services_of(&engine, "spelt");
    let plan = stage.plan(&[]);
    for (key, change) in changes(&plan) {
        assert!(change.get("fields").is_none(), "{key}: {change:#}");
    }
    stage.apply_well(&[]);
    assert_same(&stage.services_of(&engine, "spelt"), &from_docker);
}

#[test]
fn a_job_that_has_completed_does_not_run_again_when_its_stack_is_taken_over() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = "
version: '3.12'
services:
  migrate:
    image: skep-demo/web:1
    command: [job]
    configs: [plain]
    deploy: { mode: replicated-job, restart_policy: { condition: on-failure } }
  web:
    image: skep-demo/web:1
    healthcheck: { test: [CMD, /web, healthcheck], interval: 500ms }
    stop_grace_period: 1s
    secrets: [key]
    deploy: { replicas: 2, update_config: { monitor: 1s } }
configs: { plain: { file: plain.txt } }
secrets: { key: { file: key.txt } }
";
    stage.exact_stack("old", stack);
    stage.file("old", "plain.txt", "plain\n");
    stage.file("old", "key.txt", "key\n");
    stage.docker_deploy(&engine, "old", &[]);
    let both = || [stage.tasks("old_migrate"), stage.tasks("old_web")];
    let state = |tasks: &[BTreeMap<String, Value>; 2]| -> Vec<(String, String)> {
        let all = tasks.iter().flatten();
        all.map(|(id, task)| (id.clone(), task["Status"]["State"].as_str().unwrap().to_owned()))
            .collect()
    };
    let before = eventually(60, "the job is done and both tasks run", || {
        let tasks = both();
        let done = tasks[0].values().any(|task| task["Status"]["State"] == "complete");
        let up = tasks[1].values().filter(|task| task["Status"]["State"] == "running").count();
        (done && up == 2).then(|| state(&tasks))
    });
    let job = stage.service("old_migrate");

    let text = stage.skep(&["plan", "stacks", "--resolve-image", "never"]);
    text.ends(0, &["adopt", "in place"]);
    assert!(!text.stdout.contains("rolls"), "{text}");
    let planned = changes(&stage.plan(&[]));
    assert!(!planned.contains_key(&format!("service {}", stage.name("old_migrate"))));
    stage.apply_well(&[]);
    assert_eq!(state(&both()), before);
    assert_eq!(stage.service("old_migrate"), job);
    assert_eq!(changes(&stage.plan(&[])), BTreeMap::new());
}
