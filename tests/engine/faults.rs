//! An engine that answers badly: the program converges or says which request failed, and never removes what it only
//! cannot see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use crate::engine::Engine;
use crate::proxy::{Call, Fault, Proxy};
use crate::stage::{Stage, changes};
use crate::still::{STILL, WRITES, still};
use crate::world::world;

/// [`STILL`] after a release that changes, makes and removes something of every kind.
const RELEASED: &str = "
services:
  web: { image: 'skep-demo/web:2', networks: [a, c], configs: [plain], secrets: [key], deploy: { replicas: 0 } }
  front: { image: 'skep-demo/web:1', networks: [c], deploy: { replicas: 0 } }
networks: { a: {}, c: {} }
configs: { plain: { content: other } }
secrets: { key: { file: key.txt } }
";

const NO_LEADER: &str = "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online. Make sure more than half of the managers are online.";

const NO_NETWORK: &str = "network shop_c not found";

fn release(stage: &Stage<'_>) {
    stage.exact_stack("shop", RELEASED);
    stage.file("shop", "key.txt", "other\n");
}

fn lists(call: &Call, list: &str) -> bool {
    call.method == Method::GET && call.endpoint() == list
}

/// How many objects were written.
fn written(proxy: &Proxy) -> usize {
    proxy.calls().iter().filter(|call| call.writes_an_object()).count()
}

#[test]
fn a_list_that_fails_ends_a_run_with_its_name_and_without_a_write() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = still(&engine, &proxy);
    stage.apply_well(&[]);
    release(&stage);
    let before = stage.objects();
    let faults: [(Fault, &str); 5] = [
        (Fault::CutBefore, "the connection to"),
        (Fault::CutAfter, "the connection to"),
        (Fault::Half, "the engine's answer is not understood"),
        (
            Fault::Answer(StatusCode::INTERNAL_SERVER_ERROR, "broken"),
            "the engine failed (500): broken",
        ),
        (Fault::Answer(StatusCode::SERVICE_UNAVAILABLE, NO_LEADER), "the swarm has no leader"),
    ];
    for list in ["services", "networks", "configs", "secrets", "tasks", "nodes"] {
        for (fault, words) in faults.clone() {
            let endpoint = format!("/{list}");
            proxy.inject(move |call| lists(call, &endpoint).then(|| fault.clone()));
            proxy.forget();
            let run = stage.apply(&["--prune"]);
            run.ends(1, &[&format!("error: cannot list {list}"), words]);
            assert_eq!(proxy.writes(), [], "{run}");
        }
    }
    proxy.inject(|_| None);
    assert_eq!(stage.objects(), before);
}

#[test]
fn a_list_that_comes_back_empty_removes_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    thread::scope(|scope| {
        // What the end says: some lists cannot be empty, others are contradicted by the engine's other answers.
        for (list, words) in [
            ("services", "the engine lists nothing of that name"),
            ("networks", "cannot list networks"),
            ("configs", "the engine lists nothing of that name"),
            ("secrets", "the engine lists nothing of that name"),
            ("nodes", "cannot list nodes"),
        ] {
            let engine = &engine;
            scope.spawn(move || {
                let proxy = Proxy::before(&engine.url);
                let stage = still(engine, &proxy);
                stage.apply_well(&[]);
                release(&stage);
                stage.apply_well(&["--prune"]);
                let before = world(engine, &stage);
                assert!(before.len() > 8, "generations to roll back to are there: {before:?}");
                if list == "nodes" {
                    stage.exact_stack("shop", STILL);
                }
                let endpoint = format!("/{list}");
                proxy.inject(move |call| lists(call, &endpoint).then_some(Fault::Give("[]")));
                proxy.forget();
                let run = stage.apply(&["--prune"]);
                run.ends(1, &[words]);
                let writes = proxy.writes();
                assert!(writes.iter().all(|call| call.endpoint().ends_with("/create")), "{run}");
                assert_eq!(world(engine, &stage), before, "{run}");
                proxy.inject(|_| None);
            });
        }
    });
}

#[test]
fn a_service_that_no_list_shows_keeps_what_it_may_need() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    stage.exact_stack(
        "other",
        "services: { web: { image: 'skep-demo/web:1', deploy: { replicas: 0 } } }",
    );
    let stack = "services: { web: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, configs: [plain], deploy: { <<: *quick } } }\nconfigs: { plain: { content: TEXT } }";
    for text in ["one", "two"] {
        stage.stack("shop", &stack.replace("TEXT", text));
        stage.apply_well(&[]);
    }
    assert_eq!(stage.names("config").len(), 2, "one is there to roll back to");
    let before = stage.objects();
    stage.forget("shop");
    proxy.inject(|call| lists(call, "/services").then_some(Fault::Give("[]")));
    let options = ["--prune", "--prune-stacks", "--no-wait"];
    let run = stage.apply(&options);
    run.ends(4, &["waits until the list of services shows whose task"]);
    assert_eq!(stage.objects(), before);
    proxy.inject(|_| None);
    stage.apply_well(&["--prune", "--prune-stacks"]);
    assert!(stage.names("config").is_empty());
}

#[test]
fn a_write_that_fails_once_is_made_by_a_later_pass_and_one_whose_answer_is_lost_is_not_made_twice()
{
    let Some(engine) = Engine::of_this_run() else { return };
    let faults: [(&str, Fault, usize); 7] = [
        ("nothing", Fault::Late(Duration::ZERO), 0),
        ("cut before", Fault::CutBefore, 1),
        ("cut after", Fault::CutAfter, 0),
        ("half an answer", Fault::Half, 0),
        ("500", Fault::Answer(StatusCode::INTERNAL_SERVER_ERROR, "broken"), 1),
        ("no leader", Fault::Answer(StatusCode::SERVICE_UNAVAILABLE, NO_LEADER), 1),
        // As for a service whose network was made a moment before.
        ("not seen yet", Fault::Answer(StatusCode::INTERNAL_SERVER_ERROR, NO_NETWORK), 1),
    ];
    let undisturbed = {
        let proxy = Proxy::before(&engine.url);
        let stage = still(&engine, &proxy);
        stage.apply_well(&[]);
        release(&stage);
        proxy.forget();
        stage.apply_well(&["--prune"]);
        written(&proxy)
    };
    assert_eq!(undisturbed, 6, "network, config, secret, two services, and one that goes");
    thread::scope(|scope| {
        for (what, fault, more) in faults {
            let engine = &engine;
            scope.spawn(move || {
                for broken in 0..undisturbed {
                    let proxy = Proxy::before(&engine.url);
                    let stage = still(engine, &proxy);
                    stage.apply_well(&[]);
                    release(&stage);
                    proxy.forget();
                    let (fault, writes) = (fault.clone(), AtomicUsize::new(0));
                    proxy.inject(move |call| {
                        let breaks = call.writes_an_object()
                            && writes.fetch_add(1, Ordering::SeqCst) == broken;
                        breaks.then(|| fault.clone())
                    });
                    let run = stage.apply(&["--prune"]);
                    let what = format!("{what} at write {broken}: {run}");
                    assert_eq!(run.code, 0, "{what}");
                    assert_eq!(written(&proxy), undisturbed + more, "{what}");
                    assert_eq!(changes(&stage.plan(&["--prune"])), BTreeMap::new(), "{what}");
                }
            });
        }
    });
}

#[test]
fn a_note_that_fails_once_is_made_by_a_later_pass_and_one_that_always_fails_keeps_no_run_from_its_end()
 {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = still(&engine, &proxy);
    stage.apply_well(&[]);
    let noted = || {
        let record = engine.get(&format!("/configs/skep_{}_record", stage.fleet()));
        let labels = &record["Spec"]["Labels"];
        labels[format!("skep.applied.{}", stage.name("shop_web"))].clone()
    };
    let before = noted();
    for (failures, tries, is_noted) in [(usize::MAX, 3, false), (1, 2, true)] {
        let image = format!("web:{tries}', networks: [a, b]");
        stage.exact_stack("shop", &STILL.replace("web:1', networks: [a, b]", &image));
        proxy.forget();
        let notes = AtomicUsize::new(0);
        proxy.inject(move |call| {
            let fails = call.notes() && notes.fetch_add(1, Ordering::SeqCst) < failures;
            fails.then_some(Fault::Answer(StatusCode::INTERNAL_SERVER_ERROR, "broken"))
        });
        stage.apply_well(&[]);
        assert_eq!(proxy.calls().iter().filter(|call| call.notes()).count(), tries);
        assert_eq!(noted() != before, is_noted);
    }
}

#[test]
fn a_write_that_always_fails_ends_the_run_with_its_name() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = still(&engine, &proxy);
    let service = format!("service {}", stage.name("shop_api"));
    proxy.inject(|call| {
        let broken = call.endpoint() == "/services/create";
        broken.then_some(Fault::Answer(StatusCode::INTERNAL_SERVER_ERROR, "broken"))
    });
    let run = stage.apply(&[]);
    run.ends(1, &[&format!("cannot create {service}: the engine failed (500): broken"), "held"]);
    proxy.inject(|_| None);
    stage.apply_well(&[]);
}

#[test]
fn an_election_is_waited_for_and_a_swarm_that_stays_without_a_leader_ends_the_run() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = still(&engine, &proxy);
    stage.apply_well(&[]);
    let leaderless = || Fault::Answer(StatusCode::SERVICE_UNAVAILABLE, NO_LEADER);
    release(&stage);
    proxy.inject(move |call| call.writes().then(leaderless));
    let run = stage.apply(&["--timeout", "4s"]);
    run.ends(
        1,
        &["deferred", "error: cannot", "because: the swarm has no leader", "hint: bring back"],
    );
    // Far more refusals than a write that fails for another reason would get.
    let refusals = AtomicUsize::new(0);
    proxy.inject(move |call| {
        let refused = call.writes() && refusals.fetch_add(1, Ordering::SeqCst) < 30;
        refused.then(leaderless)
    });
    stage.apply_well(&["--prune"]);
    assert_eq!(changes(&stage.plan(&["--prune"])), BTreeMap::new());
}

#[test]
fn an_engine_that_takes_twenty_seconds_is_waited_for() {
    const DELAY: Duration = Duration::from_secs(20);
    let Some(engine) = Engine::of_this_run() else { return };
    thread::scope(|scope| {
        for slow in ["/services", "/services/create"] {
            let engine = &engine;
            scope.spawn(move || {
                let proxy = Proxy::before(&engine.url);
                let stage = still(engine, &proxy);
                let done = AtomicBool::new(false);
                proxy.inject(move |call| {
                    let first = call.endpoint() == slow && !done.swap(true, Ordering::SeqCst);
                    first.then_some(Fault::Late(DELAY))
                });
                let begun = Instant::now();
                let run = stage.apply_well(&[]);
                assert!(begun.elapsed() >= DELAY, "{run}");
                assert_eq!(written(&proxy), WRITES, "{run}");
            });
        }
    });
}

#[test]
fn a_lost_answer_is_told_and_not_taken_for_nothing() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let stage = still(&engine, &proxy);
    stage.apply_well(&[]);
    stage.exact_stack(
        "shop",
        &STILL.replace("web:1', networks: [a, b]", "web:2', networks: [a, b]"),
    );
    proxy.inject(|call| call.writes().then_some(Fault::CutAfter));
    stage.apply(&[]).ends(0, &["deferred", "cannot update service", "1 without an answer"]);
    proxy.inject(|_| None);
}

#[test]
fn tasks_that_no_list_shows_are_not_healthy() {
    let Some(engine) = Engine::of_this_run() else { return };
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    stage.stack(
        "shop",
        "services: { web: { image: 'skep-demo/web:1', command: [sleep], stop_grace_period: 1s, deploy: { <<: *quick } } }",
    );
    proxy.inject(|call| lists(call, "/tasks").then_some(Fault::Give("[]")));
    stage.apply(&["--timeout", "3s"]).ends(4, &["(0/1)"]);
    proxy.inject(|_| None);
    stage.apply_well(&[]);
}
