//! Where declarations come from, as the loop sees it: sources to look at, and settings that say which there are.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::name::SourceName;

use super::agenda::Timing;
use super::declared::Declared;
use super::report::SettingsReport;
use super::source::FetchFailure;

/// A look at a source that is under way.
pub type Look = Pin<Box<dyn Future<Output = Result<Declared, FetchFailure>> + Send>>;

/// What is wanted of a source that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// Why that is.
    Failure,
    /// What was last read of it, if anybody remembers.
    Memory,
}

/// Where declarations come from.
pub trait Sources {
    /// Begins to look at a source, as it is at `asked` or later. Looks at different sources go on at the same time.
    fn look(&self, source: &SourceName, asked: Instant, otherwise: Otherwise) -> Look;

    /// Reads the settings again, as far as they can change while the controller runs. With errors in them, what they
    /// said before stays.
    fn reload(&mut self) -> Plan;
}

/// What the controller looks after, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The sources, in the order of the settings.
    pub sources: Vec<Planned>,
    /// How often and how soon it looks.
    pub timing: Timing,
    /// How the settings are followed.
    pub settings: SettingsReport,
}

/// A source that the controller looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: SourceName,
    /// How often it is looked at.
    pub poll: Duration,
}
