//! What Swarm can only make again: networks with all that is on them, services with another name, volumes not at all.

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::Proxy;
use crate::stage::{Stage, changes, holds};

/// Three kinds of services on a network with the option `MTU`. The second is healthy only while it reaches the first, and
/// Swarm would roll back a release that is not.
const SHOP: &str = "
services:
  db: { image: 'skep-demo/web:1', command: [database], networks: [back], stop_grace_period: 1s, deploy: { <<: *quick, replicas: 2, endpoint_mode: dnsrr } }
  web:
    image: skep-demo/web:1
    networks: [back]
    environment: { DATABASE: 'db:8080' }
    healthcheck: { test: [CMD, /web, healthcheck], interval: 500ms, timeout: 2s, retries: 2, start_period: 10s }
    stop_grace_period: 1s
    deploy: { mode: global, update_config: { monitor: 1s, failure_action: rollback }, restart_policy: { delay: 500ms } }
  migrate:
    image: skep-demo/web:1
    command: [job]
    networks: [back]
    deploy: { mode: replicated-job, restart_policy: { condition: none } }
  apart: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick } }
networks:
  back: { driver_opts: { com.docker.network.driver.mtu: 'MTU' } }
  default: { external: true, name: bridge }
";

/// Another stack, with a service on the network of the first one.
const BLOG: &str = "
services:
  app: { image: 'skep-demo/web:1', command: [sleep], networks: [back], stop_grace_period: 1s, deploy: { <<: *quick } }
networks: { back: { external: true, name: %shop_back } }
";

fn with_mtu(stage: &Stage<'_>, mtu: &str) {
    stage.stack("shop", &SHOP.replace("MTU", mtu));
}

fn mtu(engine: &Engine, stage: &Stage<'_>) -> Value {
    let network = engine.get(&format!("/networks/{}", stage.name("shop_back")));
    network["Options"]["com.docker.network.driver.mtu"].clone()
}

/// How many tasks of a service there ever were.
fn tasks_ever(engine: &Engine, stage: &Stage<'_>, service: &str) -> usize {
    engine.tasks(&stage.name(service)).len()
}

#[test]
fn services_leave_a_network_that_is_made_again_and_restart_once() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    with_mtu(&stage, "1400");
    stage.stack("blog", BLOG);
    stage.apply_well(&[]);
    let apart = stage.service("shop_apart");
    let before = stage.objects();
    let first: Vec<String> = stage.tasks("shop_db").into_keys().collect();

    with_mtu(&stage, "1300");
    stage.apply(&[]).ends(5, &["replace-not-allowed", "--allow-replace"]);
    assert_eq!(stage.objects(), before, "nothing leaves before it is allowed");
    let plan = stage.plan(&["--allow-replace"]);
    let plan = changes(&plan);
    let effect =
        |kind: &str, name: &str| plan[&format!("{kind} {}", stage.name(name))]["effect"].clone();
    assert_eq!(effect("network", "shop_back"), json!({"kind": "downtime", "tasks": 4}));
    assert_eq!(effect("service", "shop_db"), json!({"kind": "downtime", "tasks": 2}));
    assert_eq!(effect("service", "blog_app"), json!({"kind": "downtime", "tasks": 1}));
    assert_eq!(effect("service", "shop_migrate")["kind"], "runs-job");

    stage.apply_well(&["--allow-replace"]);
    assert_eq!(mtu(&engine, &stage), "1300");
    let networks = |service: &str| {
        let service = stage.service(service);
        service["Spec"]["TaskTemplate"]["Networks"].as_array().map_or(0, Vec::len)
    };
    for service in ["shop_db", "shop_web", "shop_migrate", "blog_app"] {
        assert_eq!(networks(service), 1, "{service}");
    }
    let ever = |service: &str| tasks_ever(&engine, &stage, service);
    // Swarm forgets the tasks of replicas that go, and keeps one of a node.
    assert_eq!((ever("shop_db"), ever("shop_web"), ever("blog_app")), (2, 2, 1));
    let same = first.iter().filter(|id| stage.tasks("shop_db").contains_key(*id)).count();
    assert_eq!(same, 0, "every task is a new one");
    assert_eq!(ever("shop_migrate"), 1, "it is another one, and has run once");
    assert_eq!(stage.service("shop_apart"), apart, "who is not on it is left alone");
    assert_eq!(changes(&stage.plan(&[])).len(), 0);
    proxy.forget();
    stage.apply_well(&["--allow-replace"]);
    assert_eq!(proxy.writes(), []);
}

#[test]
fn a_network_that_others_are_on_stays_with_everybody_on_it() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", BLOG_ALONE);
    stage.apply_well(&[]);
    let guest = stage.name("guest");
    let network = stage.name("shop_back");
    let options = ["--replicas", "0", "--network", &network, "skep-demo/web:1"];
    engine.docker_service(&guest, &options);
    let before = stage.objects();
    stage.stack("shop", &BLOG_ALONE.replace("internal: false", "internal: true"));
    let words = ["network-in-use", &guest, "service update --network-rm"];
    stage.apply(&["--allow-replace"]).ends(5, &words);
    assert_eq!(stage.objects(), before);
    engine.docker(&["service", "update", "--detach", "--network-rm", &network, &guest]);
    stage.apply_well(&["--allow-replace"]);
    assert_eq!(engine.get(&format!("/networks/{network}"))["Internal"], true);
}

/// One service on a network that others can be on, too.
const BLOG_ALONE: &str = "
services:
  app: { image: 'skep-demo/web:1', networks: [back], deploy: { replicas: 0 } }
networks: { back: { attachable: true, internal: false } }
";

#[test]
fn a_container_that_somebody_attached_keeps_a_network_as_it_is() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", BLOG_ALONE);
    stage.apply_well(&[]);
    let container = stage.name("by-hand");
    let network = stage.name("shop_back");
    let run = ["run", "--detach", "--name", &container, "--network", &network, "skep-demo/web:1"];
    engine.docker(&[&run[..], &["sleep"]].concat());
    stage.stack("shop", &BLOG_ALONE.replace("internal: false", "internal: true"));
    let words = ["cannot be made again", "network inspect --verbose"];
    stage.apply(&["--allow-replace"]).ends(5, &words);
    let networks = &stage.service("shop_app")["Spec"]["TaskTemplate"]["Networks"];
    assert_eq!(networks.as_array().map(Vec::len), Some(1), "it came back to the old one");
    engine.docker(&["rm", "--force", &container]);
    // Swarm needs a moment to see that it has left.
    eventually(30, "the network is made again", || {
        (stage.apply(&["--allow-replace"]).code == 0).then_some(())
    });
    assert_eq!(engine.get(&format!("/networks/{network}"))["Internal"], true);
}

#[test]
fn without_the_consent_a_replacement_that_was_begun_goes_back() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    stage.stack("shop", BLOG_ALONE);
    stage.apply_well(&[]);
    stage.stack("shop", &BLOG_ALONE.replace("internal: false", "internal: true"));
    // One pass: the service has left, the network is still there.
    stage.apply(&["--allow-replace", "--no-wait"]).ends(4, &[]);
    let networks = || stage.service("shop_app")["Spec"]["TaskTemplate"]["Networks"].clone();
    assert_eq!(networks(), Value::Null);
    stage.apply(&[]).ends(5, &["--allow-replace"]);
    assert_eq!(networks().as_array().map(Vec::len), Some(1), "it is back on the old one");
    assert_eq!(holds(&stage.plan(&[])), ["replace-not-allowed"]);
}

#[test]
fn a_renamed_service_hands_its_port_over() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |name: &str, more: &str| {
        let text = format!(
            "
services:
  {name}: {{ image: 'skep-demo/web:1', ports: ['18099:8080'], {more} stop_grace_period: 1s, deploy: {{ <<: *quick, replicas: 0 }} }}
"
        );
        stage.stack("shop", &text);
    };
    stack("web", "");
    stage.apply_well(&[]);
    stack("site", "x-skep: { previous_name: web },");
    stage.apply(&[]).ends(5, &["which publishes port 18099/tcp", "replace-not-allowed"]);
    assert_eq!(stage.names("service"), ["shop_web"]);
    stage.apply_well(&["--allow-replace"]);
    assert_eq!(stage.names("service"), ["shop_site"]);
    assert_eq!(changes(&stage.plan(&[])).len(), 0);
}

/// Two services, of two stacks where they are named so, that run and publish the ports.
fn two(stage: &Stage<'_>, stacks: [&str; 2], ports: [u32; 2]) {
    let service = |name: &str, port: u32| {
        format!(
            "  {name}: {{ image: 'skep-demo/web:1', stop_grace_period: 1s, ports: ['{port}:8080'], deploy: {{ <<: *quick }} }}\n"
        )
    };
    let [one, other] = [service("web", ports[0]), service("api", ports[1])];
    if stacks[0] == stacks[1] {
        stage.stack(stacks[0], &format!("services:\n{one}{other}"));
    } else {
        stage.stack(stacks[0], &format!("services:\n{one}"));
        stage.stack(stacks[1], &format!("services:\n{other}"));
    }
}

#[test]
fn services_that_swap_their_ports_do_so_once_it_is_allowed() {
    let Some(engine) = Engine::of_this_run() else { return };
    for (stacks, [one, other]) in
        [(["shop", "shop"], [18097, 18098]), (["shop", "blog"], [18095, 18096])]
    {
        let proxy = Proxy::before(&engine.url);
        let mut stage = Stage::on(&engine);
        stage.through(&proxy);
        two(&stage, stacks, [one, other]);
        stage.apply_well(&[]);
        let before = stage.objects();
        two(&stage, stacks, [other, one]);
        let words = [
            "replace-not-allowed",
            "in turn: one of them would publish nothing for a moment",
            "--allow-replace",
        ];
        stage.apply(&[]).ends(5, &words);
        assert_eq!(stage.objects(), before, "nothing moves before it is allowed");
        proxy.forget();
        let run = stage.apply_well(&["--allow-replace"]);
        assert!(run.text().contains("gives up port"), "{run}");
        let writes = proxy.calls().iter().filter(|call| call.writes_an_object()).count();
        assert_eq!(writes, 3, "one of them is written twice: {run}");
        let published =
            |service: &str| stage.service(service)["Endpoint"]["Ports"][0]["PublishedPort"].clone();
        let names = [format!("{}_web", stacks[0]), format!("{}_api", stacks[1])];
        assert_eq!([published(&names[0]), published(&names[1])], [json!(other), json!(one)]);
        assert_eq!(changes(&stage.plan(&[])).len(), 0);
    }
}

#[test]
fn a_volume_with_other_options_is_warned_of_and_stays() {
    let Some(engine) = Engine::of_this_run() else { return };
    let stage = Stage::on(&engine);
    let stack = |options: &str| {
        let text = format!(
            "
services:
  db: {{ image: 'skep-demo/web:1', command: [sleep], volumes: ['data:/data'], stop_grace_period: 1s, deploy: {{ <<: *quick }} }}
volumes: {{ data: {{ {options} }} }}
"
        );
        stage.stack("shop", &text);
    };
    stack("");
    stage.apply_well(&[]);
    let volume = stage.name("shop_data");
    let made = engine.get(&format!("/volumes/{volume}"));
    stack("driver_opts: { type: tmpfs, device: tmpfs, o: 'size=canary' }");
    for command in ["plan", "apply"] {
        let arguments = [command, "stacks", "--resolve-image", "never"];
        let yes: &[&str] = if command == "apply" { &["--yes", "--no-wait"] } else { &[] };
        let run = stage.skep(&[&arguments[..], yes].concat());
        let text = run.text().split_whitespace().collect::<Vec<_>>().join(" ");
        let words =
            format!("volume {volume} exists on this node with other options `device`, `o`, `type`");
        assert!(text.contains(&words) && text.contains("volume-differs"), "{run}");
        assert!(!text.contains("size=canary exists"), "{run}");
    }
    assert_eq!(engine.get(&format!("/volumes/{volume}")), made);
}
