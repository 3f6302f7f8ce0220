//! A running controller, its log, and its end.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::eventually::eventually;
use crate::stage::{Run, Stage};

/// A controller that looks after the stacks of a [`Stage`]; it is killed when it goes out of scope.
pub(crate) struct Running<'s, 'e> {
    stage: &'s Stage<'e>,
    process: Child,
    /// How much of the log was read.
    read: usize,
}

impl<'s, 'e> Running<'s, 'e> {
    /// Starts a controller with these settings beside `stacks`.
    pub(crate) fn start(stage: &'s Stage<'e>, settings: &str) -> Self {
        let usual = "sources: [{name: main, path: stacks}]\nintervals: {poll: 1s, retry: 2s}";
        Self::with(stage, &format!("{usual}\n{settings}"))
    }

    /// Starts a controller with these settings and no others.
    pub(crate) fn with(stage: &'s Stage<'e>, settings: &str) -> Self {
        let settings = format!("resolve_image: never\n{settings}\n");
        fs::write(stage.folder().join("skep.yaml"), settings).unwrap();
        Self::again(stage)
    }

    /// Starts a controller with the settings of the one before.
    pub(crate) fn again(stage: &'s Stage<'e>) -> Self {
        Self::spawn(stage, stage.command(&["run", "-vv"]))
    }

    /// Starts a controller that knows its engine from these settings, and from nothing else.
    pub(crate) fn of_settings(stage: &'s Stage<'e>, settings: &str) -> Self {
        let settings = format!(
            "sources: [{{name: main, path: stacks}}]\nresolve_image: never\n\
             intervals: {{poll: 1s, retry: 2s}}\n{settings}\n"
        );
        fs::write(stage.folder().join("engine.yaml"), settings).unwrap();
        let arguments = ["run", "-vv", "-c", "engine.yaml", "--fleet", stage.fleet()];
        Self::spawn(stage, stage.bare(&arguments))
    }

    /// Starts a controller with these settings and no others, which logs everything that it can in this form.
    pub(crate) fn logging(stage: &'s Stage<'e>, settings: &str, form: &str) -> Self {
        let settings = format!("resolve_image: never\n{settings}\n");
        fs::write(stage.folder().join("skep.yaml"), settings).unwrap();
        let mut command = stage.command(&["run", "--log-format", form, "-c", "skep.yaml"]);
        command.env("RUST_LOG", "trace");
        Self::spawn(stage, command)
    }

    /// Starts a controller with `command`.
    pub(crate) fn spawn(stage: &'s Stage<'e>, mut command: Command) -> Self {
        let log = File::create(stage.folder().join("log")).unwrap();
        command
            .env("XDG_RUNTIME_DIR", stage.folder())
            .env("SKEP_STATE_DIR", stage.folder().join("state"))
            .stdout(Stdio::null())
            .stderr(log);
        let mut running = Self { stage, process: command.spawn().unwrap(), read: 0 };
        running.says("begins");
        running
    }

    /// Runs the program with `arguments`, which ask this controller.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Run {
        let mut command = self.stage.command(arguments);
        command
            .env("XDG_RUNTIME_DIR", self.stage.folder())
            .env("SKEP_STATE_DIR", self.stage.folder().join("state"));
        Run::of(command.output().unwrap(), arguments)
    }

    /// What it tells about itself, on its socket.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        let socket = self.stage.folder().join(format!("skep/{}.sock", self.stage.fleet()));
        let mut stream = UnixStream::connect(socket).unwrap();
        let shown = r#"{"width": 100, "color": false, "unicode": true}"#;
        writeln!(stream, r#"{{"ask": "status", "stacks": [], "shown": {shown}}}"#).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["report"]["document"].clone()
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Everything that it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.stage.folder().join("log")).unwrap()
    }

    /// Waits until it logs a line with `words`, after those of earlier calls.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(40) {
            let log = self.log();
            let fresh = &log[self.read..];
            if let Some(at) = fresh.find(words) {
                self.read += at + words.len();
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it never said {words:?}:\n{}", &self.log()[self.read..]);
    }

    /// Everything that it has logged since what it was last waited for.
    pub(crate) fn since(&self) -> String {
        self.log().split_off(self.read)
    }

    /// Does not look at what it has logged so far any more.
    pub(crate) fn forget(&mut self) {
        let length = fs::metadata(self.stage.folder().join("log")).unwrap().len();
        self.read = length.try_into().unwrap();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.process);
        kill_process(id, signal).unwrap();
    }

    /// Waits until it has ended, and gives its exit code.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> i32 {
        let code = eventually(20, "the controller ends", || self.process.try_wait().unwrap());
        code.code().unwrap()
    }
}

impl Drop for Running<'_, '_> {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
