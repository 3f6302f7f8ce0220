//! How often and how soon the controller looks, as the settings say it.

use schemars::JsonSchema;

use crate::model::nanos::Nanos;
use crate::reconciler::controller::agenda::Timing;
use crate::spec::compose::duration::Duration;
use crate::spec::decode::{Cursor, Decode, Fields, Report};

/// The shortest interval; more often would be a burden on servers.
const SHORTEST: Nanos = Nanos::seconds(1);

/// How often and how soon the controller looks. Regular times are spread by 5 %.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Intervals {
    /// How often a source is asked whether it has something new; `60s` if absent. Directories are watched besides.
    #[schemars(with = "Option<Duration>", example = &"30s")]
    pub poll: Option<Duration>,
    /// How often everything is compared, whatever was heard of; `5m` if absent.
    #[schemars(with = "Option<Duration>", example = &"10m")]
    pub resync: Option<Duration>,
    /// The longest wait before something that failed is tried again; `5m` if absent.
    #[schemars(with = "Option<Duration>", example = &"2m")]
    pub retry: Option<Duration>,
}

impl Intervals {
    /// The times that the controller keeps.
    pub fn timing(&self) -> Timing {
        let Self { poll, resync, retry } = self;
        let or = |wanted: &Option<Duration>, default| wanted.map_or(default, |d| d.0.to_std());
        let default = Timing::default();
        Timing {
            poll: or(poll, default.poll),
            resync: or(resync, default.resync),
            retry: or(retry, default.retry),
            ..default
        }
    }
}

impl Decode for Intervals {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let mut interval =
            |key: &'static str, report: &mut Report| interval(&mut fields, key, report);
        let intervals = Self {
            poll: interval("poll", report),
            resync: interval("resync", report),
            retry: interval("retry", report),
        };
        fields.finish(report);
        Some(intervals)
    }
}

fn interval(fields: &mut Fields<'_>, key: &'static str, report: &mut Report) -> Option<Duration> {
    let at = fields.at(key)?;
    let interval: Duration = at.get(report)?;
    if interval.0 < SHORTEST {
        report.push(at.error("out-of-range", "must be 1s or longer"));
        return None;
    }
    Some(interval)
}
