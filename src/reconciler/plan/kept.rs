//! What stays as it is although its change was wanted, because something else that has to move with it is held.

use std::collections::BTreeMap;

use crate::diff::document::Hold;

use super::context::Context;
use super::draft::StackDraft;
use super::{exchange, recreation};

/// What stays as it is, each with the reason.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Networks that are not made again.
    pub(super) networks: BTreeMap<String, Hold>,
    /// Services that do not exchange their ports.
    pub(super) ports: BTreeMap<String, Hold>,
}

impl Kept {
    /// What `drafts` rely on and cannot have.
    pub(super) fn of(context: &Context<'_>, drafts: &[StackDraft<'_>]) -> Self {
        Self {
            networks: recreation::stuck(context, drafts),
            ports: exchange::stuck(context, drafts),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { networks, ports } = self;
        networks.is_empty() && ports.is_empty()
    }

    pub(super) fn extend(&mut self, more: Self) {
        let Self { networks, ports } = more;
        self.networks.extend(networks);
        self.ports.extend(ports);
    }
}
