//! A duration in nanoseconds as the Engine's API has it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A duration in nanoseconds; the Engine's API uses Go's `time.Duration`, an `i64`.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Nanos(pub i64);

impl Nanos {
    /// `seconds` whole seconds, saturating.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// As a [`std::time::Duration`]; negative values are zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

/// As Go prints it, shortened: `1m30s`, `1.5s`, `250ms`, `0s`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0;
        if total == 0 {
            return f.write_str("0s");
        }
        let magnitude = total.unsigned_abs();
        if total < 0 {
            f.write_str("-")?;
        }
        let fraction = |f: &mut fmt::Formatter<'_>, value: u64, unit: u64, name: &str| {
            let digits = unit.ilog10() as usize;
            let rest = format!("{:0digits$}", value % unit);
            let rest = rest.trim_end_matches('0');
            if rest.is_empty() {
                write!(f, "{}{name}", value / unit)
            } else {
                write!(f, "{}.{rest}{name}", value / unit)
            }
        };
        match magnitude {
            0..1_000 => return write!(f, "{magnitude}ns"),
            1_000..1_000_000 => return fraction(f, magnitude, 1_000, "µs"),
            1_000_000..1_000_000_000 => return fraction(f, magnitude, 1_000_000, "ms"),
            _ => {}
        }
        let seconds = magnitude / 1_000_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        let rest = magnitude % 60_000_000_000;
        if rest > 0 { fraction(f, rest, 1_000_000_000, "s") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        let cases = [
            (0, "0s"),
            (5_000_000_000, "5s"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h"),
            (3_660_500_000_000, "1h1m0.5s"),
            (250_000_000, "250ms"),
            (1_500, "1.5µs"),
            (7, "7ns"),
            (-5_000_000_000, "-5s"),
        ];
        for (nanos, text) in cases {
            assert_eq!(Nanos(nanos).to_string(), text);
        }
    }
}
