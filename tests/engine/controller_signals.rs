//! The end of a controller: in the middle of a step, at once, by `kill -9`; and what the next one makes of it.

use std::time::{Duration, Instant};

use http::StatusCode;
use rustix::process::Signal;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::proxy::{Fault, Proxy};
use crate::running::Running;
use crate::stage::Stage;

/// More services than are written at the same time, none with a task to wait for.
fn many() -> String {
    let service =
        |n: u32| format!("  s{n}: {{ image: 'skep-demo/web:1', deploy: {{ replicas: 0 }} }}\n");
    ["services:\n".to_owned()].into_iter().chain((0..12).map(service)).collect()
}

/// A controller in the middle of writing `many` services, each of which takes `late`.
fn in_the_middle<'s, 'e>(stage: &'s Stage<'e>, proxy: &Proxy, late: Duration) -> Running<'s, 'e> {
    stage.stack("shop", &many());
    proxy.inject(move |call| (call.endpoint() == "/services/create").then_some(Fault::Late(late)));
    let controller = Running::start(stage, "");
    eventually(20, "services are written", || (begun(proxy) > 0).then_some(()));
    controller
}

/// How many services somebody has begun to write.
fn begun(proxy: &Proxy) -> usize {
    proxy.writes().iter().filter(|call| call.endpoint() == "/services/create").count()
}

#[test]
fn the_first_signal_finishes_the_steps_under_way_and_begins_no_other() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    let proxy = Proxy::before(&engine.url);
    stage.through(&proxy);
    let mut controller = in_the_middle(&stage, &proxy, Duration::from_secs(2));
    controller.signal(Signal::TERM);
    controller.says("stopping after the write that is under way");
    assert_eq!(controller.ended(), 0);
    let written = stage.names("service").len();
    assert!((1..=4).contains(&written), "{written} services");
    assert_eq!(begun(&proxy), written, "what was begun was finished");

    proxy.inject(|_| None);
    let marks = stage.objects();
    let next = Running::again(&stage);
    next.ask(&["sync", "--wait"]).ends(0, &[]);
    let after = stage.objects();
    assert_eq!(stage.names("service").len(), 12);
    assert!(
        marks
            .iter()
            .filter(|(name, _)| name.starts_with("service"))
            .all(|(name, mark)| after[name] == *mark)
    );
}

#[test]
fn the_second_signal_ends_it_at_once_and_the_next_one_converges() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    let proxy = Proxy::before(&engine.url);
    stage.through(&proxy);
    let mut controller = in_the_middle(&stage, &proxy, Duration::from_secs(60));
    controller.signal(Signal::INT);
    controller.says("stopping after the write that is under way");
    let signalled = Instant::now();
    controller.signal(Signal::INT);
    assert_eq!(controller.ended(), 130);
    assert!(signalled.elapsed() < Duration::from_secs(2), "{:?}", signalled.elapsed());
    proxy.inject(|_| None);
    let next = Running::again(&stage);
    next.ask(&["sync", "--wait"]).ends(0, &[]);
    assert_eq!(stage.names("service").len(), 12);
    // `kill -9` is nothing else: its socket and lock do not keep the next one out.
    next.signal(Signal::KILL);
    drop(next);
    let last = Running::again(&stage);
    last.ask(&["sync", "--wait"]).ends(0, &[]);
}

#[test]
fn a_controller_that_is_started_again_and_again_tries_what_fails_once_a_time() {
    let Some(engine) = Engine::of_this_run() else { return };
    let mut stage = Stage::on(&engine);
    let proxy = Proxy::before(&engine.url);
    stage.through(&proxy);
    stage.stack(
        "shop",
        "services: { web: { image: 'skep-demo/web:1', deploy: { replicas: 0 } } }\n",
    );
    proxy.inject(|call| {
        let fault = Fault::Answer(StatusCode::INTERNAL_SERVER_ERROR, "out of order");
        (call.endpoint() == "/services/create").then_some(fault)
    });
    for _ in 0..3 {
        proxy.forget();
        let mut controller = Running::start(&stage, "");
        controller.says("out of order");
        controller.signal(Signal::KILL);
        drop(controller);
        let calls = proxy.calls();
        assert_eq!(begun(&proxy), 1, "{calls:?}");
        assert!(calls.len() < 25, "{calls:?}");
    }
}
