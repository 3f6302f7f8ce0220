//! Blame: whether a release that Swarm rolled back has failed, or its surroundings have.
//!
//! Only a release that failed by itself is remembered as refused. A node that went away takes tasks with it, and one that
//! cannot fetch the image never runs them; neither says anything about the release.

use crate::diff;
use crate::model::live::{LiveService, Node, Task, TaskState, Workload};
use crate::model::service::ServiceSpec;

use super::Context;

/// What a node says that has no image and could not fetch it (moby `daemon/cluster/executor/container`). Why it could not,
/// only its own log tells.
const NO_IMAGE: &str = "No such image";

/// What disturbed the release `desired` of a service that was rolled back, as it fits after "because"; `None` where a task of it
/// failed by itself, or nobody can tell.
pub(super) fn disturbance(
    context: &Context<'_>,
    live: &LiveService,
    desired: &ServiceSpec,
) -> Option<String> {
    let Workload { tasks, nodes } = context.observed.workload.as_ref()?;
    let failed = tasks.iter().filter(|task| {
        task.service_id == live.id && task.state > TaskState::Running && task.error.is_some()
    });
    let mut reasons = failed.filter(|task| ran(task, desired)).map(|task| excuse(task, nodes));
    let first = reasons.next()??;
    reasons.all(|reason| reason.is_some()).then_some(first)
}

/// Whether a task was made from the template of `desired`.
pub(super) fn ran(task: &Task, desired: &ServiceSpec) -> bool {
    let tried = ServiceSpec { task_template: task.template.clone(), ..desired.clone() };
    diff::service(desired, &tried, &[]).is_empty()
}

/// What a task that failed is not to blame for.
fn excuse(task: &Task, nodes: &[Node]) -> Option<String> {
    let id = task.node_id.as_ref()?;
    let Some(node) = nodes.iter().find(|node| node.id == *id) else {
        return Some("a node left the swarm".to_owned());
    };
    let name = &node.hostname;
    if node.state != "ready" {
        return Some(format!("node {name} is {}", node.state));
    }
    // A registry knew this digest when the release was planned, so that the node only could not get at it.
    let image = task.template.container_spec.as_ref().map_or("", |container| &container.image);
    let unfetched = task.error.as_ref().is_some_and(|error| error.contains(NO_IMAGE));
    if unfetched && image.contains('@') {
        return Some(format!("node {name} could not fetch {image}"));
    }
    let disturbed = node.updated.is_some_and(|updated| updated > task.created);
    disturbed.then(|| format!("node {name} went away or was changed meanwhile"))
}
