//! Names of one test, and the removal of everything that has them.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::engine::Engine;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A prefix that no other test has. When it goes out of scope, so do all objects whose names begin with it.
pub(crate) struct Scratch<'e> {
    engine: &'e Engine,
    prefix: String,
}

impl<'e> Scratch<'e> {
    /// A new prefix on `engine`.
    pub(crate) fn on(engine: &'e Engine) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { engine, prefix: format!("t{}x{number}", process::id()) }
    }

    /// The full name of `what`.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{}_{what}", self.prefix)
    }

    /// Removes what there is of one kind; whether nothing is left.
    fn remove(&self, kind: &str) -> bool {
        // Filters by name mean something else for each kind.
        let all =
            self.engine.try_docker(&[kind, "ls", "--format", "{{.Name}}"]).unwrap_or_default();
        let prefix = self.name("");
        let ours: Vec<&str> = all.lines().filter(|name| name.starts_with(&prefix)).collect();
        let command: Vec<&str> = [kind, "rm"].into_iter().chain(ours.iter().copied()).collect();
        ours.is_empty() || self.engine.try_docker(&command).is_some()
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        for kind in ["service", "config", "secret", "network"] {
            // Networks are held by tasks for as long as those shut down.
            while !self.remove(kind) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
