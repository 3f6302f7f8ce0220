//! What the settings say about telling people, made ready.

use crate::model::name::FleetName;
use crate::notify::{Courier, Notifier, Target, Wire};
use crate::reconciler::controller::metrics::Metrics;
use crate::reconciler::journal::News;
use crate::settings::NotificationSettings;

use super::super::error::CommandError;
use super::super::settings::Setup;

/// The targets of messages, and the way to them.
#[derive(Debug)]
pub(in crate::cli) struct Telling<'a> {
    settings: &'a NotificationSettings,
    wire: Wire,
}

impl<'a> Telling<'a> {
    /// What `setup` says about it; `None` if it says nothing.
    ///
    /// # Errors
    /// When it says something although nobody named the file.
    pub(in crate::cli) fn of(setup: &'a Setup) -> Result<Option<Self>, CommandError> {
        let settings = setup.notifications()?;
        let wire = Wire::new(&setup.directory);
        Ok(settings.map(|settings| Self { settings, wire }))
    }

    /// The targets by name.
    pub(in crate::cli) fn targets(&self) -> impl Iterator<Item = (&str, &Target)> {
        self.settings.targets.iter().map(|named| (named.name.as_str(), &named.target))
    }

    /// The way to them.
    pub(in crate::cli) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// What tells people of what happens after `known`.
    pub(in crate::cli) fn notifier(
        &self,
        fleet: &FleetName,
        metrics: &Metrics,
        chance: fn() -> f64,
        known: &News,
    ) -> Notifier {
        let courier = |(name, target): (&str, &Target)| {
            let outlet = (target.clone(), self.wire.clone());
            (name.to_owned(), Courier::start(name, outlet, metrics.clone(), chance))
        };
        let couriers = self.targets().map(courier).collect();
        let Self { settings, wire: _ } = self;
        Notifier::new(fleet.as_str(), settings.pace(), settings.routes(), couriers, known)
    }
}
