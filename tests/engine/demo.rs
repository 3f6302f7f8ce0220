//! What `scripts/demo` leaves behind: nothing after `scripts/demo --down`, however it was interrupted.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::own::Own;
use crate::terminal::Terminal;

/// The demo with an engines' folder of its own, so that it meets no other demo of this checkout.
struct Demo {
    engines: TempDir,
}

impl Demo {
    fn new() -> Self {
        let engines = tempfile::tempdir().unwrap();
        let unpacked = root().join("target/engines/28");
        symlink(unpacked, engines.path().join("28")).unwrap();
        Self { engines }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(root().join("scripts/demo"));
        command
            .env("SKEP_DEMO_BIN", Path::new(env!("CARGO_BIN_EXE_skep")).parent().unwrap())
            .env("SKEP_ENGINES_DIR", self.engines.path());
        command
    }

    fn start(&self, stderr: Stdio) -> Child {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).process_group(0);
        command.spawn().unwrap()
    }

    fn down(&self) {
        assert!(self.command().arg("--down").stdout(Stdio::null()).status().unwrap().success());
    }

    /// Where `scripts/engine` keeps what runs.
    fn run(&self) -> PathBuf {
        self.engines.path().join("run")
    }

    /// Whether the engine's daemon has been started.
    fn has_daemon(&self) -> bool {
        let data = format!("--data-root={}", self.run().join("demo/data").display());
        processes(&data).iter().any(|process| process.contains("dockerd"))
    }

    /// Processes, mounts, namespaces, links, control groups and folders of the demo that there are.
    fn remains(&self) -> Vec<String> {
        let run = self.run().display().to_string();
        let key = format!("skep-{}-demo", short_hash(&run));
        let mut found = processes(&format!("{run}/demo"));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        found.extend(mounts.lines().filter(|line| line.contains(&run)).map(str::to_owned));
        let link = format!("/sys/class/net/skep{}", short_hash(&key));
        let paths = [format!("/run/netns/{key}"), link, format!("{run}/demo")];
        found.extend(paths.into_iter().filter(|path| fs::symlink_metadata(path).is_ok()));
        let groups = ["/sys/fs/cgroup", "-type", "d", "-name", &key];
        let groups = Command::new("find").args(groups).output().unwrap();
        found.extend(String::from_utf8(groups.stdout).unwrap().lines().map(str::to_owned));
        found
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.command().arg("--down").stdout(Stdio::null()).status();
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// As `scripts/engine` has it.
fn short_hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text)[..4])
}

/// The command lines that have `text` in them.
fn processes(text: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(text)).collect()
}

/// Sends `signal` to everything that was started with `demo`, as a terminal does.
fn signal(demo: &Child, signal: &str) {
    let group = format!("-{}", demo.id());
    let sent = Command::new("kill").args(["-s", signal, "--", &group]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_demo_that_is_killed_or_interrupted_is_gone_without_a_trace_once_it_was_taken_down() {
    // The demo's own engine is always this one.
    if Engine::of_this_run().is_none() || env::var("SKEP_TEST_VERSION").as_deref() != Ok("28") {
        return;
    }
    let demo = Demo::new();

    // Killed while its engine comes up.
    let mut child = demo.start(Stdio::inherit());
    eventually(60, "the engine is on its way", || demo.has_daemon().then_some(()));
    signal(&child, "KILL");
    child.wait().unwrap();
    assert!(demo.remains().len() > 4, "there is something to be taken down");
    demo.down();
    assert_eq!(demo.remains(), [""; 0]);

    // Interrupted in the middle of the apply, when the first containers start.
    let mut child = demo.start(Stdio::piped());
    let progress = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(progress.into_iter().any(|line| line.starts_with("created service")));
    signal(&child, "INT");
    assert!(!child.wait().unwrap().success());
    assert!(demo.remains().len() > 4, "there is something to be taken down");
    demo.down();
    assert_eq!(demo.remains(), [""; 0]);
}

/// Everything on an engine that somebody might have made.
fn things(engine: &Engine) -> [String; 6] {
    let name = ["--format", "{{.Name}}"];
    let list = |words: &[&str]| engine.docker(&[words, &name].concat());
    [
        list(&["service", "ls"]),
        list(&["config", "ls"]),
        list(&["secret", "ls"]),
        list(&["network", "ls", "--filter", "scope=swarm"]),
        list(&["volume", "ls"]),
        engine.docker(&["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]),
    ]
}

#[test]
fn a_demo_on_somebodys_engine_asks_first_and_takes_away_what_it_made_and_nothing_else() {
    let Some(own) = Own::up("test-somebodys", &[]) else { return };
    let engine = &own.engine;
    engine.docker(&[
        "config",
        "create",
        "web_namesake",
        concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE-MIT"),
    ]);
    engine.docker(&["volume", "create", "shop_namesake"]);
    let before = things(engine);
    let demo = Demo::new();
    let on_it = |more: &[&str]| {
        let mut command = demo.command();
        command.args(["--host", &engine.url]).args(more);
        Terminal::run(command, 120)
    };
    for answer in ["n\r", "y\r"] {
        let mut terminal = on_it(&[]);
        terminal.shows("Apply these changes? [y/N]");
        terminal.press(answer);
        assert_eq!(terminal.ends().success(), answer == "y\r", "{}", terminal.written());
    }
    let [services, ..] = things(engine);
    assert_eq!(services.lines().count(), 7, "{services}");
    let mut terminal = on_it(&["--down"]);
    assert!(terminal.ends().success(), "{}", terminal.written());
    assert_eq!(things(engine), before);
}
