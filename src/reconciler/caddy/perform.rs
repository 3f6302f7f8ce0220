//! Performs the steps on routes of one pass, and tells what came of each.

use std::collections::BTreeSet;

use crate::model::key::ObjectKey;
use crate::reconciler::event::Event;
use crate::reconciler::plan::Learned;
use crate::reconciler::step::{Step, Write};

use super::gateway::{Gateway, NotWritten, Written};
use super::part::{ProxyPart, named};

/// How often an answer that is none of the proxy's, or that its machine is to blame for, is met with another try in the
/// same run. A controller begins to count anew in each pass, and tries later and later.
const PATIENCE: u32 = 3;

/// Writes the steps on routes among `steps`. Returns those that were performed, and how many were not. What is beside
/// routes and was found as it should be is neither: a run would take it for progress.
pub(in crate::reconciler) async fn perform(
    steps: &[Step],
    part: &ProxyPart,
    gateway: &mut Gateway,
    learned: &mut Learned,
    sink: &mut (dyn FnMut(Event<'_>) + Send),
) -> (BTreeSet<ObjectKey>, usize) {
    let (mut done, mut failed) = (BTreeSet::new(), 0);
    let due: Vec<&Step> = steps.iter().filter(|step| is_of_proxy(step)).collect();
    if due.is_empty() {
        return (done, failed);
    }
    for (step, outcome) in gateway.write(part, &due).await {
        match outcome {
            Ok(Written::Not) if matches!(step.write, Write::Proxy { .. }) => {
                learned.failures.remove(&step.object);
            }
            Ok(Written::Anew | Written::Not) => {
                learned.failures.remove(&step.object);
                let again = learned.contention.wrote(step);
                done.insert(step.object.clone());
                let (done, object) = (verb(step), &step.object);
                sink(Event::Performed { done, object, again, warnings: Vec::new() });
            }
            Err(why) => {
                failed += 1;
                sink(judge(step, why, learned));
            }
        }
    }
    (done, failed)
}

/// Whether a step is written to the proxy.
pub(in crate::reconciler) fn is_of_proxy(step: &Step) -> bool {
    matches!(step.write, Write::Route(_) | Write::Proxy { .. })
}

/// Tells a step that failed for good from one that the next pass may get right.
fn judge<'a>(step: &'a Step, why: NotWritten, learned: &mut Learned) -> Event<'a> {
    let object = &step.object;
    let failures = learned.failures.entry(object.clone()).or_default();
    *failures += 1;
    match why {
        NotWritten::Refused(reason) => {
            learned.failures.remove(object);
            learned.refused_writes.insert(object.clone(), reason.clone());
            Event::Failed { object, reason }
        }
        NotWritten::RefusedOf(stacks) => {
            learned.failures.remove(object);
            let reason = named(&stacks);
            learned.refused_beside.extend(stacks);
            Event::Failed { object, reason }
        }
        NotWritten::Passing(reason) | NotWritten::Unexpected(reason) if *failures >= PATIENCE => {
            learned.refused_writes.insert(object.clone(), reason.clone());
            Event::Failed { object, reason }
        }
        NotWritten::Passing(reason) => Event::Deferred { object, reason, may_have_happened: false },
        NotWritten::Stale(reason) => {
            learned.contention.lost(object);
            Event::Deferred { object, reason, may_have_happened: false }
        }
        NotWritten::Unknown(reason) | NotWritten::Unexpected(reason) => {
            Event::Deferred { object, reason, may_have_happened: true }
        }
    }
}

fn verb(step: &Step) -> &'static str {
    match &step.write {
        Write::Route(write) if write.after.expose().is_empty() => "removed",
        Write::Route(write) if write.before.expose().is_empty() => "created",
        _ => "updated",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::diff::mask::Sensitivity;
    use crate::model::key::Kind;
    use crate::model::secret::Redacted;
    use crate::proxy::{Compiled, Endpoint, Features, Live, OwnServers, Servers};
    use crate::reconciler::caddy::ProxyAddress;

    #[test]
    fn what_the_machine_of_the_proxy_is_to_blame_for_is_tried_again_before_it_is_held() {
        let object = ObjectKey::new(Kind::Route, "a.example.com/*");
        let write = Write::Remove { id: String::new() };
        let step = Step { object: object.clone(), write, needs: Vec::new() };
        let mut learned = Learned::default();
        let why = || NotWritten::Passing("bind: address already in use".to_owned());
        for _ in 1..PATIENCE {
            let event = judge(&step, why(), &mut learned);
            assert!(matches!(event, Event::Deferred { .. }), "{event:?}");
            assert!(learned.refused_writes.is_empty());
        }
        assert!(matches!(judge(&step, why(), &mut learned), Event::Failed { .. }));
        assert!(learned.refused_writes.contains_key(&object));
        // As a controller does after each pass.
        let mut learned = Learned::default();
        for _ in 0..2 * PATIENCE {
            judge(&step, why(), &mut learned);
            learned.failures.clear();
        }
        assert!(learned.refused_writes.is_empty());
    }

    #[tokio::test]
    async fn a_step_beside_routes_that_changes_nothing_is_not_performed() {
        let endpoint = Endpoint::parse("unix:///nowhere/admin.sock").unwrap();
        let address = ProxyAddress { endpoint, identity: None, authority: None, entry: None };
        let mut gateway = Gateway::new(&address, Sensitivity::default()).unwrap();
        let part = ProxyPart {
            fleet: "default".parse().unwrap(),
            servers: Servers::Own(OwnServers::default()),
            live: Arc::new(Live { config: json!({}), etag: None, features: Features::MODERN }),
            wanted: Arc::new(Compiled::default()),
        };
        let step = Step {
            object: ObjectKey::new(Kind::Proxy, "caddy"),
            write: Write::Proxy {
                stacks: BTreeSet::new(),
                committed: BTreeSet::new(),
                after: Redacted::new(Vec::new()),
            },
            needs: Vec::new(),
        };
        let mut told = 0;
        let mut sink = |_: Event<'_>| told += 1;
        let mut learned = Learned::default();
        let came = perform(&[step], &part, &mut gateway, &mut learned, &mut sink).await;
        assert_eq!((came, told), ((BTreeSet::new(), 0), 0));
    }
}
