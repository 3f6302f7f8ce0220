//! `kill -9` at any moment of an apply: the next one ends where an undisturbed one would have, and no job runs again.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::Engine;
use crate::proxy::Proxy;
use crate::stage::{Stage, changes};
use crate::victim::{Moment, kill};
use crate::world::world;

/// How many fleets are disturbed at the same time.
const LANES: usize = 4;

/// A side, from which to the next an apply creates, updates, rotates, replaces and removes, makes a network again under
/// its service, and runs a job in the middle; and a job that is the same on all. No service has a task to wait for.
const SIDE: &str = "
services:
  web:
    image: 'skep-demo/web:1'
    environment: { SIDE: '@' }
    networks: [shared, own-@]
    configs: [plain]
    secrets: [key]
    depends_on: { migrate-@: { condition: service_completed_successfully } }
    deploy: { replicas: 0 }
  mode-b: { image: 'skep-demo/web:1', deploy: { MODE-b } }
  mode-c: { image: 'skep-demo/web:1', deploy: { MODE-c } }
  turned: { image: 'skep-demo/web:1', networks: [turned, shared], deploy: { replicas: 0 } }
  only-@: { image: 'skep-demo/web:1', networks: [own-@], deploy: { replicas: 0 } }
  migrate-@: { image: 'skep-demo/web:1', command: [job], deploy: { mode: replicated-job, restart_policy: { condition: none } } }
  once: { image: 'skep-demo/web:1', command: [job], deploy: { mode: replicated-job, restart_policy: { condition: none } } }
networks: { default: { external: true, name: bridge }, shared: {}, own-@: {}, turned: { driver_opts: { com.docker.network.driver.mtu: 'MTU' } } }
configs: { plain: { content: 'plain @' } }
secrets: { key: { file: key.txt } }
";

const APPLY: [&str; 7] =
    ["apply", "stacks", "--yes", "--prune", "--allow-replace", "--resolve-image", "never"];

/// The sides. What the one before the last had is neither used nor to be rolled back to: it goes.
const SIDES: [&str; 3] = ["a", "b", "c"];

/// One fleet that goes from side to side, and how it looks on each when nothing disturbs it.
struct Lane<'e> {
    engine: &'e Engine,
    proxy: Proxy,
    stage: Stage<'e>,
    side: usize,
    undisturbed: [BTreeMap<String, Value>; 3],
    /// The job that no side changes.
    once: Value,
    length: Length,
}

/// How long an undisturbed run is.
#[derive(Debug, Clone, Copy, Default)]
struct Length {
    requests: usize,
    writes: usize,
    time: Duration,
}

impl<'e> Lane<'e> {
    fn on(engine: &'e Engine) -> Self {
        let proxy = Proxy::before(&engine.url);
        let mut stage = Stage::on(engine);
        stage.through(&proxy);
        let mut lane = Self {
            engine,
            proxy,
            stage,
            side: 2,
            undisturbed: Default::default(),
            once: Value::Null,
            length: Length::default(),
        };
        // The first side has nothing to roll back to until it comes round again.
        for _ in 0..4 {
            lane.turn();
            lane.proxy.forget();
            let started = Instant::now();
            lane.stage.skep(&APPLY).ends(0, &[]);
            lane.length = Length {
                requests: lane.proxy.calls().len() + lane.proxy.greetings(),
                writes: lane.proxy.writes().len(),
                time: started.elapsed(),
            };
            lane.undisturbed[lane.side] = world(engine, &lane.stage);
        }
        lane.once = lane.stage.service("shop_once");
        lane
    }

    /// Declares the next side.
    fn turn(&mut self) {
        self.side = (self.side + 1) % SIDES.len();
        let letter = SIDES[self.side];
        let mtu = (1400 + self.side).to_string();
        let mut stack = SIDE.replace("MTU", &mtu).replace('@', letter);
        for side in ["b", "c"] {
            let mode = if side == letter {
                "mode: global, placement: { constraints: [node.labels.none == here] }"
            } else {
                "replicas: 0"
            };
            stack = stack.replace(&format!("MODE-{side}"), mode);
        }
        self.stage.exact_stack("shop", &stack);
        self.stage.file("shop", "key.txt", format!("key {letter}\n"));
    }

    /// `moment`, while a program runs that needs no longer than the quickest so far: the first one may have been slow.
    fn within(&self, moment: Moment) -> Moment {
        let Moment::After(time) = moment else { return moment };
        let longest = self.length.time.as_millis().max(1);
        Moment::After(Duration::from_millis(u64::try_from(time.as_millis() % longest).unwrap()))
    }

    /// Goes to the next side, is killed on the way, and goes on. Whether it lived until `moment`.
    fn survive(&mut self, moment: Moment) -> bool {
        self.turn();
        let moment = self.within(moment);
        let begun = Instant::now();
        let killed = kill(self.stage.command(&APPLY), &self.proxy, moment);
        if !killed {
            self.length.time = self.length.time.min(begun.elapsed());
        }
        let run = self.stage.skep(&APPLY);
        assert_eq!(run.code, 0, "killed {moment}: {run}");
        let what = format!("killed {moment} on the way to {}, then {run}", SIDES[self.side]);
        let now = world(self.engine, &self.stage);
        let undisturbed = &self.undisturbed[self.side];
        assert_eq!(
            now.keys().collect::<Vec<_>>(),
            undisturbed.keys().collect::<Vec<_>>(),
            "{what}"
        );
        for (key, spec) in &now {
            assert_eq!(spec, &undisturbed[key], "{key}: {what}");
        }
        assert_eq!(self.stage.service("shop_once"), self.once, "{what}");
        for job in [format!("shop_migrate-{}", SIDES[self.side]), "shop_once".to_owned()] {
            let service = self.stage.service(&job);
            let runs = service["JobStatus"]["JobIteration"]["Index"].as_u64().unwrap_or(0);
            assert_eq!((runs, self.stage.tasks(&job).len()), (0, 1), "{job} ran again: {what}");
        }
        killed
    }
}

/// Whether there is time for everything: `scripts/soak` says so.
pub(crate) fn is_soak() -> bool {
    env::var_os("SKEP_SOAK").is_some()
}

/// Goes through all `moments`, several at a time, and counts those that the program lived to see.
fn survive_all(first: Lane<'_>, moments: &[Moment]) -> usize {
    let engine = first.engine;
    let (next, deaths) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = |mut lane: Lane<'_>| {
        while let Some(moment) = moments.get(next.fetch_add(1, Ordering::SeqCst)) {
            deaths.fetch_add(usize::from(lane.survive(*moment)), Ordering::SeqCst);
        }
        let left = lane.stage.plan(&["--prune", "--allow-replace"]);
        assert_eq!(changes(&left), BTreeMap::new());
    };
    thread::scope(|scope| {
        for _ in 1..LANES {
            scope.spawn(|| run(Lane::on(engine)));
        }
        run(first);
    });
    deaths.into_inner()
}

#[test]
fn an_apply_that_is_killed_at_any_request_is_finished_by_the_next_one() {
    let Some(engine) = Engine::of_this_run() else { return };
    let first = Lane::on(&engine);
    let Length { requests, writes, time: _ } = first.length;
    let written = (1..=writes).map(Moment::Written);
    let mut moments: Vec<Moment> = written.chain((1..=requests).map(Moment::Request)).collect();
    assert!(writes >= 13 && moments.len() >= 60, "{writes} writes, {requests} requests");
    if is_soak() {
        moments = moments.repeat(SIDES.len());
    }
    let deaths = survive_all(first, &moments);
    eprintln!("killed at {deaths} of {} moments", moments.len());
    assert!(deaths * 10 >= moments.len() * 9, "{deaths} of {}", moments.len());
}

#[test]
fn an_apply_that_is_killed_at_any_time_is_finished_by_the_next_one() {
    let Some(engine) = Engine::of_this_run() else { return };
    let seed = env::var("SKEP_SEED").map_or(1, |seed| seed.parse().unwrap());
    let rounds = if is_soak() { 200 } else { 50 };
    let first = Lane::on(&engine);
    let longest = u64::try_from(first.length.time.as_millis()).unwrap();
    eprintln!("SKEP_SEED={seed}: {rounds} rounds within {longest} ms");
    let mut state = seed;
    let moments: Vec<Moment> = (0..rounds)
        .map(|_| Moment::After(Duration::from_millis(random(&mut state) % longest)))
        .collect();
    let deaths = survive_all(first, &moments);
    eprintln!("killed in {deaths} of {rounds} rounds");
    assert!(deaths * 2 >= rounds, "{deaths} of {rounds}");
}

/// The next number after `state` (splitmix64, Steele, Lea and Flood 2014).
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
