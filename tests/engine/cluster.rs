//! A Swarm of three engines, which the tests that lose nodes share one after the other.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::Engine;
use crate::eventually::eventually;
use crate::own::Own;
use crate::stage::Stage;

/// The nodes: the first is a manager, the others are workers.
const NAMES: [&str; 3] = ["test-one", "test-two", "test-three"];

/// Three engines in one Swarm, for one test at a time. The next test finds them running, `scripts/test` removes them.
pub(crate) struct Cluster {
    nodes: [Own; 3],
    _alone: File,
}

impl Cluster {
    /// All three of them at work. Without `scripts/test`, says that the test is skipped.
    pub(crate) fn whole() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        fs::create_dir_all(&folder).unwrap();
        let alone = File::create(folder.join(".cluster.lock")).unwrap();
        alone.lock().unwrap();
        let [one, two, three] = NAMES;
        let join = ["--join", one];
        let nodes =
            [Own::up(one, &[])?.kept(), Own::up(two, &join)?.kept(), Own::up(three, &join)?.kept()];
        let cluster = Self { nodes, _alone: alone };
        for node in &cluster.nodes {
            node.import_images();
            node.mend();
        }
        cluster.are_all_ready();
        // A node is down after three of these.
        let heartbeat = ["swarm", "update", "--dispatcher-heartbeat", "1s"];
        cluster.manager().docker(&heartbeat);
        eventually(60, "the others are workers", || {
            // Swarm itself writes nodes, too, while they change.
            cluster.manager().try_docker(&["node", "demote", two, three])
        });
        // A test that failed may have left one drained or paused.
        for name in NAMES {
            cluster.set(name, "active");
        }
        Some(cluster)
    }

    /// The engine that is always a manager.
    pub(crate) fn manager(&self) -> &Engine {
        &self.nodes[0].engine
    }

    /// Where the manager's ports that are published in host mode answer.
    pub(crate) fn address(&self) -> String {
        self.nodes[0].address()
    }

    /// A node.
    pub(crate) fn node(&self, number: usize) -> &Own {
        &self.nodes[number]
    }

    /// Sets the availability of a node.
    pub(crate) fn set(&self, name: &str, availability: &str) {
        // Swarm itself writes nodes, too, while they change.
        eventually(60, &format!("{name} is set to {availability}"), || {
            self.manager().try_docker(&["node", "update", "--availability", availability, name])
        });
    }

    /// Waits until Swarm takes `node` for `state`, `ready` or `down`.
    pub(crate) fn is(&self, node: &Own, state: &str) {
        eventually(60, &format!("{} is {state}", node.name), || {
            let nodes = self.manager().try_docker(&["node", "inspect", node.name])?;
            let nodes: Value = serde_json::from_str(&nodes).unwrap();
            (nodes[0]["Status"]["State"] == state).then_some(())
        });
    }

    /// Waits until Swarm takes all nodes for ready.
    pub(crate) fn are_all_ready(&self) {
        for node in &self.nodes {
            self.is(node, "ready");
        }
    }
}

/// What the Engine's list of tasks says of a service: the truth that a verdict is held against.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    /// Tasks that are meant to run, run, and do what the service says.
    pub(crate) ready: u64,
    /// Tasks that are meant to run and do what an older spec said.
    pub(crate) old: u64,
    /// The names of the nodes of the former, sorted.
    pub(crate) nodes: Vec<String>,
}

impl Truth {
    /// The truth on service `name`, as `engine` has it.
    pub(crate) fn of(engine: &Engine, name: &str) -> Self {
        let service = engine.get(&format!("/services/{name}"));
        let wanted = &service["Spec"]["TaskTemplate"]["ContainerSpec"];
        let nodes = engine.get("/nodes");
        let (mut ready, mut old) = (Vec::new(), 0);
        for task in engine.tasks(name) {
            if task["DesiredState"] != "running" {
                continue;
            }
            let container = &task["Spec"]["ContainerSpec"];
            if (&container["Args"], &container["Image"]) != (&wanted["Args"], &wanted["Image"]) {
                old += 1;
            } else if task["Status"]["State"] == "running" {
                let node =
                    nodes.as_array().unwrap().iter().find(|node| node["ID"] == task["NodeID"]);
                ready.push(node.unwrap()["Description"]["Hostname"].as_str().unwrap().to_owned());
            }
        }
        ready.sort();
        Self { ready: ready.len() as u64, old, nodes: ready }
    }
}

/// What `skep status` says of a service, held against what `engine` says right before and right after: fails the test
/// unless it is the truth. `None` if that moved in between.
#[track_caller]
fn truthful(stage: &Stage<'_>, engine: &Engine, name: &str) -> Option<(Value, Truth)> {
    let full = stage.name(name);
    let before = Truth::of(engine, &full);
    let run = stage.skep(&["status", "--format", "json"]);
    let truth = Truth::of(engine, &full);
    if before != truth {
        return None;
    }
    let status: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
    let services = status["stacks"][0]["services"].as_array().unwrap();
    let said = services.iter().find(|service| service["name"] == *full).unwrap().clone();
    let tasks = || format!("{said:#}\n{:#}", Value::from(engine.tasks(&full)));
    // A task that may be between two crashes runs, and is not counted yet.
    assert!(said["ready"].as_u64() <= Some(truth.ready), "{}", tasks());
    let whole = said["wanted"].as_u64() == Some(truth.ready) && truth.old == 0;
    assert!(whole || said["health"] != "Healthy", "{}", tasks());
    Some((said, truth))
}

/// Asks skep again and again, which must tell the truth each time, until that is `until`.
#[track_caller]
pub(crate) fn watch(
    stage: &Stage<'_>,
    engine: &Engine,
    name: &str,
    what: &str,
    until: impl Fn(&Value, &Truth) -> bool,
) -> (Value, Truth) {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        if let Some((said, truth)) = truthful(stage, engine, name)
            && until(&said, &truth)
        {
            return (said, truth);
        }
        if Instant::now() > deadline {
            let service = engine.get(&format!("/services/{}", stage.name(name)));
            let tasks = Value::from(engine.tasks(&stage.name(name)));
            panic!("not within 90 s: {what}: {service:#}\n{tasks:#}");
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Whether a service is said to be healthy.
pub(crate) fn healthy(said: &Value, _: &Truth) -> bool {
    said["health"] == "Healthy"
}
