//! Suspensions: stacks that the controller leaves alone because a person said so. The fleet record remembers them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::labels::Labels;
use crate::model::name::{FleetName, StackName};
use crate::model::store::ConfigSpec;
use crate::swarm::{Credentials, SwarmError};

use super::pass::Writer;
use super::record::{self, FleetRecord};
use super::step::Target;

/// The label of the record that suspends every stack of the fleet. Those of single stacks have a dot and the name more.
const SUSPENDED: &str = "skep.suspended";
/// How much of what a person says is remembered.
const MOST_WORDS: usize = 200;

/// Who suspended something, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suspension {
    /// Who, such as `ada@manager1`.
    pub by: String,
    /// Since when.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// Why, if they said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which stacks of a fleet are suspended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspensions {
    /// All of them, also those that come later.
    pub all: Option<Suspension>,
    /// Single ones.
    pub stacks: BTreeMap<StackName, Suspension>,
}

/// What is to be suspended or resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// Every stack of the fleet.
    All,
    /// These.
    Stacks(Vec<StackName>),
}

impl Suspension {
    /// What a label remembers of it.
    fn to_label(&self) -> String {
        let Self { by, since, reason } = self;
        let by: String = by.split_whitespace().collect::<Vec<_>>().join("_");
        let reason = reason.as_deref().unwrap_or_default();
        let words: String = format!("{since} {by} {reason}").chars().take(MOST_WORDS).collect();
        words.trim_end().to_owned()
    }

    /// A label that nobody can read suspends all the same: somebody wanted that.
    fn of_label(label: &str) -> Self {
        let mut words = label.splitn(3, ' ');
        let since = words.next().and_then(|word| word.parse().ok());
        let (by, reason) = (words.next(), words.next());
        Self {
            by: by.unwrap_or("somebody").to_owned(),
            since: since.unwrap_or(Timestamp::UNIX_EPOCH),
            reason: reason.map(str::to_owned),
        }
    }
}

/// `by ada@manager1 since 2026-05-01T10:00:00Z: database move`
impl fmt::Display for Suspension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, since, reason } = self;
        write!(f, "by {by} since {since}")?;
        match reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl Suspensions {
    /// Those that the labels of a fleet record remember.
    pub fn of(labels: &Labels) -> Self {
        let mut suspensions = Self::default();
        for (label, value) in labels {
            match label.strip_prefix(SUSPENDED) {
                Some("") => suspensions.all = Some(Suspension::of_label(value)),
                Some(rest) => {
                    if let Some(Ok(stack)) = rest.strip_prefix('.').map(str::parse) {
                        suspensions.stacks.insert(stack, Suspension::of_label(value));
                    }
                }
                None => {}
            }
        }
        suspensions
    }

    /// What suspends the stack of this name; its own suspension goes before that of all.
    pub fn of_stack(&self, stack: &str) -> Option<&Suspension> {
        let mut own = self.stacks.iter().filter(|(name, _)| name.as_str() == stack);
        own.next().map(|(_, suspension)| suspension).or(self.all.as_ref())
    }
}

/// Notes `suspension` in the labels of the record, or with `None` its end. Returns whether that changes anything.
fn note(labels: &mut Labels, whom: &Whom, suspension: Option<&Suspension>) -> bool {
    let before = labels.clone();
    let mut set = |label: String| match suspension {
        // Who was first is remembered.
        Some(suspension) => drop(labels.entry(label).or_insert_with(|| suspension.to_label())),
        None => drop(labels.remove(&label)),
    };
    match whom {
        Whom::All => set(SUSPENDED.to_owned()),
        Whom::Stacks(stacks) => {
            for stack in stacks {
                set(format!("{SUSPENDED}.{stack}"));
            }
        }
    }
    if *whom == Whom::All && suspension.is_none() {
        labels.retain(|label, _| !label.starts_with(SUSPENDED));
    }
    *labels != before
}

impl Writer {
    /// Suspends stacks, or with `None` resumes them, and returns what is suspended then. Resuming all ends the
    /// suspensions of single stacks, too.
    ///
    /// # Errors
    /// When the Swarm cannot be observed, or the record was written by someone else meanwhile.
    pub async fn suspend(
        &self,
        fleet: &FleetName,
        whom: &Whom,
        suspension: Option<&Suspension>,
    ) -> Result<Suspensions, SwarmError> {
        let observed = self.observe().await?;
        let record = record::find(&observed.configs, fleet);
        let mut labels = match &record {
            Some(record) => record.labels.clone(),
            None => record::labels(fleet),
        };
        if note(&mut labels, whom, suspension) {
            let actuator = self.actuator(Credentials::default(), &observed);
            let name = record::name(fleet);
            if let Some(FleetRecord { target: Target { id, version }, .. }) = record {
                let labels = labels.clone();
                let spec = ConfigSpec { name, labels, ..ConfigSpec::default() };
                actuator.label_config(&id, version, &spec).await?;
            } else {
                let spec = record::create(name, labels.clone(), self.fresh_key().expose());
                actuator.create_config(&spec).await?;
            }
        }
        Ok(Suspensions::of(&labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suspension(reason: Option<&str>) -> Suspension {
        let since = "2026-05-01T10:00:00Z".parse().unwrap();
        Suspension { by: "ada@m1".to_owned(), since, reason: reason.map(str::to_owned) }
    }

    #[test]
    fn labels_remember_who_suspended_what_since_when_and_why() {
        let shop = Whom::Stacks(vec!["shop".parse().unwrap()]);
        let mut labels = Labels::from([("skep.fleet".to_owned(), "f".to_owned())]);
        let why = suspension(Some("the database moves"));
        assert!(note(&mut labels, &shop, Some(&why)));
        assert!(!note(&mut labels, &shop, Some(&suspension(None))), "the first one stays");
        assert_eq!(Suspensions::of(&labels).of_stack("shop"), Some(&why));
        assert_eq!(Suspensions::of(&labels).of_stack("web"), None);
        assert!(note(&mut labels, &Whom::All, Some(&suspension(None))));
        assert_eq!(Suspensions::of(&labels).of_stack("web"), Some(&suspension(None)));
        assert_eq!(why.to_string(), "by ada@m1 since 2026-05-01T10:00:00Z: the database moves");
        assert!(note(&mut labels, &Whom::All, None));
        assert_eq!(Suspensions::of(&labels), Suspensions::default());
        assert_eq!(labels.len(), 1);
    }

    #[test]
    fn a_label_that_nobody_can_read_suspends_all_the_same() {
        let labels = Labels::from([("skep.suspended.shop".to_owned(), "yes".to_owned())]);
        assert!(Suspensions::of(&labels).of_stack("shop").is_some());
    }
}
