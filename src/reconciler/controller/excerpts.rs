//! The ends of the logs of tasks that fail, each of which is read once, however long it is shown.

use std::collections::BTreeMap;

use crate::diff::mask::Scrub;
use crate::model::live::Observed;
use crate::reconciler::health::{Excerpt, ServiceHealth};
use crate::reconciler::logs;
use crate::reconciler::pass::declare;
use crate::reconciler::status::Status;
use crate::swarm::Observer;

use super::pass::Work;

/// What was read so far of failures that are still shown, by task.
#[derive(Debug, Default)]
pub struct Excerpts(BTreeMap<String, Excerpt>);

impl Excerpts {
    /// Adds to every failed task in `status` the end of its log.
    pub(super) async fn add(
        &mut self,
        engine: &Observer,
        observed: &Observed,
        work: &[Work<'_>],
        status: &mut Status,
    ) {
        for failure in status.judged().filter_map(|(_, health)| health.failure.as_mut()) {
            failure.log = self.0.get(&failure.task).cloned();
        }
        if status.judged().any(|(_, health)| is_unread(health))
            && let Some(scrub) = scrub(observed, work)
        {
            let unread = status.judged().filter(|(_, health)| is_unread(health));
            logs::add(engine, observed, &scrub, unread).await;
        }
        let failures = status.judged().filter_map(|(_, health)| health.failure.as_ref());
        let read =
            failures.filter_map(|failure| Some((failure.task.clone(), failure.log.clone()?)));
        self.0 = read.collect();
    }
}

fn is_unread(health: &ServiceHealth) -> bool {
    health.failure.as_ref().is_some_and(|failure| failure.log.is_none())
}

/// What takes secrets out of logs: it knows those of all sources. Without a source nobody has said what is sensitive.
fn scrub(observed: &Observed, work: &[Work<'_>]) -> Option<Scrub> {
    let mut requests = work.iter().map(|work| &work.current.request);
    let (first, rest) = (requests.next()?, requests);
    let scrub = crate::reconciler::pass::scrub(first, observed);
    Some(rest.fold(scrub, |scrub, request| {
        logs::with_declared(scrub, &declare(request, &observed.configs))
    }))
}
