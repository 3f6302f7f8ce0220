//! Health checks.

use super::origins::Recorder;
use crate::model::container;
use crate::model::nanos::Nanos;
use crate::spec::compose::duration::Duration;
use crate::spec::compose::healthcheck::Healthcheck;
use crate::spec::decode::Located;

/// A health check as the Engine has it.
pub(super) fn health(compose: &Healthcheck, origins: &mut Recorder) -> container::Healthcheck {
    let Healthcheck { test, interval, timeout, retries, start_period, start_interval, disable } =
        compose;
    origins.note_if("healthcheck.test", test.as_ref());
    origins.note_if("healthcheck.interval", interval.as_ref());
    origins.note_if("healthcheck.timeout", timeout.as_ref());
    origins.note_if("healthcheck.retries", retries.as_ref());
    origins.note_if("healthcheck.start_period", start_period.as_ref());
    origins.note_if("healthcheck.start_interval", start_interval.as_ref());
    if disable.as_ref().is_some_and(|disable| disable.value) {
        origins.note_if("healthcheck.test", disable.as_ref());
        return container::Healthcheck {
            test: vec!["NONE".to_owned()],
            ..container::Healthcheck::default()
        };
    }
    container::Healthcheck {
        test: test.as_ref().map(|test| test.0.clone()).unwrap_or_default(),
        interval: nanos(interval.as_ref()),
        timeout: nanos(timeout.as_ref()),
        start_period: nanos(start_period.as_ref()),
        start_interval: nanos(start_interval.as_ref()),
        retries: retries.as_ref().map_or(0, |n| i64::try_from(n.value).unwrap_or(i64::MAX)),
    }
}

fn nanos(duration: Option<&Located<Duration>>) -> Nanos {
    duration.map(|duration| duration.value.0).unwrap_or_default()
}
