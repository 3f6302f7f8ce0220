//! Why no node takes a task: which constraint, which resource, which node that is away.
//!
//! Swarm says how many nodes failed which of its checks, and not which constraint or node it was. The checks are made
//! again here (swarmkit `manager/scheduler/filter.go`), with what the nodes and the tasks on them tell.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::live::{Node, Task, TaskState};
use crate::model::task::{Platform, Reservations, TaskTemplate};

use super::constraint;

/// How many nodes a text names.
const NAMED: usize = 3;

/// What keeps tasks off nodes. Equal reasons on several nodes are one obstacle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Obstacle {
    /// The stable name of the reason.
    pub code: ObstacleCode,
    /// What exactly: the constraint, the state of the node, the resource and how much of it.
    pub what: String,
    /// Host names of the nodes that it is true of, sorted.
    pub nodes: Vec<String>,
}

/// The stable names of what keeps tasks off nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ObstacleCode {
    /// The node is down, drained or paused.
    NodeUnavailable,
    /// A placement constraint does not hold.
    Constraint,
    /// The image has no variant for the platform.
    Platform,
    /// Less CPU is free than is reserved.
    Cpu,
    /// Less memory is free than is reserved.
    Memory,
    /// As many tasks of the service are there as may be on one node.
    MaxReplicas,
}

/// What a service asks of a node for one more task.
#[derive(Debug, Clone, Copy)]
pub(in crate::reconciler) struct Demand<'a> {
    /// The Engine's id of the service.
    pub(in crate::reconciler) service: &'a str,
    /// What the task would run.
    pub(in crate::reconciler) template: &'a TaskTemplate,
}

/// Why each of `nodes`, on which `tasks` run, does not take a task; nothing of those that would.
pub(in crate::reconciler) fn obstacles(
    demand: Demand<'_>,
    nodes: &[Node],
    tasks: &[&Task],
) -> Vec<Obstacle> {
    let mut found = Found::default();
    for node in nodes {
        // What has ended holds no resources any more.
        let on_it = tasks.iter().copied();
        let on_it = on_it.filter(|task| is_on(task, node) && task.state <= TaskState::Running);
        found.inspect(demand, node, &on_it.collect::<Vec<_>>());
    }
    found.into_obstacles()
}

/// The obstacles that `nodes` are by their own state.
pub(in crate::reconciler) fn unavailable<'n>(
    nodes: impl Iterator<Item = &'n Node>,
) -> Vec<Obstacle> {
    let mut found = Found::default();
    for node in nodes {
        if let Some(state) = absence(node) {
            found.note(node, ObstacleCode::NodeUnavailable, state, 0);
        }
    }
    found.into_obstacles()
}

/// Why a node takes no tasks at all: `down`, `drained`, `paused`.
fn absence(node: &Node) -> Option<String> {
    let Node { state, availability, .. } = node;
    match (state.as_str(), availability.as_str()) {
        ("ready", "active") => None,
        ("ready", "drain") => Some("drained".to_owned()),
        ("ready", "pause") => Some("paused".to_owned()),
        ("ready", other) => Some(other.to_owned()),
        (state, _) => Some(state.to_owned()),
    }
}

fn is_on(task: &Task, node: &Node) -> bool {
    task.node_id.as_ref() == Some(&node.id)
}

/// The nodes of each obstacle, and how much of a resource is free on the freest of them.
#[derive(Default)]
struct Found(BTreeMap<(ObstacleCode, String), (Vec<String>, i64)>);

impl Found {
    fn note(&mut self, node: &Node, code: ObstacleCode, what: String, free: i64) {
        let (nodes, most) = self.0.entry((code, what)).or_default();
        nodes.push(node.hostname.clone());
        *most = free.max(*most);
    }

    fn inspect(&mut self, demand: Demand<'_>, node: &Node, on_it: &[&Task]) {
        let Demand { service, template } = demand;
        if let Some(state) = absence(node) {
            return self.note(node, ObstacleCode::NodeUnavailable, state, 0);
        }
        let placement = template.placement.clone().unwrap_or_default();
        let failing: Vec<&String> = placement
            .constraints
            .iter()
            .filter(|constraint| !constraint::allows(constraint, node))
            .collect();
        for constraint in &failing {
            self.note(node, ObstacleCode::Constraint, spaced(constraint), 0);
        }
        if !failing.is_empty() {
            return;
        }
        if !runs_on(&placement.platforms, node) {
            let platforms: Vec<String> = placement.platforms.iter().map(named).collect();
            return self.note(node, ObstacleCode::Platform, platforms.join(", "), 0);
        }
        let wanted = reserved(template);
        let mut free = (node.nano_cpus, node.memory_bytes);
        for task in on_it {
            let taken = reserved(&task.template);
            free.0 = free.0.saturating_sub(taken.nano_cpus);
            free.1 = free.1.saturating_sub(taken.memory_bytes);
        }
        if wanted.nano_cpus > free.0 {
            self.note(node, ObstacleCode::Cpu, cpus(wanted.nano_cpus), free.0);
        }
        if wanted.memory_bytes > free.1 {
            self.note(node, ObstacleCode::Memory, memory(wanted.memory_bytes), free.1);
        }
        let most = placement.max_replicas;
        let here = on_it
            .iter()
            .filter(|task| task.service_id == service && task.desired <= TaskState::Running);
        if most > 0 && here.count() as u64 >= most {
            self.note(node, ObstacleCode::MaxReplicas, most.to_string(), 0);
        }
    }

    fn into_obstacles(self) -> Vec<Obstacle> {
        let obstacles = self.0.into_iter().map(|((code, what), (mut nodes, most))| {
            nodes.sort();
            let most = most.max(0);
            let what = match code {
                ObstacleCode::Cpu => format!("{what} CPUs reserved, at most {} free", cpus(most)),
                ObstacleCode::Memory => {
                    format!("{what} of memory reserved, at most {} free", memory(most))
                }
                _ => what,
            };
            Obstacle { code, what, nodes }
        });
        obstacles.collect()
    }
}

fn reserved(template: &TaskTemplate) -> Reservations {
    let resources = template.resources.as_ref();
    resources.and_then(|resources| resources.reservations.clone()).unwrap_or_default()
}

/// Whether an image with these platforms runs on `node`. What the image does not say is taken for fitting.
fn runs_on(platforms: &[Platform], node: &Node) -> bool {
    let same = |wanted: &str, has: &str| {
        wanted.is_empty() || has.is_empty() || normal(wanted) == normal(has)
    };
    platforms.is_empty()
        || platforms.iter().any(|platform| {
            same(&platform.os, &node.os) && same(&platform.architecture, &node.architecture)
        })
}

/// The name that images have for an architecture, where the kernel has another one.
fn normal(architecture: &str) -> &str {
    match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn named(platform: &Platform) -> String {
    let Platform { architecture, os } = platform;
    format!("{os}/{}", normal(architecture))
}

/// A constraint with a space on both sides of its sign, as the documentation writes it.
fn spaced(constraint: &str) -> String {
    for sign in ["!=", "=="] {
        if let Some((key, value)) = constraint.split_once(sign) {
            return format!("{} {sign} {}", key.trim(), value.trim());
        }
    }
    constraint.to_owned()
}

fn cpus(nanos: i64) -> String {
    let thousandths = nanos / 1_000_000;
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Bytes in the largest unit of which there is at least one, with one digit behind the point.
fn memory(bytes: i64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >> shift > 0 {
            let tenths = (bytes >> (shift - 10)).saturating_mul(10) >> 10;
            let text = format!("{}.{}", tenths / 10, tenths % 10);
            return format!("{} {unit}", text.trim_end_matches(".0"));
        }
    }
    format!("{bytes} bytes")
}

/// `node.labels.disk == ssd does not hold on test-one, test-two`
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, what, nodes } = self;
        let mut names = nodes.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        if let Some(more) = nodes.len().checked_sub(NAMED).filter(|more| *more > 0) {
            names = format!("{names} and {more} more");
        }
        let one = nodes.len() == 1;
        match code {
            ObstacleCode::NodeUnavailable if one => write!(f, "{names} is {what}"),
            ObstacleCode::NodeUnavailable => write!(f, "{names} are {what}"),
            ObstacleCode::Constraint => write!(f, "{what} does not hold on {names}"),
            ObstacleCode::Platform => write!(f, "the image is for {what}, and not for {names}"),
            ObstacleCode::Cpu | ObstacleCode::Memory => write!(f, "{what} on {names}"),
            ObstacleCode::MaxReplicas if what == "1" => {
                write!(f, "1 task, the most that one node may have, is on {names}")
            }
            ObstacleCode::MaxReplicas => {
                write!(f, "{what} tasks, the most that one node may have, are on {names}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::task::{Placement, Resources};
    use jiff::Timestamp;

    fn node(name: &str) -> Node {
        Node::example(&format!("id-{name}"), name)
    }

    fn template(placement: Placement, nano_cpus: i64, memory_bytes: i64) -> TaskTemplate {
        let reservations = Reservations { nano_cpus, memory_bytes, ..Reservations::default() };
        let resources = Resources { reservations: Some(reservations), ..Resources::default() };
        TaskTemplate {
            placement: Some(placement),
            resources: Some(resources),
            ..TaskTemplate::default()
        }
    }

    /// A task on node `one`.
    fn task(service: &str, template: TaskTemplate, state: TaskState) -> Task {
        Task {
            id: String::new(),
            service_id: service.to_owned(),
            slot: 1,
            node_id: Some("id-one".to_owned()),
            created: Timestamp::UNIX_EPOCH,
            state,
            desired: TaskState::Running,
            since: Timestamp::UNIX_EPOCH,
            message: String::new(),
            error: None,
            exit_code: None,
            job_iteration: None,
            template,
        }
    }

    fn told(template: &TaskTemplate, nodes: &[Node], tasks: &[Task]) -> Vec<String> {
        let demand = Demand { service: "s", template };
        let obstacles = obstacles(demand, nodes, &tasks.iter().collect::<Vec<_>>());
        obstacles.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_check_of_swarms_names_what_does_not_fit_and_where() {
        let nodes = [node("one"), node("two")];
        let constraints = |texts: &[&str]| Placement {
            constraints: texts.iter().map(|text| (*text).to_owned()).collect(),
            ..Placement::default()
        };
        let plain = Placement::default;
        let arm = Platform { architecture: "arm64".to_owned(), os: "linux".to_owned() };
        let used = |state| task("other", template(plain(), 1_500_000_000, 1 << 30), state);
        let own = task("s", TaskTemplate::default(), TaskState::Running);
        let rows: [(TaskTemplate, Vec<Task>, &[&str]); 7] = [
            (template(plain(), 2_000_000_000, 2 << 30), vec![], &[]),
            (
                template(constraints(&["node.labels.disk==ssd", "node.hostname != two"]), 0, 0),
                vec![],
                &[
                    "node.hostname != two does not hold on two",
                    "node.labels.disk == ssd does not hold on one, two",
                ],
            ),
            (
                template(plain(), 750_000_000, 3 << 29),
                vec![used(TaskState::Running)],
                &[
                    "0.75 CPUs reserved, at most 0.5 free on one",
                    "1.5 GiB of memory reserved, at most 1 GiB free on one",
                ],
            ),
            (template(plain(), 1_000_000_000, 0), vec![used(TaskState::Failed)], &[]),
            (
                template(plain(), 0, 900 << 30),
                vec![],
                &["900 GiB of memory reserved, at most 2 GiB free on one, two"],
            ),
            (
                template(Placement { platforms: vec![arm], ..plain() }, 0, 0),
                vec![],
                &["the image is for linux/arm64, and not for one, two"],
            ),
            (
                template(Placement { max_replicas: 1, ..plain() }, 0, 0),
                vec![own],
                &["1 task, the most that one node may have, is on one"],
            ),
        ];
        for (template, tasks, expected) in rows {
            assert_eq!(told(&template, &nodes, &tasks), expected);
        }
    }

    #[test]
    fn nodes_that_are_away_are_named_by_their_state_and_asked_nothing_else() {
        let away = |name: &str, state: &str, availability: &str| Node {
            state: state.to_owned(),
            availability: availability.to_owned(),
            ..node(name)
        };
        let nodes = [
            away("e", "ready", "drain"),
            away("d", "down", "active"),
            away("c", "down", "drain"),
            away("b", "ready", "pause"),
            away("a", "down", "active"),
            away("f", "down", "active"),
        ];
        let wanted = Placement {
            constraints: vec!["node.role==manager".to_owned()],
            ..Placement::default()
        };
        assert_eq!(
            told(&template(wanted, 0, 0), &nodes, &[]),
            ["a, c, d and 1 more are down", "e is drained", "b is paused"]
        );
        assert_eq!(unavailable(nodes[..1].iter())[0].to_string(), "e is drained");
    }
}
