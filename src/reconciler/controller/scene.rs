//! Tasks and nodes for those who look closer, asked of the engine when somebody does: passes without changes list
//! neither.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::diff::mask::{Scrub, Sensitivity};
use crate::model::error::chain;
use crate::model::live::{Node, Observed, Task, TaskState};
use crate::reconciler::health::error;
use crate::swarm::{Managers, Observer, SwarmError};

/// For how long an answer is good enough for the next who asks.
const FRESH: Duration = Duration::from_secs(3);
/// How long an engine may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many tasks that have ended are kept of each service.
const ENDED: usize = 10;
/// How long the words on a task may be, in characters.
const WORDS: usize = 2000;

/// The tasks and nodes of a Swarm at one moment.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Scene {
    /// When, by the engine's clock.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The nodes, by host name.
    pub nodes: Vec<NodeSight>,
    /// The tasks of each service by its full name: those that are wanted, and the newest that have ended.
    pub tasks: BTreeMap<String, Vec<TaskSight>>,
}

/// A node of the Swarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NodeSight {
    /// The Engine's id.
    pub id: String,
    /// Its host name.
    pub hostname: String,
    /// Whether it is a manager.
    pub manager: bool,
    /// `active`, `pause` or `drain`.
    pub availability: String,
    /// `ready`, `down`, `disconnected` or `unknown`.
    pub state: String,
    /// Operating system and architecture, such as `linux/x86_64`.
    pub platform: String,
    /// CPU in billionths of a core.
    pub cpu: Share,
    /// Memory in bytes.
    pub memory: Share,
    /// Tasks that run on it.
    pub running: usize,
}

/// How much of something tasks have reserved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Share {
    /// What tasks that are to run there have reserved.
    pub reserved: i64,
    /// What there is.
    pub total: i64,
}

impl Share {
    /// The reserved part, in hundredths of the whole.
    pub fn percent(self) -> i64 {
        if self.total > 0 { self.reserved.saturating_mul(100) / self.total } else { 0 }
    }
}

/// A task of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TaskSight {
    /// The Engine's id.
    pub id: String,
    /// Its number among replicas; zero for global services.
    pub slot: u64,
    /// Host name of its node, or its id where the node is gone; absent while it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What it does.
    #[schemars(with = "String")]
    pub state: TaskState,
    /// What it is wanted to do.
    #[schemars(with = "String")]
    pub desired: TaskState,
    /// When its state last changed.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// The image that it runs.
    pub image: String,
    /// What went wrong, in Swarm's own words, cut and without known secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Exit code of its container, where that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
}

impl TaskSight {
    /// Whether it is to run.
    pub fn is_wanted(&self) -> bool {
        self.desired <= TaskState::Running
    }
}

/// A look that is under way.
pub type Look<'a> = Pin<Box<dyn Future<Output = Result<Arc<Scene>, String>> + Send + 'a>>;

/// Where scenes can be had.
pub trait Scenes: fmt::Debug + Send + Sync {
    /// The scene of now or of a few seconds ago, but not of before `after`; or why there is none.
    fn look(&self, after: Option<Timestamp>) -> Look<'_>;
}

/// Asks an engine for its [`Scene`] when somebody wants it. It has no way to write.
#[derive(Debug)]
pub struct Observatory {
    sensitivity: Sensitivity,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    managers: Managers,
    observer: Option<Observer>,
    last: Option<Last>,
}

/// What came of the last look.
#[derive(Debug)]
struct Last {
    /// When it began, by this machine's clock.
    at: Timestamp,
    /// When it ended.
    ended: Instant,
    scene: Result<Arc<Scene>, String>,
}

impl Last {
    /// Whether it will do at `now` for who knows what happened until `after`. What is still to come was noted before the
    /// clock was set back, and nothing would ever be newer.
    fn is_good_enough(&self, after: Option<Timestamp>, now: Timestamp) -> bool {
        let is_newer = |after: Timestamp| self.at >= after || after > now;
        self.ended.elapsed() < FRESH && after.is_none_or(is_newer)
    }
}

impl Observatory {
    /// One that asks `managers`; `sensitivity` tells what is masked.
    pub fn new(managers: Managers, sensitivity: Sensitivity) -> Self {
        Self { sensitivity, inner: Mutex::new(Inner { managers, observer: None, last: None }) }
    }

    async fn newest(&self, after: Option<Timestamp>) -> Result<Arc<Scene>, String> {
        let mut inner = self.inner.lock().await;
        let at = Timestamp::now();
        if let Some(last) = inner.last.as_ref().filter(|last| last.is_good_enough(after, at)) {
            return last.scene.clone();
        }
        let looked = match timeout(PATIENCE, inner.look()).await {
            Ok(Ok(observed)) => Ok(Arc::new(scene(&observed, &self.sensitivity))),
            Ok(Err(error)) => Err(chain(&error)),
            Err(_) => Err(format!("the engine did not answer within {} s", PATIENCE.as_secs())),
        };
        inner.last = Some(Last { at, ended: Instant::now(), scene: looked.clone() });
        looked
    }
}

/// Many who ask at once are answered with one look.
impl Scenes for Observatory {
    fn look(&self, after: Option<Timestamp>) -> Look<'_> {
        Box::pin(self.newest(after))
    }
}

impl Inner {
    async fn look(&mut self) -> Result<Observed, SwarmError> {
        let eye = match self.observer.take() {
            Some(eye) => eye,
            None => Observer::new(self.managers.connect().await?)?,
        };
        let looked = async {
            let mut observed = eye.observe().await?;
            observed.workload = Some(eye.workload(&observed).await?);
            Ok(observed)
        };
        match looked.await {
            Ok(observed) => {
                self.observer = Some(eye);
                Ok(observed)
            }
            Err(error) => {
                self.managers.failed(&error);
                Err(error)
            }
        }
    }
}

/// What there is to see of tasks and nodes.
pub fn scene(observed: &Observed, sensitivity: &Sensitivity) -> Scene {
    let Some(workload) = &observed.workload else {
        return Scene { at: observed.engine.now, ..Scene::default() };
    };
    let hosts: HashMap<&str, &str> =
        workload.nodes.iter().map(|node| (node.id.as_str(), node.hostname.as_str())).collect();
    let services: HashMap<&str, &str> = observed
        .services
        .iter()
        .map(|service| (service.id.as_str(), service.spec.name.as_str()))
        .collect();
    let mut tasks: BTreeMap<String, Vec<TaskSight>> = BTreeMap::new();
    for task in &workload.tasks {
        let Some(service) = services.get(task.service_id.as_str()) else { continue };
        let of_service = tasks.entry((*service).to_owned()).or_default();
        of_service.push(task_sight(task, &hosts, sensitivity));
    }
    for of_service in tasks.values_mut() {
        of_service.sort_by(|a, b| place(a).cmp(&place(b)));
        shorten(of_service);
    }
    let mut nodes: Vec<NodeSight> =
        workload.nodes.iter().map(|node| node_sight(node, &workload.tasks)).collect();
    nodes.sort_by(|a, b| a.hostname.cmp(&b.hostname));
    Scene { at: observed.engine.now, nodes, tasks }
}

/// Where a task stands among those of its service: what is wanted first, by slot and node.
fn place(task: &TaskSight) -> (bool, u64, Option<&str>, Reverse<Timestamp>) {
    (!task.is_wanted(), task.slot, task.node.as_deref(), Reverse(task.since))
}

/// Leaves out all but the newest tasks that have ended.
fn shorten(tasks: &mut Vec<TaskSight>) {
    let wanted = tasks.iter().take_while(|task| task.is_wanted()).count();
    let mut ended = tasks.split_off(wanted);
    ended.sort_by_key(|task| Reverse(task.since));
    ended.truncate(ENDED);
    tasks.append(&mut ended);
}

fn task_sight(task: &Task, hosts: &HashMap<&str, &str>, sensitivity: &Sensitivity) -> TaskSight {
    let node = task.node_id.as_deref().map(|id| hosts.get(id).copied().unwrap_or(id).to_owned());
    // What is said of a task may repeat what it was made from.
    let words = task.error.as_deref().filter(|words| !words.is_empty()).map(|words| {
        let scrub = Scrub::new(sensitivity.clone()).with_template(&task.template);
        error(&scrub.scrub(words)).chars().take(WORDS).collect()
    });
    let container = task.template.container_spec.as_ref();
    TaskSight {
        id: task.id.clone(),
        slot: task.slot,
        node,
        state: task.state,
        desired: task.desired,
        since: task.since,
        image: container.map(|container| container.image.clone()).unwrap_or_default(),
        error: words,
        exit_code: task.exit_code.filter(|_| task.state > TaskState::Running),
    }
}

fn node_sight(node: &Node, tasks: &[Task]) -> NodeSight {
    let here = || tasks.iter().filter(|task| task.node_id.as_ref() == Some(&node.id));
    // What Swarm's scheduler counts: what runs or is about to, whoever's it is.
    let holding = here()
        .filter(|task| task.desired <= TaskState::Running && task.state <= TaskState::Running);
    let (mut cpu, mut memory) = (
        Share { reserved: 0, total: node.nano_cpus },
        Share { reserved: 0, total: node.memory_bytes },
    );
    for task in holding {
        let resources = task.template.resources.as_ref();
        if let Some(reserved) = resources.and_then(|resources| resources.reservations.as_ref()) {
            cpu.reserved += reserved.nano_cpus;
            memory.reserved += reserved.memory_bytes;
        }
    }
    NodeSight {
        id: node.id.clone(),
        hostname: node.hostname.clone(),
        manager: node.manager,
        availability: node.availability.clone(),
        state: node.state.clone(),
        platform: format!("{}/{}", node.os, node.architecture),
        cpu,
        memory,
        running: here().filter(|task| task.state == TaskState::Running).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_look_will_do_for_a_few_seconds_unless_something_happened_since() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (scene, ended) = (Ok(Arc::default()), Instant::now());
        let last = Last { at: at(100), ended, scene };
        let cases = [None, Some(99), Some(100), Some(101), Some(103)];
        let will_do = |now| cases.map(|after| last.is_good_enough(after.map(at), at(now)));
        assert_eq!(will_do(102), [true, true, true, false, true]);
        tokio::time::advance(FRESH).await;
        assert_eq!(will_do(102), [false; 5]);
    }
}
