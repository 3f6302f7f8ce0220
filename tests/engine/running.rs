//! A running controller, its log, and its end.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::eventually::eventually;
use crate::stage::Stage;

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
        let settings = format!(
            "sources: [{{name: main, path: stacks}}]\nresolve_image: never\n\
             intervals: {{poll: 1s, retry: 2s}}\n{settings}\n"
        );
        fs::write(stage.folder().join("skep.yaml"), settings).unwrap();
        let log = File::create(stage.folder().join("log")).unwrap();
        let mut command = stage.command(&["run", "-vv"]);
        command.env("XDG_RUNTIME_DIR", stage.folder()).stdout(Stdio::null()).stderr(log);
        Self { stage, process: command.spawn().unwrap(), read: 0 }
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
