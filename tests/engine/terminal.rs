//! A terminal with the program on it: keys, sizes, what stands on the screen, and the end of the terminal itself.

use std::io::{ErrorKind, Read as _, Write as _};
use std::num::NonZero;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use pty_process::blocking::{Command as PtyCommand, Pty};
use pty_process::{Size, blocking};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often a condition is looked at.
const SPELL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// So many that a plan need not be scrolled.
const LINES: NonZero<u16> = NonZero::new(60).unwrap();

pub(crate) struct Terminal {
    pty: Pty,
    child: Child,
    screen: vt100::Parser,
    /// Everything that was written to it.
    written: Vec<u8>,
    over: bool,
}

impl Terminal {
    /// Runs `command` on a new terminal, of which it is the only program.
    pub(crate) fn run(mut command: Command, columns: u16) -> Self {
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let (pty, pts) = blocking::open().unwrap();
        let columns = NonZero::new(columns).unwrap();
        pty.resize(Size::new(LINES.get(), columns.get())).unwrap();
        let child = PtyCommand::from(command).spawn(pts).unwrap();
        let screen = vt100::Parser::new(LINES, columns, 0);
        Self { pty, child, screen, written: Vec::new(), over: false }
    }

    /// What stands on the screen.
    pub(crate) fn screen(&self) -> String {
        self.screen.screen().contents()
    }

    /// Everything that the program wrote, control sequences too.
    pub(crate) fn written(&self) -> String {
        String::from_utf8_lossy(&self.written).into_owned()
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the window as wide as that.
    pub(crate) fn resize(&mut self, columns: u16) {
        let columns = NonZero::new(columns).unwrap();
        self.pty.resize(Size::new(LINES.get(), columns.get())).unwrap();
        self.screen.screen_mut().set_size(LINES, columns);
    }

    /// Reads on until the screen is as wished.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, mut wish: impl FnMut(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wish(&self.screen()) {
            assert!(!self.over, "it ended without {what}:\n{}", self.screen());
            assert!(Instant::now() < deadline, "no {what} in time:\n{}", self.screen());
            self.read();
        }
    }

    /// Reads on until `text` stands on the screen.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    /// Reads on until the program has ended.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while !self.over {
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.screen());
            self.read();
        }
        self.child.wait().unwrap()
    }

    /// Closes the terminal under the program, as a lost connection does, and waits for its end.
    pub(crate) fn hang_up(self) -> ExitStatus {
        let Self { pty, mut child, screen: _, written: _, over: _ } = self;
        drop(pty);
        child.wait().unwrap()
    }

    /// Takes what the program has written, or waits for a moment.
    fn read(&mut self) {
        let mut waiting = [PollFd::new(&self.pty, PollFlags::IN)];
        match poll(&mut waiting, Some(&SPELL)) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
        let mut bytes = [0; 4096];
        match self.pty.read(&mut bytes) {
            Ok(count) => {
                self.written.extend_from_slice(&bytes[..count]);
                self.screen.process(&bytes[..count]);
            }
            // How Linux says that nobody has the other end any more.
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
                self.over = true;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("{error}"),
        }
    }
}
