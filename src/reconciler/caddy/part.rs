//! The part of a plan that the proxy gets: what it has, what is wanted, and which steps make the one the other. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::name::{FleetName, StackName};
use crate::proxy::{Compiled, Live, MergeError, Merged, Servers, Settled};
use crate::reconciler::step::{Step, Write};

/// What steps on routes are written with.
#[derive(Debug, Clone)]
pub struct ProxyPart {
    /// The installation of skep.
    pub fleet: FleetName,
    /// Where routes stand.
    pub servers: Servers,
    /// The configuration that was planned with.
    pub live: Arc<Live>,
    /// The routes that are declared.
    pub wanted: Arc<Compiled>,
}

impl ProxyPart {
    /// The configuration `live` once `steps` are made.
    pub(in crate::reconciler) fn merged(
        &self,
        live: &Live,
        steps: &[&Step],
    ) -> Result<Merged, MergeError> {
        self.with(live, &settled(steps))
    }

    /// The configuration `live` with what is `settled` as it is wanted.
    pub(in crate::reconciler) fn with(
        &self,
        live: &Live,
        settled: &Settled,
    ) -> Result<Merged, MergeError> {
        self.wanted.merge_settled(live, &self.fleet, &self.servers, settled)
    }
}

/// What `steps` settle.
pub(super) fn settled(steps: &[&Step]) -> Settled {
    let mut settled = Settled::default();
    for step in steps {
        match &step.write {
            Write::Route(write) => {
                settled.stacks.extend(write.ids.iter().map(|id| id.stack.clone()));
                settled.routes.extend(write.ids.iter().cloned());
            }
            Write::Proxy { stacks, .. } => settled.stacks.extend(stacks.iter().cloned()),
            _ => {}
        }
    }
    settled
}

/// What the proxy said to what stacks have beside their routes.
pub(in crate::reconciler) fn named(refused: &BTreeMap<StackName, String>) -> String {
    let each = refused.iter().map(|(stack, words)| format!("stack {stack}: {words}"));
    each.collect::<Vec<_>>().join("; ")
}
