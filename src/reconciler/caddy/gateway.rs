//! Writes steps on routes to the proxy: all in one write, and where that is refused without those that may be to blame.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::error::chain;
use crate::proxy::{Admin, AdminError, Live};
use crate::reconciler::step::{Step, Write};

use super::aim::ProxyAddress;
use super::part::ProxyPart;

/// Writes to a proxy for as long as one pass takes.
#[derive(Debug)]
pub struct Gateway {
    admin: Admin,
    /// The configuration as this pass has written it.
    newest: Option<Arc<Live>>,
}

/// Why a step on a route was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotWritten {
    /// The proxy said no, and will say it again; its words.
    Refused(String),
    /// Somebody else has changed the configuration since it was read.
    Stale(String),
    /// Nobody knows whether it was made.
    Unknown(String),
    /// Something that is none of the proxy's answers.
    Unexpected(String),
}

/// What came of a step.
type Outcome<'a> = (&'a Step, Result<(), NotWritten>);

impl Gateway {
    /// A gateway to the proxy at `address`.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    pub fn new(address: &ProxyAddress) -> Result<Self, AdminError> {
        Ok(Self { admin: address.admin()?, newest: None })
    }

    /// Makes `steps`, which were planned with `part`, and tells what came of each. Nothing is written that changes nothing.
    ///
    /// What the proxy refuses is as a rule one of the routes in its own words: those are left out then. If it still
    /// refuses, each stack is tried for itself, so that one cannot stop another.
    pub async fn write<'a>(&mut self, part: &ProxyPart, steps: &[&'a Step]) -> Vec<Outcome<'a>> {
        let words = match self.attempt(part, steps).await {
            Err(NotWritten::Refused(words)) => words,
            outcome => return all(steps, &outcome),
        };
        let refused = Err(NotWritten::Refused(words));
        let (raw, plain): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(|step| is_raw(step));
        let mut outcomes = all(&raw, &refused);
        if plain.is_empty() {
            return outcomes;
        }
        let plain_outcome = if raw.is_empty() { refused } else { self.attempt(part, &plain).await };
        let mut stacks: BTreeMap<Option<&str>, Vec<&'a Step>> = BTreeMap::new();
        for step in &plain {
            stacks.entry(stack(step)).or_default().push(step);
        }
        if !matches!(plain_outcome, Err(NotWritten::Refused(_))) || stacks.len() == 1 {
            outcomes.extend(all(&plain, &plain_outcome));
            return outcomes;
        }
        for steps in stacks.values() {
            let outcome = self.attempt(part, steps).await;
            outcomes.extend(all(steps, &outcome));
        }
        outcomes
    }

    async fn attempt(&mut self, part: &ProxyPart, steps: &[&Step]) -> Result<(), NotWritten> {
        let live = self.newest.as_ref().unwrap_or(&part.live);
        let merged = part.merged(live, steps).map_err(|error| NotWritten::Stale(chain(&error)))?;
        if merged.is_changed {
            let written = self.admin.write(live, &merged.config).await.map_err(not_written)?;
            self.newest = Some(Arc::new(written));
        }
        Ok(())
    }
}

fn all<'a>(steps: &[&'a Step], outcome: &Result<(), NotWritten>) -> Vec<Outcome<'a>> {
    steps.iter().map(|step| (*step, outcome.clone())).collect()
}

fn is_raw(step: &Step) -> bool {
    matches!(&step.write, Write::Route(write) if write.is_raw)
}

/// The stack that a step is of; none for what concerns all.
fn stack(step: &Step) -> Option<&str> {
    match &step.write {
        Write::Route(write) => write.ids.first().map(|id| id.stack.as_str()),
        _ => None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn not_written(error: AdminError) -> NotWritten {
    match &error {
        AdminError::Refused { words, needed, .. } => {
            let needed = needed.map(|needed| format!("; it needs {needed}")).unwrap_or_default();
            NotWritten::Refused(format!("Caddy refuses it: {words}{needed}"))
        }
        AdminError::Stale { .. } => NotWritten::Stale(chain(&error)),
        AdminError::Lost { .. } | AdminError::Unreachable { .. } => {
            NotWritten::Unknown(chain(&error))
        }
        AdminError::Prepare { .. }
        | AdminError::Forbidden { .. }
        | AdminError::Unexpected { .. } => NotWritten::Unexpected(chain(&error)),
    }
}
