//! A run of the program that is killed at a chosen moment, as by `kill -9`.

use std::fmt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::proxy::{Fault, Proxy};

/// When it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Its request of this number, from 1, has left it, and does not reach the engine.
    Request(usize),
    /// The engine has made its write of this number, from 1, and it has not heard of that.
    Written(usize),
    /// This long after its start.
    After(Duration),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(number) => write!(f, "before request {number}"),
            Self::Written(number) => write!(f, "after write {number}"),
            Self::After(time) => write!(f, "after {} ms", time.as_millis()),
        }
    }
}

/// The process, once it runs, and whether it was killed.
#[derive(Default)]
struct Victim {
    process: Mutex<Option<Child>>,
    killed: AtomicBool,
}

impl Victim {
    fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
        if let Some(process) = self.process.lock().unwrap().as_mut() {
            // One that has just ended by itself cannot be killed.
            let _ = process.kill();
        }
    }
}

/// Runs `command`, which speaks through `proxy`, until it is killed; whether it lived until that moment.
pub(crate) fn kill(mut command: Command, proxy: &Proxy, moment: Moment) -> bool {
    let victim = Arc::new(Victim::default());
    let (requests, writes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let target = Arc::clone(&victim);
    proxy.inject(move |call| {
        if target.killed.load(Ordering::SeqCst) {
            return Some(Fault::CutBefore);
        }
        let request = requests.fetch_add(1, Ordering::SeqCst) + 1;
        let write = if call.writes() { writes.fetch_add(1, Ordering::SeqCst) + 1 } else { 0 };
        match moment {
            Moment::Request(number) if number == request => {
                target.kill();
                Some(Fault::CutBefore)
            }
            Moment::Written(number) if number == write => {
                let target = Arc::clone(&target);
                Some(Fault::Then(Arc::new(move || target.kill())))
            }
            Moment::Request(_) | Moment::Written(_) | Moment::After(_) => None,
        }
    });
    let started = Instant::now();
    {
        // Nothing can kill it before it is known here.
        let mut process = victim.process.lock().unwrap();
        *process = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }
    loop {
        if let Moment::After(time) = moment
            && started.elapsed() >= time
        {
            victim.kill();
        }
        let ended = victim.process.lock().unwrap().as_mut().unwrap().try_wait().unwrap();
        if let Some(status) = ended {
            proxy.inject(|_| None);
            return status.code().is_none();
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{moment}: it does not end");
        thread::sleep(Duration::from_millis(5));
    }
}
