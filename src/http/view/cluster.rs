//! The nodes of the Swarm with what is reserved on them, and the declared routes.

use schemars::JsonSchema;
use serde::Serialize;

use super::Scope;
use super::overview::Looked;
use super::words::{SENTENCE, tidy};
use crate::model::place::Place;
use crate::reconciler::controller::scene::{NodeSight, Scene, TaskSight};
use crate::reconciler::controller::sight::{RouteDeclaration, Sight};

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

/// The routes that stacks declare.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RoutesView {
    /// When the controller looked last.
    pub looked: Looked,
    /// The routes, by host and path.
    pub routes: Vec<RouteView>,
}

impl RoutesView {
    /// What `scope` shows of routes.
    pub fn of(scope: &Scope<'_>) -> Self {
        let shown = scope.sight().map(|sight| routes(sight, |_| true));
        Self { looked: Looked::of(scope), routes: shown.unwrap_or_default() }
    }
}

/// A route.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RouteView {
    /// Its host.
    pub host: String,
    /// Its path.
    pub path: String,
    /// The stack that declares it.
    pub stack: String,
    /// Where its host was written.
    pub place: Place,
}

/// The declared routes that are meant, by host and path.
pub(super) fn routes(
    sight: &Sight,
    is_meant: impl Fn(&RouteDeclaration) -> bool,
) -> Vec<RouteView> {
    let declared = sight.routes().into_iter().filter(|route| is_meant(route));
    let shown = declared.map(|route| RouteView {
        host: tidy(&route.host, SENTENCE),
        path: tidy(&route.path, SENTENCE),
        stack: route.stack.clone(),
        place: route.place.clone(),
    });
    shown.collect()
}
