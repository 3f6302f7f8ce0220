//! A controller for a long time: a commit, a drift or a fault every few seconds, and every commit ends as declared.
//!
//! A moment of it by default; `scripts/soak` gives it as many seconds as `SKEP_SOAK_SECONDS` says. `SKEP_SEED` repeats a
//! run.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::killed::random;
use crate::origin::Origin;
use crate::proxy::{Fault, Proxy};
use crate::running::Running;
use crate::server::Server;
use crate::stage::Stage;

/// Stacks, and services of each. Only the first service of a stack has a task.
const STACKS: usize = 5;
const SERVICES: usize = 6;
/// How long the Swarm may take to be as declared after a fault. The longest wait after repeated drift is not reached:
/// one service is changed by hand less often than that.
const PATIENCE: Duration = Duration::from_secs(120);
/// After how long Swarm is helped out of what it does to a service that is written twice in a moment: it forgets to end
/// tasks that the second write no longer wants. docs/troubleshooting.md has it, without skep.
const FORGETFULNESS: Duration = Duration::from_secs(20);
/// What memory may grow by in the second half of the run, in KiB.
const GROWTH: f64 = 8.0 * 1024.0;

/// A stack as it is to be.
#[derive(Debug, Clone, Copy)]
struct Declared {
    release: u64,
    replicas: u64,
}

impl Declared {
    fn text(self) -> String {
        let Self { release, replicas } = self;
        let service = |n: usize| {
            let replicas = if n == 0 { replicas } else { 0 };
            format!(
                "  s{n}:
    image: skep-demo/web:1
    command: [sleep]
    environment: {{ RELEASE: '{release}' }}
    configs: [plain]
    stop_grace_period: 1s
    deploy: {{ <<: *quick, replicas: {replicas} }}
"
            )
        };
        let mut text = "services:\n".to_owned();
        text.extend((0..SERVICES).map(service));
        text + &format!("configs: {{ plain: {{ content: 'release {release}' }} }}\n")
    }
}

/// What was done, by its name.
type Tally = BTreeMap<&'static str, usize>;

struct Soak<'e> {
    engine: &'e Engine,
    origin: Origin,
    stage: &'e Stage<'e>,
    seed: u64,
    declared: [Declared; STACKS],
    release: u64,
    /// The service that is changed by hand next.
    next: usize,
    tally: Tally,
    slowest: Duration,
}

impl<'e> Soak<'e> {
    fn new(engine: &'e Engine, stage: &'e Stage<'e>, seed: u64) -> Self {
        Self {
            engine,
            origin: Origin::empty(),
            stage,
            seed,
            declared: [Declared { release: 0, replicas: 1 }; STACKS],
            release: 0,
            next: 0,
            tally: Tally::new(),
            slowest: Duration::ZERO,
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        random(&mut self.seed) % end
    }

    fn note(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn name(&self, stack: usize) -> String {
        self.stage.name(&format!("k{stack}"))
    }

    fn write(&self, stack: usize, text: &str) {
        let path = format!("stacks/{}/stack.yaml", self.name(stack));
        self.origin.write(&path, self.stage.quick(text));
    }

    /// Commits new releases of one stack or several.
    fn commit(&mut self) {
        let first = self.below(5);
        for n in 0..=self.below(3) {
            let stack = usize::try_from((first + n) % 5).unwrap();
            self.release += 1;
            let replicas = self.below(2) + 1;
            self.declared[stack] = Declared { release: self.release, replicas };
            self.write(stack, &self.declared[stack].text());
        }
        // Now and then history is rewritten.
        let amends = self.below(8) == 0;
        let options: &[&str] = if amends { &["--amend"] } else { &[] };
        self.origin.commit_with(&format!("Release {}", self.release), options);
        self.note(if amends { "commits by force" } else { "commits" });
    }

    /// Commits a stack with an error, and a good one beside it.
    fn commit_badly(&mut self) {
        let stack = usize::try_from(self.below(5)).unwrap();
        self.release += 1;
        let bad = Declared { release: self.release, replicas: 1 }.text().replace("image", "imgae");
        self.write(stack, &bad);
        let beside = (stack + 1) % STACKS;
        self.declared[beside].release = self.release;
        self.write(beside, &self.declared[beside].text());
        self.origin.commit("An error");
        self.note("bad commits");
    }

    /// Ends what [`Self::commit_badly`] began.
    fn mend(&mut self) {
        for stack in 0..STACKS {
            self.write(stack, &self.declared[stack].text());
        }
        self.origin.commit("No error");
    }

    /// Changes a service by hand.
    fn drift(&mut self) {
        self.next = (self.next + 1) % (STACKS * SERVICES);
        let service = format!("{}_s{}", self.name(self.next % STACKS), self.next / STACKS);
        let change: &[&str] = match self.below(4) {
            0 => &["service", "rm"],
            1 => &["service", "update", "--detach", "--env-add", "BY_HAND=1"],
            2 => &["service", "update", "--detach", "--label-add", "by=hand"],
            _ => &["service", "update", "--detach", "--replicas", "3"],
        };
        // The controller may be writing it at this moment.
        if self.engine.try_docker(&[change, &[&service]].concat()).is_some() {
            self.note("drifts");
        }
    }

    /// What is not as declared, if anything is not.
    fn wrong(&self) -> Option<String> {
        let [services, configs, tasks] =
            ["/services", "/configs", "/tasks"].map(|list| self.engine.get(list));
        let found = |all: &Value, is: &dyn Fn(&Value) -> bool| {
            all.as_array().unwrap().iter().find(|one| is(one)).cloned().unwrap_or_default()
        };
        for (stack, Declared { release, replicas }) in self.declared.iter().enumerate() {
            for n in 0..SERVICES {
                let name = format!("{}_s{n}", self.name(stack));
                let service = found(&services, &|one| one["Spec"]["Name"] == *name);
                let spec = &service["Spec"];
                let template = &spec["TaskTemplate"]["ContainerSpec"];
                let config = &template["Configs"][0]["ConfigID"];
                let config = found(&configs, &|one| one["ID"] == *config);
                let count = if n == 0 { *replicas } else { 0 };
                let is = json!([
                    template["Env"],
                    config["Spec"]["Data"],
                    spec["Labels"]["by"],
                    spec["Mode"]["Replicated"]["Replicas"],
                    running(&tasks, &service, *release),
                ]);
                let content = STANDARD.encode(format!("release {release}"));
                let wanted = json!([[format!("RELEASE={release}")], content, null, count, count]);
                if is != wanted {
                    return Some(format!("{name} is {is} and not {wanted}"));
                }
            }
        }
        None
    }

    /// Has Swarm look again at services that say what they should, and have more tasks than that.
    fn help_swarm(&mut self) {
        let [services, tasks] = ["/services", "/tasks"].map(|list| self.engine.get(list));
        let is_live = |task: &Value| {
            task["DesiredState"] == "running" && task["Status"]["State"] == "running"
        };
        for stack in 0..STACKS {
            let services = services.as_array().unwrap().iter();
            let wanted = self.declared[stack].replicas;
            for n in 0..SERVICES {
                let (name, wanted) =
                    (format!("{}_s{n}", self.name(stack)), if n == 0 { wanted } else { 0 });
                let Some(service) = services.clone().find(|one| one["Spec"]["Name"] == *name)
                else {
                    continue;
                };
                let own = tasks
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|task| task["ServiceID"] == service["ID"]);
                let live = own.filter(|task| is_live(task)).count() as u64;
                if service["Spec"]["Mode"]["Replicated"]["Replicas"] == wanted && live > wanted {
                    self.engine.docker(&["service", "update", "--detach", &name]);
                    self.note("times that Swarm forgot tasks");
                }
            }
        }
    }

    /// Waits until everything is as declared.
    fn settles(&mut self, controller: &Running<'_, 'e>, last: &str) {
        let begun = Instant::now();
        let mut is_helped = false;
        while let Some(wrong) = self.wrong() {
            if !is_helped && begun.elapsed() > FORGETFULNESS {
                is_helped = true;
                self.help_swarm();
            }
            let tally = &self.tally;
            let is_late = begun.elapsed() > PATIENCE;
            assert!(!is_late, "after {last}: {wrong}\n{tally:?}\n{}", controller.since());
            thread::sleep(Duration::from_millis(100));
        }
        self.slowest = self.slowest.max(begun.elapsed());
    }
}

/// How many tasks of a service run this release.
fn running(tasks: &Value, service: &Value, release: u64) -> u64 {
    let env = serde_json::json!([format!("RELEASE={release}")]);
    let tasks = tasks.as_array().unwrap().iter().filter(|task| {
        task["ServiceID"] == service["ID"]
            && task["DesiredState"] == "running"
            && task["Status"]["State"] == "running"
            && task["Spec"]["ContainerSpec"]["Env"] == env
    });
    tasks.count().try_into().unwrap()
}

/// A line of `/proc/ID/status` in KiB.
pub(crate) fn memory(id: u32, line: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").trim().parse().unwrap()
}

/// Seconds of processor time that a process has had.
pub(crate) fn processor_time(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|field| fields[*field].parse::<f64>().unwrap()).sum();
    ticks / 100.0
}

/// By how much y grows for each x, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are thousands at most")]
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let alone: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if alone > 0.0 { together / alone } else { 0.0 }
}

#[test]
fn every_commit_ends_as_declared_and_memory_stays_as_it_is() {
    let Some(engine) = Engine::of_this_run() else { return };
    let seconds = env::var("SKEP_SOAK_SECONDS").map_or(45, |text| text.parse().unwrap());
    let length = Duration::from_secs(seconds);
    let seed: u64 = env::var("SKEP_SEED").map_or(1, |seed| seed.parse().unwrap());
    eprintln!("SKEP_SEED={seed}: {seconds} s");
    let proxy = Proxy::before(&engine.url);
    let mut stage = Stage::on(&engine);
    stage.through(&proxy);
    let mut soak = Soak::new(&engine, &stage, seed);
    soak.mend();
    let mut daemon = Server::git_daemon(&soak.origin);
    let port = daemon.port();
    let settings = format!(
        "sources: [{{ name: main, git: {{ url: 'git://127.0.0.1:{port}/stacks.git', path: stacks }} }}]
prune: true
intervals: {{ poll: 1s, retry: 5s }}"
    );
    let mut controller = Running::with(&stage, &settings);
    soak.settles(&controller, "the start");
    let begun = Instant::now();
    let mut memories = Vec::new();
    while begun.elapsed() < length {
        controller.forget();
        // The controller that is measured is not started anew.
        let is_measured = begun.elapsed() > length / 5;
        let moment = Duration::from_millis(500 + soak.below(2_500));
        let last = match soak.below(14) {
            0..=4 => {
                soak.commit();
                "a commit"
            }
            5..=7 => {
                soak.drift();
                "drift"
            }
            8 => {
                soak.commit_badly();
                soak.settles(&controller, "an error");
                soak.mend();
                "the end of an error"
            }
            9 => {
                proxy.cut();
                soak.commit();
                thread::sleep(moment);
                proxy.mend();
                soak.note("times without the engine");
                "a time without the engine"
            }
            10 => {
                drop(daemon);
                soak.commit();
                soak.drift();
                thread::sleep(moment);
                daemon = Server::git_daemon_at(port, &soak.origin);
                soak.note("times without the git server");
                "a time without the git server"
            }
            11 => {
                lose_answers(&proxy, 3);
                soak.commit();
                soak.note("lost answers");
                "lost answers"
            }
            12 => {
                soak.commit();
                soak.drift();
                controller.signal(Signal::HUP);
                soak.note("hang-ups");
                "a hang-up"
            }
            _ if is_measured => {
                soak.commit();
                soak.drift();
                "a commit and drift"
            }
            _ => {
                soak.commit();
                soak.drift();
                thread::sleep(moment);
                if soak.below(2) == 0 {
                    controller.signal(Signal::TERM);
                    assert_eq!(controller.ended(), 0);
                }
                drop(controller);
                controller = Running::again(&stage);
                soak.note("restarts");
                "a restart"
            }
        };
        soak.settles(&controller, last);
        // In the first half the allocator still gets what it keeps.
        if begun.elapsed() > length / 2 {
            let minutes = begun.elapsed().as_secs_f64() / 60.0;
            memories.push((minutes, memory(controller.id(), "RssAnon")));
        }
        thread::sleep(moment / 4);
    }
    conclude(&soak, &mut controller, &memories);
}

/// Checks that nothing is left to do, and tells how it was.
fn conclude(soak: &Soak<'_>, controller: &mut Running<'_, '_>, memories: &[(f64, f64)]) {
    controller.ask(&["sync", "--wait"]).ends(0, &[]);
    let marks = soak.stage.objects();
    controller.forget();
    controller.ask(&["sync"]).ends(0, &[]);
    controller.says("nothing to write");
    assert_eq!(soak.stage.objects(), marks);
    let configs = soak.stage.names("config").len();
    assert!(configs <= 3 * STACKS, "{configs} configs are left");

    let Soak { tally, slowest, .. } = soak;
    let (id, slope) = (controller.id(), slope(memories));
    let span = memories.last().unwrap().0 - memories.first().unwrap().0;
    // Twelve of the samples, for those who want to see the curve.
    for (minute, kib) in memories.iter().step_by(memories.len() / 12 + 1) {
        eprintln!("minute {minute:.1}: {kib} KiB");
    }
    let [first, last] = [memories.first(), memories.last()].map(|sample| sample.unwrap().1);
    eprintln!("done: {tally:?}, {} passes", controller.report()["passes"]);
    eprintln!("the longest time until everything was as declared: {slowest:.1?}");
    eprintln!(
        "memory over {span:.1} minutes: {first} KiB to {last} KiB, {slope:.1} KiB a minute; with its program {} KiB; {:.1} s of processor time",
        memory(id, "VmRSS"),
        processor_time(id),
    );
    assert!(slope * span < GROWTH, "memory grows");
}

/// The engine does what it is told, but the answers to this many writes are lost.
fn lose_answers(proxy: &Proxy, count: usize) {
    let left = AtomicUsize::new(count);
    let lose = |left: usize| left.checked_sub(1);
    proxy.inject(move |call| {
        let is_lost =
            call.writes() && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose).is_ok();
        is_lost.then_some(Fault::CutAfter)
    });
}
