//! The overview, made once for each report however many look: it grows with the fleet.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use super::etag;
use super::view::{Overview, Scope};
use crate::reconciler::controller::report::Report;

/// An overview, and what stands for it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) view: Overview,
    pub(super) json: Bytes,
    pub(super) tag: String,
}

/// The overview that was asked for last.
#[derive(Debug, Default)]
pub(super) struct Overviews(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    /// No other report can be at its address while this is here.
    report: Weak<Report>,
    is_alive: bool,
    made: Arc<Made>,
}

impl Overviews {
    /// The overview of `report`, which `scope` is about.
    ///
    /// # Errors
    /// When it cannot be written, which would be a bug.
    pub(super) fn of(
        &self,
        report: &Arc<Report>,
        scope: &Scope<'_>,
    ) -> Result<Arc<Made>, serde_json::Error> {
        // Whoever else asks meanwhile waits for the same.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref()
            && kept.report.as_ptr() == Arc::as_ptr(report)
            && kept.is_alive == scope.is_alive
        {
            return Ok(Arc::clone(&kept.made));
        }
        let view = Overview::of(scope);
        let json = Bytes::from(serde_json::to_vec(&view)?);
        let made = Arc::new(Made { tag: etag::of(&json), view, json });
        let (report, is_alive) = (Arc::downgrade(report), scope.is_alive);
        *kept = Some(Kept { report, is_alive, made: Arc::clone(&made) });
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::reconciler::controller::example;

    #[test]
    fn an_overview_is_made_again_only_when_there_is_something_new() {
        let overviews = Overviews::default();
        let of = |report: &Arc<Report>, is_alive| {
            let now = Timestamp::now();
            let (scene, news, certificates) = (None, None, None);
            let scope = Scope { report, scene, news, certificates, is_alive, now };
            overviews.of(report, &scope).unwrap()
        };
        let report = Arc::new(example::report());
        let first = of(&report, true);
        assert!(Arc::ptr_eq(&first, &of(&report, true)));
        assert_ne!(first.tag, of(&report, false).tag, "its loop hangs");
        let other = Arc::new(example::in_trouble());
        drop(report);
        assert_ne!(first.tag, of(&other, true).tag);
    }
}
