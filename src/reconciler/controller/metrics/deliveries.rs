//! How long revisions are on their way, from the look that found them until everything that they declare is ready. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::name::SourceName;

/// Revisions that are on their way: one of each source at most.
#[derive(Debug, Default)]
pub(super) struct Deliveries(BTreeMap<SourceName, Instant>);

impl Deliveries {
    /// A look that began at `begun` found another revision. Returns whether the one before had not arrived.
    pub(super) fn found(&mut self, source: &SourceName, begun: Instant) -> bool {
        self.0.insert(source.clone(), begun).is_some()
    }

    /// Everything that `source` declares is ready. Returns how long that took, the first time it is called for a revision.
    pub(super) fn ready(&mut self, source: &SourceName, now: Instant) -> Option<Duration> {
        self.0.remove(source).map(|begun| now.duration_since(begun))
    }
}
