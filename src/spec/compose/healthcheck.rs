//! `healthcheck` of a service.

use schemars::{JsonSchema, json_schema};

use super::duration::Duration;
use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// How the health of a container is probed; it counts as running only when it is healthy.
#[derive(Debug, Clone, Default, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Healthcheck {
    /// The probe.
    pub test: Option<Located<HealthTest>>,
    /// Time between probes.
    #[schemars(example = &"10s")]
    pub interval: Option<Located<Duration>>,
    /// Time a probe may take.
    #[schemars(example = &"3s")]
    pub timeout: Option<Located<Duration>>,
    /// Failures in a row that make it unhealthy.
    #[schemars(example = 3)]
    pub retries: Option<Located<u64>>,
    /// Time after the start in which failures do not count.
    #[schemars(example = &"30s")]
    pub start_period: Option<Located<Duration>>,
    /// Time between probes in the start period; Docker 25 and newer.
    #[schemars(example = &"1s")]
    pub start_interval: Option<Located<Duration>>,
    /// Whether the probe of the image is switched off.
    pub disable: Option<Located<bool>>,
}

/// A probe: `[CMD, …]` runs a program, `[CMD-SHELL, …]` or a text runs it in a shell, `[NONE]` switches the
/// image's probe off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealthTest(pub Vec<String>);

impl Decode for Healthcheck {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut fields = at.fields(report)?;
        let healthcheck = Self {
            test: fields.get("test", report),
            interval: fields.get("interval", report),
            timeout: fields.get("timeout", report),
            retries: fields.get("retries", report),
            start_period: fields.get("start_period", report),
            start_interval: fields.get("start_interval", report),
            disable: fields.get("disable", report),
        };
        fields.finish(report);
        let disabled = healthcheck.disable.as_ref().is_some_and(|disable| disable.value);
        if let (true, Some(test)) = (disabled, &healthcheck.test)
            && !test.0.is_empty()
        {
            let mut finding = at.error("conflicting-keys", "cannot have both `test` and `disable`");
            finding.place = Some(test.place.clone());
            report.push(finding);
        }
        Some(healthcheck)
    }
}

impl Decode for HealthTest {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let words: Vec<String> = match &at.node.value {
            Value::Sequence(_) => at.get(report)?,
            Value::Scalar(_) | Value::Mapping(_) => {
                return Some(Self(vec!["CMD-SHELL".to_owned(), at.get(report)?]));
            }
        };
        match words.first().map(String::as_str) {
            None | Some("NONE" | "CMD" | "CMD-SHELL" | "") => {}
            Some(first) => report.push(
                at.warning(
                    "invalid-healthcheck",
                    format_args!("begins with {}, so nothing is probed", at.quoted(first)),
                )
                .hint("begin the list with CMD, CMD-SHELL or NONE, or write one text"),
            ),
        }
        Some(Self(words))
    }
}

inline_schema!(HealthTest, |_| json_schema!({
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
    "examples": [["CMD", "curl", "-f", "http://localhost/"], "pg_isready -U postgres"]
}));
