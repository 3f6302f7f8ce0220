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

    /// The prefix itself, without the line that follows it in names.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether an object of this name came of this test.
    pub(crate) fn owns(&self, name: &str) -> bool {
        name.starts_with(&self.name("")) || name == self.record()
    }

    /// The record of a fleet that is called like the prefix.
    fn record(&self) -> String {
        format!("skep_{}_record", self.prefix)
    }

    /// Removes everything whose name begins with `beginning`; what is left after half a minute stays.
    pub(crate) fn clear(&self, beginning: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        for kind in ["service", "container", "config", "secret", "network", "volume"] {
            while !self.remove(kind, beginning) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    /// Removes what there is of one kind; whether nothing is left.
    fn remove(&self, kind: &str, beginning: &str) -> bool {
        // Filters by name mean something else for each kind.
        let list: &[&str] = match kind {
            "container" => &["container", "ls", "--all", "--format", "{{.Names}}"],
            _ => &[kind, "ls", "--format", "{{.Name}}"],
        };
        let Some(all) = self.engine.try_docker(list) else {
            // An engine without a swarm has nothing of ours.
            return self.engine.try_docker(&["node", "ls"]).is_none();
        };
        let ours: Vec<&str> = all.lines().filter(|name| name.starts_with(beginning)).collect();
        // Swarm removes containers by itself. Once the last one is gone, the node has let go of the subnet too; before
        // that, Swarm would give it to the network of another test, and the node would refuse that one's tasks.
        let command: Vec<&str> = [kind, "rm"].into_iter().chain(ours.iter().copied()).collect();
        ours.is_empty() || (kind != "container" && self.engine.try_docker(&command).is_some())
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.clear(&self.name(""));
        self.clear(&self.record());
    }
}
