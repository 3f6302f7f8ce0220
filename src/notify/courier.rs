//! Delivers messages to one target, one after the other, and tries again later what could not be delivered.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::model::error::chain;
use crate::reconciler::controller::backoff::Backoff;
use crate::reconciler::controller::metrics::Metrics;

use super::delivery::Delivery;
use super::error::SendError;
use super::message::Message;
use super::target::Target;
use super::wire::Wire;

/// How many messages may wait for a target.
const QUEUE: usize = 64;
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(300);
/// For how long one message is tried, once it is handed over; what is older is no news.
pub(super) const PATIENCE: Duration = Duration::from_secs(3600);

/// Something that messages can be sent to.
pub trait Outlet: Send + Sync + 'static {
    /// Delivers a message to those who do not have it yet; `delivery` is what became of it in tries before.
    ///
    /// # Errors
    /// When it is not delivered, with whether trying again may help.
    fn send(
        &self,
        message: &Message,
        delivery: &mut Delivery,
    ) -> impl Future<Output = Result<(), SendError>> + Send;
}

impl Outlet for (Target, Wire) {
    async fn send(&self, message: &Message, delivery: &mut Delivery) -> Result<(), SendError> {
        let (target, wire) = self;
        target.send(message, wire, delivery).await
    }
}

/// The way to one target.
#[derive(Debug)]
pub struct Courier {
    name: String,
    /// Messages, and when they were handed over.
    queue: mpsc::Sender<(Message, Instant)>,
    work: JoinHandle<()>,
    metrics: Metrics,
}

impl Courier {
    /// Begins to deliver to the target called `name`.
    pub fn start(name: &str, outlet: impl Outlet, metrics: Metrics, chance: fn() -> f64) -> Self {
        metrics.begin_target(name);
        let (queue, queued) = mpsc::channel(QUEUE);
        let work = Work { name: name.to_owned(), metrics: metrics.clone(), chance };
        let work = tokio::spawn(work.run(outlet, queued));
        Self { name: name.to_owned(), queue, work, metrics }
    }

    /// Hands a message over. It never waits: with too many before it, it is dropped and counted.
    pub fn hand(&self, message: Message) {
        if self.queue.try_send((message, Instant::now())).is_err() {
            self.metrics.notified(&self.name, "dropped");
            tracing::warn!(
                target = self.name,
                "too many messages wait for {}; one is dropped",
                self.name
            );
        }
    }

    /// Waits until everything is delivered, or given up.
    pub async fn end(self) {
        let Self { queue, work, .. } = self;
        drop(queue);
        // It ends early only with the program.
        let _ = work.await;
    }
}

struct Work {
    name: String,
    metrics: Metrics,
    chance: fn() -> f64,
}

impl Work {
    async fn run(self, outlet: impl Outlet, mut queue: mpsc::Receiver<(Message, Instant)>) {
        while let Some((message, handed)) = queue.recv().await {
            let outcome = self.deliver(&outlet, &message, handed).await;
            self.metrics.notified(&self.name, outcome);
        }
    }

    /// Tries, at least once, until it is delivered or there is no use in it. Returns how that ended.
    async fn deliver(
        &self,
        outlet: &impl Outlet,
        message: &Message,
        handed: Instant,
    ) -> &'static str {
        let mut backoff = Backoff::transient(LONGEST);
        let mut delivery = Delivery::default();
        let name = self.name.as_str();
        loop {
            let Err(error) = outlet.send(message, &mut delivery).await else {
                if let Some(refusals) = delivery.refusals() {
                    tracing::warn!(target = name, "a message to {name} is not for all: {refusals}");
                }
                return "sent";
            };
            let reason = chain(&error);
            let pause = backoff.next((self.chance)());
            let pause = error.after().map_or(pause, |after| after.max(pause));
            if !error.may_pass() || handed.elapsed().saturating_add(pause) > PATIENCE {
                tracing::warn!(target = name, "a message to {name} is given up: {reason}");
                return "failed";
            }
            if backoff.failures() == 1 {
                tracing::warn!(target = name, "a message to {name} is tried again: {reason}");
            } else {
                tracing::debug!(target = name, "a message to {name} is still not there: {reason}");
            }
            self.metrics.notified(name, "retried");
            sleep(pause).await;
        }
    }
}
