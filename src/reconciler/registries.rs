//! Asks registries what tags mean, and does not ask again what it was told just now, nor one that is in trouble.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::Instant;

use crate::model::desired::Desired;
use crate::model::error::chain;
use crate::model::service::ServiceSpec;
use crate::swarm::{self, Connection, Credentials, ResolveError};

use super::plan::{Answer, Logins};

/// How many questions are under way at once.
const PARALLEL: usize = 8;
/// How long an answer is believed within a run.
const FRESH: Duration = Duration::from_secs(60);
/// The first and the longest time for which a registry is left alone after it could not be asked: it may count
/// questions (429), or take its time-out for each.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

/// What registries said in this run.
#[derive(Debug, Default)]
pub struct Registries {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    answers: HashMap<String, (Instant, Answer)>,
    /// Registries in trouble, by name.
    trouble: HashMap<String, Trouble>,
}

#[derive(Debug)]
struct Trouble {
    reason: String,
    until: Instant,
    pause: Duration,
}

impl Registries {
    /// What `references` stand for.
    pub async fn ask(
        &self,
        connection: &Connection,
        credentials: &Credentials,
        references: BTreeSet<String>,
    ) -> BTreeMap<String, Answer> {
        stream::iter(references)
            .map(|reference| async {
                let answer = self.answer(connection, credentials, &reference).await;
                (reference, answer)
            })
            .buffer_unordered(PARALLEL)
            .collect()
            .await
    }

    async fn answer(
        &self,
        connection: &Connection,
        credentials: &Credentials,
        reference: &str,
    ) -> Answer {
        if let Some((when, answer)) = self.lock().answers.get(reference)
            && when.elapsed() < FRESH
        {
            return answer.clone();
        }
        let registry = swarm::registry_of(reference);
        let reason = match self.reason_to_wait(registry) {
            Some(reason) => reason,
            None => match swarm::resolve(connection, credentials, reference).await {
                Err(ResolveError::Unavailable(error)) => {
                    let reason = chain(&error);
                    self.back_off(registry, &reason);
                    reason
                }
                Ok(resolved) => return self.remember(reference, Answer::Found(resolved)),
                Err(ResolveError::NotFound(words)) => {
                    return self.remember(reference, Answer::NotFound(words));
                }
                Err(ResolveError::Denied { words, login }) => {
                    return self.remember(reference, Answer::Denied { words, login });
                }
            },
        };
        let local = matches!(swarm::is_on_only_node(connection, reference).await, Ok(true));
        Answer::Unavailable { reason, local }
    }

    fn remember(&self, reference: &str, answer: Answer) -> Answer {
        let mut memory = self.lock();
        memory.trouble.remove(swarm::registry_of(reference));
        memory.answers.insert(reference.to_owned(), (Instant::now(), answer.clone()));
        answer
    }

    /// Why `registry` is not asked just now.
    fn reason_to_wait(&self, registry: &str) -> Option<String> {
        let memory = self.lock();
        let trouble = memory.trouble.get(registry)?;
        (Instant::now() < trouble.until).then(|| trouble.reason.clone())
    }

    /// Leaves `registry` alone for a while, twice as long as the last time. Questions that were under way together
    /// count as one.
    fn back_off(&self, registry: &str, reason: &str) {
        let mut memory = self.lock();
        let now = Instant::now();
        let last = memory.trouble.get(registry);
        if last.is_some_and(|trouble| now < trouble.until) {
            return;
        }
        let pause = last.map_or(BACK_OFF.0, |trouble| (trouble.pause * 2).min(BACK_OFF.1));
        let trouble = Trouble { reason: reason.to_owned(), until: now + pause, pause };
        memory.trouble.insert(registry.to_owned(), trouble);
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The credentials of the registries that `desired` names, as far as they stay what they are.
pub(super) fn logins(desired: &Desired, credentials: &Credentials) -> Logins {
    let services = desired.stacks.values().flat_map(|stack| &stack.services);
    let images = services.filter_map(|service| image(&service.spec));
    let registries: BTreeMap<&str, &str> =
        images.map(|image| (swarm::registry_of(image), image)).collect();
    let mut logins = Logins::default();
    for (registry, image) in registries {
        match credentials.lasting(image) {
            Ok(Some(login)) => drop(logins.known.insert(registry.to_owned(), login)),
            Ok(None) => {}
            Err(error) => drop(logins.broken.insert(registry.to_owned(), chain(&error))),
        }
    }
    logins
}

fn image(spec: &ServiceSpec) -> Option<&str> {
    Some(&spec.task_template.container_spec.as_ref()?.image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_registry_in_trouble_is_left_alone_for_longer_and_longer() {
        let registries = Registries::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            registries.back_off("r.example", "429");
            // Another question that was under way.
            registries.back_off("r.example", "429");
            let begun = Instant::now();
            while registries.reason_to_wait("r.example").is_some() {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            pauses.push(begun.elapsed().as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(registries.reason_to_wait("other.example"), None);
        let found = Answer::NotFound("no".into());
        registries.remember("r.example/a:1", found.clone());
        registries.back_off("r.example", "429");
        assert!(registries.reason_to_wait("r.example").is_some());
        tokio::time::advance(BACK_OFF.0).await;
        assert_eq!(registries.reason_to_wait("r.example"), None, "an answer ends the trouble");
    }
}
