//! The controller as the service manager and probes see it. Its engine is out of reach, which is no reason to end.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{World, root};
use crate::published::assert_published;

/// What is far longer than any of this takes.
const LONG: Duration = Duration::from_secs(30);
const STACK: &str = "services:\n  web:\n    image: nginx\n";
const SETTINGS: &str = "\
sources: [{name: main, path: stacks}]
status: {listen: unix://HERE/http.sock}
";

/// A controller, and the socket on which it tells the service manager how it is. It is killed in the end.
struct Running {
    world: World,
    process: Child,
    told: UnixDatagram,
}

impl Running {
    /// One that must say that it lives this often.
    fn start(watchdog: Duration) -> Self {
        let world = World::new().file("stacks/shop/stack.yaml", STACK);
        let here = world.path("").display().to_string();
        let world = world.file("skep.yaml", SETTINGS.replace("HERE/", &here));
        Self::of(world, &["run", "-c", "skep.yaml"], watchdog)
    }

    fn of(world: World, arguments: &[&str], watchdog: Duration) -> Self {
        let told = UnixDatagram::bind(world.path("notify.sock")).unwrap();
        told.set_read_timeout(Some(LONG)).unwrap();
        let log = File::create(world.path("log")).unwrap();
        let process = world
            .command(arguments)
            .env("XDG_RUNTIME_DIR", world.path(""))
            .env("NOTIFY_SOCKET", world.path("notify.sock"))
            .env("WATCHDOG_USEC", watchdog.as_micros().to_string())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { world, process, told }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.world.path("log")).unwrap()
    }

    /// The next thing that it tells.
    #[track_caller]
    fn next(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.told.recv(&mut buffer);
        let length = length.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// Waits until it tells something that begins like this, and gives all that it told until then.
    #[track_caller]
    fn tells(&self, beginning: &str) -> Vec<String> {
        let started = Instant::now();
        let mut all = Vec::new();
        while started.elapsed() < LONG {
            let next = self.next();
            let is_it = next.starts_with(beginning);
            all.push(next);
            if is_it {
                return all;
            }
        }
        panic!("it never told {beginning}: {all:#?}\n{}", self.log());
    }

    /// Waits until these words are in the log; whenever something changes, it tells how things are.
    #[track_caller]
    fn logs(&self, words: &str) {
        while !self.log().contains(words) {
            self.next();
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// What it answers to a request.
    fn asked(&self, path: &str) -> String {
        let mut stream = UnixStream::connect(self.world.path("http.sock")).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: skep\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_service_manager_is_told_of_its_whole_life() {
    let mut running = Running::start(Duration::from_millis(400));
    assert!(running.tells("READY=1").iter().all(|told| !told.contains("STOPPING")));
    running.tells("STATUS=the Swarm cannot be observed: ");
    for _ in 0..3 {
        running.tells("WATCHDOG=1");
    }
    running.signal(Signal::HUP);
    let told = running.tells("RELOADING=1").pop().unwrap();
    let since = told.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(since.is_some_and(|since| since.parse::<u64>().is_ok()), "{told}");
    running.tells("READY=1");
    running.tells("WATCHDOG=1");
    running.signal(Signal::TERM);
    running.tells("STOPPING=1");
    assert_eq!(running.process.wait().unwrap().code(), Some(0), "{}", running.log());
    assert!(!running.world.path("http.sock").exists());
}

#[test]
fn a_loop_that_hangs_is_not_said_to_live() {
    let running = Running::start(Duration::from_millis(400));
    running.tells("WATCHDOG=1");
    // Settings that nobody ever finishes to write: whoever reads them waits for ever.
    let pipe = running.world.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    fs::rename(&pipe, running.world.path("skep.yaml")).unwrap();
    running.told.set_read_timeout(Some(Duration::from_secs(4))).unwrap();
    let started = Instant::now();
    let mut buffer = [0; 4096];
    // Ten beats are missed in a row, which no pause of the machine explains.
    while running.told.recv(&mut buffer).is_ok() {
        assert!(started.elapsed() < LONG, "it goes on\n{}", running.log());
    }
    assert!(running.log().contains("the settings have changed"), "{}", running.log());
}

#[test]
fn an_engine_out_of_reach_is_a_reason_not_to_be_ready_and_none_to_be_restarted() {
    let running = Running::start(LONG);
    running.tells("STATUS=the Swarm cannot be observed: ");
    assert!(running.asked("/healthz").ends_with("\r\n\r\nok\n"));
    let ready = running.asked("/readyz");
    assert!(
        ready.starts_with("HTTP/1.1 503 ") && ready.contains("/nowhere/docker.sock"),
        "{ready}"
    );
    for (arguments, code) in [(&["health"][..], 0), (&["health", "--ready"], 1)] {
        let ran = running.world.run(arguments);
        assert_eq!(ran.code, Some(code), "{ran}");
        assert!(["ok\n", "the Swarm "].iter().any(|words| ran.stdout.starts_with(words)), "{ran}");
    }
    let metrics = running.asked("/metrics");
    for line in [
        "skep_engine_up 0",
        "skep_source_up{source=\"main\"} 1.0",
        "skep_passes_total{trigger=\"start\",outcome=\"unobservable\"} 1",
        "skep_engine_requests_total{method=\"GET\",kind=\"_ping\",outcome=\"unanswered\"} ",
    ] {
        assert!(metrics.contains(&format!("\n{line}")), "{line}: {metrics}");
    }
}

#[test]
fn what_it_answers_has_the_published_layout() {
    let running = Running::start(LONG);
    running.tells("STATUS=the Swarm cannot be observed: ");
    let here = running.world.path("");
    let mut command = running.world.command(&["sync", "--format", "json"]);
    let ran = running.world.finish(command.env("XDG_RUNTIME_DIR", &here));
    assert_eq!(ran.code, Some(1), "{ran}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["trouble"]["reason"].is_string(), "{ran}");
    assert_published("report", &report);
    let questions = [
        r#"{"ask": "status", "stacks": [], "shown": {"width": 80, "color": false, "unicode": true}}"#,
        r#"{"ask": "apply"}"#,
    ];
    for (question, key) in questions.into_iter().zip(["report", "refused"]) {
        let mut stream = UnixStream::connect(here.join("skep/default.sock")).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        writeln!(stream, "{question}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get(key).is_some(), "{answer}");
        assert_published("answer", &answer);
    }
}

#[test]
fn settings_that_come_after_the_start_count() {
    let world = World::new().file("shop/stack.yaml", STACK);
    let running = Running::of(world, &["run"], LONG);
    running.logs("source cli is at");
    let part = running.world.path("part");
    fs::write(&part, "sources: [{name: main, path: .}]").unwrap();
    fs::rename(part, running.world.path("skep.yaml")).unwrap();
    running.logs("the settings have changed");
    running.logs("source cli is no longer in the settings; its stacks stay as they are");
    running.logs("source main is at");
}

#[test]
fn settings_are_taken_up_as_a_whole_once_what_they_name_is_there() {
    let settings = |more: &str| {
        format!("intervals: {{poll: 1s}}\nsources:\n- {{name: main, path: stacks}}\n{more}")
    };
    let world = World::new()
        .file("stacks/shop/stack.yaml", STACK)
        .file("more/blog/stack.yaml", STACK)
        .file("skep.yaml", settings(""));
    let running = Running::of(world, &["run", "-c", "skep.yaml"], LONG);
    running.logs("source main is at");
    let more = "- {name: other, path: more}\nproxy: {admin: 'https://127.0.0.1:1', tls: {ca_file: ca.pem}}\n";
    let part = running.world.path("part");
    fs::write(&part, settings(more)).unwrap();
    fs::rename(part, running.world.path("skep.yaml")).unwrap();
    running.logs("the settings stay as they were: cannot read");
    let told = || {
        let mut command = running.world.command(&["sync", "--format", "json"]);
        let ran = running.world.finish(command.env("XDG_RUNTIME_DIR", running.world.path("")));
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let sources = report["sources"].as_array().unwrap().len();
        (sources, report["settings"]["trouble"].is_string())
    };
    assert_eq!(told(), (1, true));
    fs::write(running.world.path("ca.pem"), "").unwrap();
    running.logs("the settings are followed again");
    assert_eq!(told(), (2, false));
}

#[test]
fn a_file_that_is_never_read_to_its_end_does_not_hold_up_the_end() {
    let world = World::new().file("stacks/shop/stack.yaml", STACK);
    let pipe = world.path("variables");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut running = Running::of(world, &["run", "stacks", "--env-file", "variables"], LONG);
    // This waits until somebody reads.
    let _open = File::options().write(true).open(pipe).unwrap();
    running.signal(Signal::TERM);
    running.tells("STOPPING=1");
    let stopped = Instant::now();
    let code = loop {
        if let Some(status) = running.process.try_wait().unwrap() {
            break status.code();
        }
        assert!(stopped.elapsed() < LONG, "it goes on\n{}", running.log());
        std::thread::yield_now();
    };
    assert_eq!(code, Some(0), "{}", running.log());
}

#[test]
fn the_examples_of_a_controller_are_valid() {
    let examples = root().join("examples/controller");
    let ran = World::new().run(&["validate", "--strict", examples.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran}");
    let unit = fs::read_to_string(examples.join("skep.service")).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/skep "));
    let arguments: Vec<&str> = start.unwrap().split(' ').collect();
    let ran = World::new().run(&arguments);
    assert!(ran.code == Some(1) && ran.stderr.contains("cannot read /etc/skep/skep.yaml"), "{ran}");
}
