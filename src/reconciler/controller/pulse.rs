//! The pulse of the loop: whether it still turns, for whoever must know when it does not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::swarm::Traffic;

/// How often the loop turns at least while it has nothing to do.
pub(super) const TURN: Duration = Duration::from_secs(10);
/// After how long a silence the loop hangs. One request to an engine may take half of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The pulse of one loop. It beats whenever the loop turns, and in a pass with every answer of the engine. Clones are the
/// same.
#[derive(Debug, Clone)]
pub struct Pulse {
    turned: Arc<Mutex<Instant>>,
    traffic: Arc<Traffic>,
}

impl Pulse {
    /// A pulse that beats now. `traffic` is that of passes, and of nothing else.
    pub fn new(traffic: Arc<Traffic>) -> Self {
        Self { turned: Arc::new(Mutex::new(Instant::now())), traffic }
    }

    /// The loop turns.
    pub(super) fn beat(&self) {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// For how long it was not felt.
    pub fn silence(&self) -> Duration {
        let turned = *self.turned.lock().unwrap_or_else(PoisonError::into_inner);
        turned.elapsed().min(self.traffic.silence())
    }

    /// Whether the loop turns.
    pub fn is_felt(&self) -> bool {
        self.silence() < PATIENCE
    }
}
