//! Nodes that die, are cut off, drained or paused: what skep says is what is, and all is well again without help.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cluster::{Cluster, Truth, healthy, watch};
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::killed::is_soak;
use crate::own::Own;
use crate::proxy::Proxy;
use crate::stage::{Run, Stage, holds};

fn stack(stage: &Stage<'_>, args: &str, deploy: &str) {
    let text = "
services:
  web:
    image: skep-demo/web:1
    command: [ARGS]
    stop_grace_period: 1s
    deploy: { <<: *quick, DEPLOY }
";
    stage.stack("shop", &text.replace("ARGS", args).replace("DEPLOY", deploy));
}

#[test]
fn a_worker_that_dies_during_a_rollout_delays_it_and_nothing_else() {
    let Some(cluster) = Cluster::whole() else { return };
    let engine = cluster.manager();
    let stage = Stage::on(engine);
    // Tasks that die with their node are failures of the update, and the default is to tolerate none.
    let spread = "replicas: 6, placement: { preferences: [{ spread: node.hostname }] }, update_config: { monitor: 1s, max_failure_ratio: 0.5 }";
    stack(&stage, "sleep", spread);
    stage.apply_well(&[]);
    let name = stage.name("shop_web");
    assert_eq!(Truth::of(engine, &name).nodes.len(), 6);

    stack(&stage, "sleep, well", spread);
    let arguments = ["apply", "stacks", "--yes", "--resolve-image", "never", "--timeout", "180s"];
    let mut apply = stage.command(&arguments);
    let apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    watch(&stage, engine, "shop_web", "the rollout is under way", |_, truth| {
        truth.old > 0 && (2..6).contains(&truth.ready)
    });
    let victim = cluster.node(2);
    victim.killer()();
    cluster.is(victim, "down");
    watch(&stage, engine, "shop_web", "the others do its work", |_, truth| {
        truth.ready + truth.old == 6 && !truth.nodes.contains(&victim.name.to_owned())
    });
    // Whether Swarm goes on without the node is chance: it waits for ever for a task that it had just given to it.
    victim.revive();
    cluster.are_all_ready();
    watch(&stage, engine, "shop_web", "the rollout is complete", healthy);
    Run::of(apply.wait_with_output().unwrap(), &arguments).ends(0, &["healthy"]);
    stage.apply_well(&[]).ends(0, &["Nothing was written."]);
}

#[test]
fn a_rollout_on_a_node_that_dies_times_out_with_the_nodes_state_and_goes_on_when_it_is_back() {
    let Some(cluster) = Cluster::whole() else { return };
    let engine = cluster.manager();
    let stage = Stage::on(engine);
    // The new task comes first, so that it is the one that Swarm waits for.
    let there = "placement: { constraints: [node.hostname == test-three] }, update_config: { order: start-first, monitor: 1s, failure_action: rollback, max_failure_ratio: 1 }";
    stack(&stage, "sleep", there);
    stage.apply_well(&[]);
    let node = cluster.node(2);
    node.killer()();
    // Before its managers know, Swarm would give it the new task, take that away again, and wait for it even afterwards.
    cluster.is(node, "down");
    stack(&stage, "sleep, well", there);
    let run = stage.apply(&["--timeout", "20s"]);
    run.ends(4, &["timed out (0/1, ", "test-three is down"]);
    let service = stage.service("shop_web");
    assert_eq!(service["UpdateStatus"]["State"], "updating", "Swarm itself waits without end");
    let said = stage.said("shop_web");
    assert!(said["obstacles"].to_string().contains("node-unavailable"), "{said:#}");
    stage.apply(&["--timeout", "1s"]).ends(4, &["Nothing was written.", "test-three is down"]);

    node.revive();
    cluster.are_all_ready();
    watch(&stage, engine, "shop_web", "it goes on by itself", healthy);
    assert_eq!(holds(&stage.plan(&[])), [""; 0], "nothing is held against the release");
    stage.apply_well(&[]);
}

/// Releases something on two nodes, one task after the other, does something to the node of the first, and expects that
/// Swarm rolls the release back and skep gives the reason and remembers nothing.
#[track_caller]
fn rolled_back_through_no_fault(cluster: &Cluster, disturb: impl FnOnce(&Own), reason: &str) {
    let engine = cluster.manager();
    let stage = Stage::on(engine);
    let stack = |command: &str| {
        let text = "
x-place: &place { constraints: [node.labels.web == yes] }
services:
  web:
    image: skep-demo/web:1
    command: [COMMAND]
    stop_grace_period: 1s
    deploy:
      <<: *quick
      replicas: 2
      placement: *place
      update_config: { order: start-first, monitor: 120s, delay: 60s, failure_action: rollback }
  near: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick, mode: global, placement: *place } }
";
        stage.stack("shop", &text.replace("COMMAND", command));
    };
    let nodes = ["test-two", "test-three"];
    for node in nodes {
        engine.docker(&["node", "update", "--label-add", "web=yes", node]);
    }
    stack("sleep");
    stage.apply_well(&["--no-wait"]);
    for service in ["shop_web", "shop_near"] {
        watch(&stage, engine, service, "it runs", |_, truth| truth.ready == 2);
    }
    stack("sleep, well");
    let arguments = ["apply", "stacks", "--yes", "--resolve-image", "never", "--timeout", "120s"];
    let mut apply = stage.command(&arguments);
    let apply = apply.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (_, truth) = watch(&stage, engine, "shop_web", "one is new", |_, truth| truth.ready == 1);
    let victim = if truth.nodes == ["test-two"] { 1 } else { 2 };
    disturb(cluster.node(victim));
    let run = Run::of(apply.wait_with_output().unwrap(), &arguments);
    let because = format!("Swarm rolled this release back because node {} ", truth.nodes[0]);
    run.ends(4, &[&because, reason, "nothing is remembered"]);
    assert_eq!(holds(&stage.plan(&[])), [""; 0], "the next run may try again: {run}");
    // The nodes stay for the next test. Swarm itself writes them, too, while they change.
    for node in nodes {
        eventually(20, "the label is gone", || {
            let format = "{{index .Spec.Labels \"web\"}}";
            let label = engine.docker(&["node", "inspect", "--format", format, node]);
            if label.trim().is_empty() {
                return Some(());
            }
            engine.try_docker(&["node", "update", "--label-rm", "web", node]).map(|_| ())
        });
    }
}

#[test]
fn a_rollback_because_a_node_died_is_not_held_against_the_release() {
    let Some(cluster) = Cluster::whole() else { return };
    let die = |node: &Own| {
        node.killer()();
        cluster.is(node, "down");
        // It tells of what it lost when it is back.
        node.revive();
    };
    rolled_back_through_no_fault(&cluster, die, "went away");
}

#[test]
fn a_rollback_because_an_engine_was_started_again_is_not_held_against_the_release() {
    let Some(cluster) = Cluster::whole() else { return };
    let restart = |node: &Own| {
        node.killer()();
        node.revive();
    };
    rolled_back_through_no_fault(&cluster, restart, "went away");
}

#[test]
fn a_rollback_because_a_node_was_drained_or_changed_is_not_held_against_the_release() {
    let Some(cluster) = Cluster::whole() else { return };
    let drain = |node: &Own| cluster.set(node.name, "drain");
    rolled_back_through_no_fault(&cluster, drain, "is drained");
    for name in ["test-two", "test-three"] {
        cluster.set(name, "active");
    }
    let change = |node: &Own| {
        cluster.manager().docker(&["node", "update", "--label-rm", "web", node.name]);
    };
    rolled_back_through_no_fault(&cluster, change, "was changed and does not fit any more");
}

#[test]
fn a_drained_node_gives_its_tasks_away_and_skep_says_when_they_are_there() {
    let Some(cluster) = Cluster::whole() else { return };
    let engine = cluster.manager();
    let stage = Stage::on(engine);
    stack(&stage, "sleep", "replicas: 3");
    stage.apply_well(&[]);
    let name = stage.name("shop_web");
    assert_eq!(Truth::of(engine, &name).nodes, ["test-one", "test-three", "test-two"]);
    let before = stage.objects();

    cluster.set("test-two", "drain");
    let moved = |truth: &Truth| !truth.nodes.contains(&"test-two".to_owned());
    watch(&stage, engine, "shop_web", "its task is elsewhere", |said, truth| {
        moved(truth) && healthy(said, truth)
    });
    stage.apply_well(&[]);
    cluster.set("test-two", "active");
    stage.apply_well(&[]);
    watch(&stage, engine, "shop_web", "all is well", healthy);
    assert_eq!(stage.objects(), before, "tasks moved, and nothing was written");
}

#[test]
fn what_ran_on_a_node_that_is_cut_off_is_not_called_healthy_and_comes_back_with_it() {
    let Some(cluster) = Cluster::whole() else { return };
    let engine = cluster.manager();
    let stage = Stage::on(engine);
    stage.stack(
        "shop",
        "
services:
  here: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick, placement: { constraints: [node.hostname == test-two] } } }
  everywhere: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick, mode: global } }
",
    );
    stage.apply_well(&[]);
    let before = stage.objects();
    let node = cluster.node(1);
    node.cut();
    cluster.is(node, "down");
    let (said, _) = watch(&stage, engine, "shop_here", "Swarm seeks another node", |said, _| {
        said["failure"]["error"].as_str().is_some_and(|error| error.contains("no suitable node"))
    });
    assert_eq!((&said["health"], &said["ready"]), (&"Progressing".into(), &0.into()), "{said:#}");
    // A global service has as many tasks as there are nodes.
    let (said, truth) =
        watch(&stage, engine, "shop_everywhere", "the others are all there are", healthy);
    assert_eq!((&said["wanted"], truth.ready), (&2.into(), 2));
    let here = format!("{}/here", stage.name("shop"));
    let unread = ["the log of here cannot be read whole: ", "node "];
    stage.skep(&["logs", &here]).ends(1, &unread);
    let words =
        ["no suitable node", "test-two is down", "node.hostname == test-two does not hold on"];
    stage.apply(&["--timeout", "3s"]).ends(4, &words);
    assert_eq!(stage.objects(), before);

    node.mend();
    watch(&stage, engine, "shop_here", "it is back", healthy);
    watch(&stage, engine, "shop_everywhere", "it is everywhere", |said, truth| {
        truth.ready == 3 && healthy(said, truth)
    });
    stage.apply_well(&[]);
    assert_eq!(stage.objects(), before, "nobody helped");
}

#[test]
fn what_no_node_can_take_is_pending_in_swarms_words_and_goes_on_when_one_can() {
    let Some(cluster) = Cluster::whole() else { return };
    let engine = cluster.manager();
    let stage = Stage::on(engine);
    stage.stack(
        "shop",
        "
x-web: &web { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s }
services:
  label: { <<: *web, deploy: { <<: *quick, placement: { constraints: [node.labels.disk == ssd] } } }
  memory: { <<: *web, deploy: { <<: *quick, resources: { reservations: { memory: 900G } } } }
  paused: { <<: *web, deploy: { <<: *quick, placement: { constraints: [node.hostname == test-three] } } }
",
    );
    cluster.set("test-three", "pause");
    stage.apply(&["--timeout", "3s"]).ends(
        4,
        &[
            "no suitable node (scheduling constraints not satisfied on 2 nodes;",
            "insufficient resources on 2 nodes",
            "node.labels.disk == ssd does not hold on test-one, test-two",
            "900 GiB of memory reserved, at most ",
            "test-three is paused",
        ],
    );
    for service in ["shop_label", "shop_memory", "shop_paused"] {
        let (said, _) = watch(&stage, engine, service, "it is judged", |_, _| true);
        let error = said["failure"]["error"].as_str().unwrap_or_default();
        assert!(error.starts_with("no suitable node ("), "{said:#}");
        assert_eq!(said["health"], "Progressing");
    }

    cluster.set("test-three", "active");
    engine.docker(&["node", "update", "--label-add", "disk=ssd", "test-two"]);
    for (service, node) in [("shop_paused", "test-three"), ("shop_label", "test-two")] {
        let (_, truth) = watch(&stage, engine, service, "it has found a node", healthy);
        assert_eq!(truth.nodes, [node]);
    }
    engine.docker(&["node", "update", "--label-rm", "disk", "test-two"]);
    watch(&stage, engine, "shop_label", "its node is no longer suitable", |_, truth| {
        truth.ready == 0
    });
}

/// Enough writes to die between them.
const SHOP: &str = "
services:
  web: { image: 'skep-demo/web:1', command: [sleep], configs: [plain], stop_grace_period: 1s, deploy: { <<: *quick, replicas: 2 } }
  api: { image: 'skep-demo/web:1', command: [sleep], depends_on: [web], stop_grace_period: 1s, deploy: { <<: *quick } }
  late: { image: 'skep-demo/web:1', command: [sleep], depends_on: [api], stop_grace_period: 1s, deploy: { <<: *quick } }
configs: { plain: { content: plain } }
";

#[test]
fn a_leader_that_dies_during_an_apply_is_waited_for_and_without_one_nothing_is_believed() {
    if !is_soak() {
        eprintln!("skipped: elections take minutes; scripts/soak has them");
        return;
    }
    let Some(cluster) = Cluster::whole() else { return };
    cluster.manager().docker(&["node", "promote", "test-two", "test-three"]);
    let role = |engine: &Engine, name: &str| {
        let format = "{{with .ManagerStatus}}{{.Leader}} {{.Reachability}}{{end}}";
        engine.try_docker(&["node", "inspect", "--format", format, name])
    };
    for name in ["test-two", "test-three"] {
        eventually(60, "it is a manager", || {
            role(cluster.manager(), name)?.ends_with(" reachable\n").then_some(())
        });
    }
    assert!(
        role(cluster.manager(), "test-one").unwrap().contains("true"),
        "the first manager leads"
    );
    let [leader, other, last] = [0, 1, 2].map(|number| cluster.node(number));

    let proxy = Proxy::before(&other.engine.url);
    let mut stage = Stage::on(&other.engine);
    stage.through(&proxy);
    stage.stack("shop", SHOP);
    let (kill, writes) = (leader.killer(), AtomicUsize::new(0));
    // The record, the config, the first service; the third write finds nobody.
    proxy.inject(move |call| {
        if call.writes() && writes.fetch_add(1, Ordering::Relaxed) == 2 {
            kill();
        }
        None
    });
    stage.apply_well(&["--timeout", "90s"]);
    proxy.inject(|_| None);
    eventually(60, "another one leads", || other.engine.try_docker(&["node", "ls"]).map(|_| ()));
    stage.apply_well(&[]);
    let ids = |stage: &Stage<'_>| -> Vec<String> {
        stage.objects().into_values().map(|mark| mark.id).collect()
    };
    let before = ids(&stage);
    assert_eq!(stage.names("service"), ["shop_api", "shop_late", "shop_web"]);
    assert_eq!(stage.names("config").len(), 1);
    for service in ["shop_web", "shop_api", "shop_late"] {
        watch(&stage, &other.engine, service, "it is healthy", healthy);
    }

    // Two of three managers are gone: nobody knows anything.
    let leads = role(&other.engine, other.name).unwrap().contains("true");
    let (left, lost) = if leads { (last, other) } else { (other, last) };
    // A leader that lost the others goes on answering for a while; one that followed does not.
    lost.killer()();
    stage.host(&left.engine.url);
    eventually(60, "there is no leader", || {
        left.engine.try_docker(&["node", "ls"]).is_none().then_some(())
    });
    for arguments in [
        &["status"][..],
        &["plan", "stacks", "--prune"],
        &["apply", "stacks", "--yes", "--prune", "--timeout", "5s"],
    ] {
        let run = stage.skep(arguments);
        run.ends(1, &["error:"]);
        assert!(run.text().contains("leader") || run.text().contains("deadline"), "{run}");
        assert!(!run.text().contains("No changes"), "{run}");
    }

    leader.revive();
    lost.revive();
    eventually(60, "there is a leader again", || {
        left.engine.try_docker(&["node", "ls"]).map(|_| ())
    });
    cluster.are_all_ready();
    for service in ["shop_web", "shop_api", "shop_late"] {
        watch(&stage, &left.engine, service, "it is healthy again", healthy);
    }
    stage.apply_well(&["--prune"]).ends(0, &["Nothing was written."]);
    // A new leader writes services itself, so that their versions have moved.
    assert_eq!(ids(&stage), before, "nothing was lost, and nothing made twice");
}
