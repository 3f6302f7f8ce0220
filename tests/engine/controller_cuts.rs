//! The controller without its git server, without its engine, and without both: it goes on by itself, and in peace.

use std::env;
use std::thread;
use std::time::Duration;

use crate::controller::web;
use crate::controller_git::{image, push, source};
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::origin::Origin;
use crate::own::Own;
use crate::proxy::Proxy;
use crate::running::Running;
use crate::server::Server;
use crate::stage::Stage;

/// How long each of them is away: a minute in `scripts/soak`.
fn outage() -> Duration {
    Duration::from_secs(if env::var_os("SKEP_SOAK").is_some() { 60 } else { 4 })
}

/// A controller whose stacks come from a git server, and whose engine is behind a proxy.
struct Cut<'e> {
    origin: Origin,
    proxy: Proxy,
    stage: Stage<'e>,
}

impl<'e> Cut<'e> {
    fn before(engine: &'e Engine) -> Self {
        let (origin, proxy) = (Origin::empty(), Proxy::before(&engine.url));
        let mut stage = Stage::on(engine);
        stage.through(&proxy);
        push(&origin, &stage, "shop", &web(1, 1));
        Self { origin, proxy, stage }
    }

    fn start(&self, port: u16) -> Running<'_, 'e> {
        let settings = format!(
            "sources: [{{ name: main, git: {{ url: 'git://127.0.0.1:{port}/stacks.git', path: stacks }} }}]
intervals: {{ poll: 2s, retry: 1m }}"
        );
        let controller = Running::with(&self.stage, &settings);
        controller.ask(&["sync", "--wait"]).ends(0, &[]);
        // What is heard of the last writes is over.
        thread::sleep(Duration::from_secs(2));
        controller
    }

    /// Cuts the engine off, and tells how many tried to reach it meanwhile.
    fn without_engine(&self, meanwhile: impl FnOnce()) -> usize {
        self.proxy.cut();
        meanwhile();
        self.proxy.forget();
        self.proxy.mend()
    }

    /// How often each of the four kinds was listed since the engine is back.
    fn lists(&self) -> [usize; 4] {
        let calls = self.proxy.calls();
        ["/services", "/networks", "/configs", "/secrets"]
            .map(|kind| calls.iter().filter(|call| call.endpoint() == kind).count())
    }

    /// How often somebody may try while something is away for `outage`: after 1 s, 2 s, 4 s and so on.
    fn attempts() -> usize {
        usize::try_from(outage().as_secs().ilog2()).unwrap() + 3
    }
}

/// Both are away, one of them first; a commit and drift of meanwhile are made good when the second one is back.
fn both_away(is_engine_first: bool) {
    let Some(engine) = Engine::of_this_run() else { return };
    let cut = Cut::before(&engine);
    let daemon = Server::git_daemon(&cut.origin);
    let port = daemon.port();
    let mut controller = cut.start(port);
    if is_engine_first {
        cut.proxy.cut();
        thread::sleep(outage());
        drop(daemon);
    } else {
        drop(daemon);
        controller.says("source main cannot be read");
        thread::sleep(outage());
        cut.proxy.cut();
    }
    push(&cut.origin, &cut.stage, "shop", &web(2, 1));
    engine.docker(&["service", "scale", "-d", &format!("{}_web=2", cut.stage.name("shop"))]);
    thread::sleep(outage());
    cut.proxy.forget();
    let daemon;
    if is_engine_first {
        cut.proxy.mend();
        // The last good revision is still known.
        eventually(20, "drift is put right", || {
            let mode = &cut.stage.service("shop_web")["Spec"]["Mode"];
            (mode["Replicated"]["Replicas"] == 1).then_some(())
        });
        assert_eq!(image(&cut.stage, "shop"), "skep-demo/web:1");
        daemon = Server::git_daemon_at(port, &cut.origin);
    } else {
        daemon = Server::git_daemon_at(port, &cut.origin);
        eventually(90, "the source is read again", || {
            source(&controller.report(), "main")["failure"].is_null().then_some(())
        });
        assert!(controller.report()["trouble"]["reason"].is_string());
        cut.proxy.mend();
    }
    eventually(90, "the commit of meanwhile rolls", || {
        (image(&cut.stage, "shop") == "skep-demo/web:2").then_some(())
    });
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    assert!(daemon.connections() < 20, "{} connections", daemon.connections());
    let updates = cut.proxy.writes().into_iter().filter(|call| call.path.contains("/services/"));
    let most = if is_engine_first { 2 } else { 1 };
    assert_eq!(updates.count(), most);
}

#[test]
fn engine_and_git_server_are_away_the_engine_first() {
    both_away(true);
}

#[test]
fn engine_and_git_server_are_away_the_git_server_first() {
    both_away(false);
}

#[test]
fn an_engine_that_was_away_or_killed_costs_one_comparison_of_everything_and_no_storm() {
    let Some(own) = Own::up("test-controller", &[]) else { return };
    own.import_images();
    let cut = Cut::before(&own.engine);
    let daemon = Server::git_daemon(&cut.origin);
    let mut controller = cut.start(daemon.port());
    let before = cut.stage.objects();
    let knocks = cut.without_engine(|| thread::sleep(outage()));
    // There was nothing to compare; events are what was asked for.
    assert!((1..=Cut::attempts()).contains(&knocks), "{knocks} attempts");
    controller.says("pass (gap): nothing to write");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(cut.lists(), [1; 4], "{}", controller.since());
    assert_eq!(cut.proxy.writes(), []);
    assert_eq!(cut.stage.objects(), before);

    own.killer()();
    push(&cut.origin, &cut.stage, "shop", &web(2, 1));
    controller.says("the Swarm cannot be observed");
    own.revive();
    controller.says("the Swarm can be observed again");
    eventually(60, "the commit of meanwhile runs", || {
        let run = controller.ask(&["sync", "--wait"]);
        (run.code == 0).then_some(())
    });
    assert_eq!(image(&cut.stage, "shop"), "skep-demo/web:2");
    let marks = cut.stage.objects();
    controller.ask(&["sync"]).ends(0, &[]);
    assert_eq!(cut.stage.objects(), marks);
}
