//! Where whatever wants the controller's attention rings. Triggers carry no data, and many equal ones are one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::model::name::SourceName;

use super::reason::Reason;

/// What the controller is to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// Make a pass.
    Pass(Reason),
    /// Look at a source.
    Look(SourceName),
    /// Read the settings again.
    Settings,
    /// Read the settings and every source again, and make a pass.
    Everything,
}

/// A bell that anybody may ring at any time. Clones ring the same one.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    rung: Mutex<BTreeSet<Trigger>>,
    notify: Notify,
}

impl Bell {
    /// Wakes the controller, now or as soon as it is done with what it does.
    pub fn ring(&self, trigger: Trigger) {
        self.0.rung.lock().unwrap_or_else(PoisonError::into_inner).insert(trigger);
        self.0.notify.notify_one();
    }

    /// Waits until somebody rings, and tells for what.
    pub(super) async fn rung(&self) -> BTreeSet<Trigger> {
        loop {
            let notified = self.0.notify.notified();
            let triggers = self.taken();
            if !triggers.is_empty() {
                return triggers;
            }
            notified.await;
        }
    }

    fn taken(&self) -> BTreeSet<Trigger> {
        std::mem::take(&mut *self.0.rung.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
