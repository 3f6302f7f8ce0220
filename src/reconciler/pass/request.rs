//! What a run is asked to do.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::name::StackName;
use crate::spec::lock::Lock;
use crate::spec::stack::Stack;
use crate::swarm::{Credentials, Resolved};

use crate::reconciler::caddy::ProxyAim;
use crate::reconciler::plan::View;
use crate::reconciler::policy::{Policy, ResolveImage, Scope};

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The stacks that loaded without an error.
    pub stacks: Vec<Arc<Stack>>,
    /// What tags mean, as far as it is written down.
    pub lock: Arc<Lock>,
    /// What tags meant when stacks were as they are, where that was before `lock`.
    pub older_locks: BTreeMap<StackName, Arc<Lock>>,
    /// What absence means.
    pub scope: Scope,
    /// What the user allows and asks for.
    pub policy: Policy,
    /// Credentials for registries.
    pub credentials: Credentials,
    /// When registries are asked.
    pub resolve: ResolveImage,
    /// What registries said when the plan was saved; they are not asked again.
    pub pinned: BTreeMap<String, Resolved>,
    /// The proxy that routes are written to, if there is one.
    pub proxy: Option<ProxyAim>,
    /// How plans are shown.
    pub view: View,
}
