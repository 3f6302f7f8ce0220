//! Where the history of stacks and events is kept, and how much of it.

use schemars::JsonSchema;

use crate::history::Limits;
use crate::model::nanos::Nanos;
use crate::spec::compose::duration::Duration;
use crate::spec::decode::{Cursor, Decode, Fields, Located, Report};

/// Where the controller keeps what happened, and how much of it. Nothing depends on the file: it may be deleted at any
/// time.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HistorySettings {
    /// Whether anything is kept on the disk; `true` if absent. What happened since the controller was started is shown
    /// either way.
    #[schemars(example = false)]
    pub enabled: Option<bool>,
    /// The file, relative to the settings file; by default `history-FLEET.db` in the directory of states.
    #[schemars(with = "Option<String>", example = &"/var/lib/skep/history.db")]
    pub path: Option<Located<String>>,
    /// For how long it is kept; `2160h`, ninety days, if absent.
    #[schemars(with = "Option<Duration>", example = &"720h")]
    pub age: Option<Duration>,
    /// How many events are kept; 10000 if absent.
    #[schemars(example = 5000)]
    pub events: Option<u32>,
    /// How many releases of each stack are kept; 200 if absent.
    #[schemars(example = 50)]
    pub releases: Option<u32>,
}

impl HistorySettings {
    /// How much is kept.
    pub fn limits(&self) -> Limits {
        let Self { enabled: _, path: _, age, events, releases } = self;
        let default = Limits::default();
        Limits {
            events: events.unwrap_or(default.events),
            releases: releases.unwrap_or(default.releases),
            age: age.map_or(default.age, |age| age.0.to_std()),
        }
    }
}

impl Decode for HistorySettings {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let settings = Self {
            enabled: fields.get("enabled", report),
            path: fields.get("path", report),
            age: fields.at("age").and_then(|at| age(&at, report)),
            events: positive(&mut fields, "events", report),
            releases: positive(&mut fields, "releases", report),
        };
        fields.finish(report);
        Some(settings)
    }
}

fn age(at: &Cursor<'_>, report: &mut Report) -> Option<Duration> {
    let age: Duration = at.get(report)?;
    if age.0 < Nanos::seconds(60) {
        report.push(at.error("out-of-range", "must be 1m or longer"));
        return None;
    }
    Some(age)
}

fn positive(fields: &mut Fields<'_>, key: &'static str, report: &mut Report) -> Option<u32> {
    let at = fields.at(key)?;
    let number: u32 = at.get(report)?;
    if number == 0 {
        let finding = at.error("out-of-range", "must be 1 or more");
        report.push(finding.hint("`enabled: false` keeps nothing"));
        return None;
    }
    Some(number)
}
