//! What `scripts/bench` measures of the controller. It is skipped everywhere else.
//!
//! `SKEP_BENCH_LOOP` names a directory with a stack file of a hundred services in `some/bench`, of a thousand in
//! `many/bench`, and of a fortieth of that in `few/bench`; the numbers are written beside them, one file for each.
//! `SKEP_BENCH_SKEP` names the program.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::controller_soak::{memory, processor_time};
use crate::engine::Engine;
use crate::eventually::eventually;
use crate::origin::Origin;
use crate::proxy::Proxy;
use crate::running::Running;
use crate::server::Server;
use crate::stage::Stage;

/// One controller, whose stack comes from a git server, and whose engine is behind a proxy that writes everything down.
struct Loop<'e> {
    origin: Origin,
    proxy: Proxy,
    stage: Stage<'e>,
}

/// Where the numbers go.
fn directory() -> Option<PathBuf> {
    env::var_os("SKEP_BENCH_LOOP").map(PathBuf::from)
}

/// How often each time is taken, and for how long the idle controller is watched.
fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}

impl<'e> Loop<'e> {
    /// The stack in `from`, under each of these names.
    fn of(engine: &'e Engine, from: &Path, stacks: &[String]) -> Self {
        let (origin, proxy) = (Origin::empty(), Proxy::before(&engine.url));
        let mut stage = Stage::on(engine);
        stage.through(&proxy);
        let lasting = Self { origin, proxy, stage };
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let (name, text) =
                (path.file_name().unwrap().to_str().unwrap(), fs::read_to_string(&path).unwrap());
            for stack in stacks {
                lasting.write(stack, name, &text);
            }
        }
        lasting.origin.commit("Everything");
        lasting
    }

    fn write(&self, stack: &str, file: &str, text: &str) {
        self.origin.write(&format!("stacks/{}/{file}", self.stage.name(stack)), text);
    }

    fn start(&self, daemon: &Server) -> Running<'_, 'e> {
        let port = daemon.port();
        // All intervals are those of everybody.
        let settings = format!(
            "sources: [{{ name: main, git: {{ url: 'git://127.0.0.1:{port}/stacks.git', path: stacks }} }}]\n\
             status: {{ listen: 'unix://{}' }}",
            self.page().display()
        );
        let controller = Running::with(&self.stage, &settings);
        settled(&controller);
        controller
    }

    /// The next controller, which would ask registries if there were a reason to.
    fn start_again(&self) -> Running<'_, 'e> {
        let file = self.stage.folder().join("skep.yaml");
        let settings = fs::read_to_string(&file).unwrap();
        fs::write(&file, settings.replace("resolve_image: never\n", "")).unwrap();
        let controller = Running::again(&self.stage);
        settled(&controller);
        controller
    }

    /// Where the status page is.
    fn page(&self) -> PathBuf {
        self.stage.folder().join("http.sock")
    }

    /// Asks for something on the status page.
    fn ask_page(&self, path: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.page()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: skep\r\nconnection: close\r\n\r\n").unwrap();
        stream
    }

    /// The whole answer to that.
    fn answer(&self, path: &str) -> String {
        let mut answer = String::new();
        self.ask_page(path).read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        answer
    }

    /// Waits until events of earlier writes are over.
    fn calm(&self) {
        loop {
            self.proxy.forget();
            thread::sleep(Duration::from_secs(2));
            if self.proxy.calls().is_empty() {
                return;
            }
        }
    }

    /// When the first write of an object came.
    fn first_write(&self) -> Instant {
        eventually(60, "the first write", || {
            let mut writes = self.proxy.timed().into_iter();
            writes.find(|(call, _)| call.writes_an_object()).map(|(_, at)| at)
        })
    }
}

/// Waits until everything is as declared.
fn settled(controller: &Running<'_, '_>) {
    eventually(300, "everything is as declared", || {
        (controller.ask(&["sync", "--wait"]).code == 0).then_some(())
    });
}

/// Writes numbers of microseconds, one a line.
fn report(name: &str, times: &[Duration]) {
    let mut text = String::new();
    for time in times {
        writeln!(text, "{}", time.as_micros()).unwrap();
    }
    fs::write(directory().unwrap().join(name), text).unwrap();
}

#[test]
fn from_a_push_and_from_drift_to_the_first_write() {
    let (Some(engine), Some(directory)) = (Engine::of_this_run(), directory()) else { return };
    let turns = setting("SKEP_BENCH_RUNS", 11);
    let lasting = Loop::of(&engine, &directory.join("some/bench"), &one());
    let daemon = Server::git_daemon(&lasting.origin);
    let controller = lasting.start(&daemon);
    let stack = lasting.stage.name("bench");
    let path = lasting.origin.work().join("stacks").join(&stack).join("stack.yaml");
    let mut pushed = Vec::new();
    for turn in 0..turns {
        lasting.calm();
        let text = fs::read_to_string(&path).unwrap();
        let (from, to) = (format!("\"{}\"", 50 + turn), format!("\"{}\"", 1_050 + turn));
        lasting.write("bench", "stack.yaml", &text.replacen(&from, &to, 1));
        lasting.origin.commit("One service");
        let begun = Instant::now();
        controller.ask(&["sync"]);
        pushed.push(lasting.first_write().duration_since(begun));
    }
    report("pushed", &pushed);
    let mut drifted = Vec::new();
    for turn in 0..turns {
        lasting.calm();
        let service = format!("{stack}_svc-{turn:04}");
        let begun = Instant::now();
        engine.docker(&["service", "update", "--detach", "--label-add", "by=hand", &service]);
        // The proxy does not see what the client does.
        drifted.push(lasting.first_write().duration_since(begun));
    }
    report("drifted", &drifted);
}

#[test]
fn a_thousand_services_and_nothing_to_do() {
    let (Some(engine), Some(directory)) = (Engine::of_this_run(), directory()) else { return };
    let seconds = setting("SKEP_BENCH_IDLE", 600);
    let lasting = Loop::of(&engine, &directory.join("many/bench"), &one());
    let daemon = Server::git_daemon(&lasting.origin);
    // The one that writes a thousand services is another one.
    drop(lasting.start(&daemon));
    let controller = lasting.start_again();
    lasting.calm();
    let id = controller.id();
    let (passes, processor) = (controller.report()["passes"].as_u64().unwrap(), processor_time(id));
    lasting.proxy.forget();
    thread::sleep(Duration::from_secs(seconds));
    let passes = controller.report()["passes"].as_u64().unwrap() - passes;
    let calls = lasting.proxy.calls();
    let count =
        |wanted: &dyn Fn(&str) -> bool| calls.iter().filter(|call| wanted(call.endpoint())).count();
    let lists = ["/services", "/networks", "/configs", "/secrets"];
    let text = format!(
        "seconds={seconds}\npasses={passes}\nprocessor={:.2}\nmemory={}\nanonymous={}\npeak={}\n\
         lists={}\nregistry={}\nother={}\nwrites={}\n",
        processor_time(id) - processor,
        memory(id, "VmRSS"),
        memory(id, "RssAnon"),
        memory(id, "VmHWM"),
        count(&|endpoint| lists.contains(&endpoint)),
        count(&|endpoint| endpoint.starts_with("/distribution")),
        count(&|endpoint| !lists.contains(&endpoint) && !endpoint.starts_with("/distribution")),
        lasting.proxy.writes().len(),
    );
    fs::write(directory.join("idle"), text).unwrap();
}

#[test]
fn a_thousand_services_and_many_who_look() {
    let (Some(engine), Some(directory)) = (Engine::of_this_run(), directory()) else { return };
    let stacks: Vec<String> = (0..STACKS).map(|number| format!("bench-{number:02}")).collect();
    let lasting = Loop::of(&engine, &directory.join("few/bench"), &stacks);
    let daemon = Server::git_daemon(&lasting.origin);
    drop(lasting.start(&daemon));
    let controller = lasting.start_again();
    let id = controller.id();
    report("page", &overviews(&lasting));
    let loaded: usize = FIRST_LOAD.iter().map(|path| lasting.answer(path).len()).sum();
    fs::write(directory.join("loaded"), format!("{loaded}\n")).unwrap();
    // What reading the files took is given back by then.
    lasting.calm();
    let before = memory(id, "VmRSS");
    let (told, tells) = mpsc::channel();
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let mut watcher = BufReader::new(lasting.ask_page(NEWS));
        until(&mut watcher, "retry:");
        let told = told.clone();
        watchers.push(thread::spawn(move || {
            until(&mut watcher, "event: change");
            told.send((Instant::now(), watcher)).unwrap();
        }));
    }
    let watched = memory(id, "VmRSS");
    controller.ask(&["sync"]);
    // They stay connected until all have been told; without the last sender nothing more is waited for.
    drop(told);
    let told: Vec<(Instant, _)> = tells.iter().take(WATCHERS).collect();
    assert_eq!(told.len(), WATCHERS);
    let watched = memory(id, "VmRSS").max(watched);
    let times = || told.iter().map(|(at, _)| *at);
    report("fanout", &[times().max().unwrap() - times().min().unwrap()]);
    for watcher in watchers {
        watcher.join().unwrap();
    }
    let more = (watched - before).max(0.0);
    fs::write(directory.join("watched"), format!("memory={more}\n")).unwrap();
}

/// The name of the only stack.
fn one() -> [String; 1] {
    ["bench".to_owned()]
}

/// In how many stacks the services of the status page are.
const STACKS: usize = 40;

/// How many watch at the same time, and what.
const WATCHERS: usize = 500;
const NEWS: &str = "/api/v1/events";

/// What a browser loads of the overview when it is there for the first time.
const FIRST_LOAD: [&str; 5] =
    ["/", "/assets/page.css", "/assets/page.js", "/assets/theme.js", "/assets/icon.svg"];

/// How long the overview takes, time after time.
fn overviews(lasting: &Loop<'_>) -> Vec<Duration> {
    let overview = |_| {
        let begun = Instant::now();
        lasting.answer("/");
        begun.elapsed()
    };
    (0..21).map(overview).collect()
}

/// Reads lines until one begins with `wanted`.
fn until(watcher: &mut BufReader<UnixStream>, wanted: &str) {
    let mut line = String::new();
    while !line.starts_with(wanted) {
        line.clear();
        assert!(watcher.read_line(&mut line).unwrap() > 0, "the news ended before {wanted}");
    }
}
