//! The nodes of the Swarm with what is reserved on them.

use schemars::JsonSchema;
use serde::Serialize;

use super::Scope;
use super::overview::Looked;
use crate::reconciler::controller::scene::{NodeSight, Scene, TaskSight};

/// The nodes of the Swarm.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ClusterView {
    /// When the controller looked last.
    pub looked: Looked,
    /// The nodes, by host name.
    pub nodes: Vec<NodeSight>,
    /// Tasks that wait for a node, with the full names of their services.
    pub waiting: Vec<(String, TaskSight)>,
    /// Why there is nothing to see, where the engine could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_nodes: Option<String>,
}

impl ClusterView {
    /// What `scope` shows of the nodes.
    pub fn of(scope: &Scope<'_>) -> Self {
        let scene = scope.tasks();
        Self {
            looked: Looked::of(scope),
            nodes: scene.map(|scene| scene.nodes.clone()).unwrap_or_default(),
            waiting: scene.map(waiting).unwrap_or_default(),
            without_nodes: scope.without_tasks(),
        }
    }
}

fn waiting(scene: &Scene) -> Vec<(String, TaskSight)> {
    let all = scene
        .tasks
        .iter()
        .flat_map(|(service, tasks)| tasks.iter().map(move |task| (service.clone(), task.clone())));
    all.filter(|(_, task)| task.is_wanted() && task.node.is_none()).collect()
}
