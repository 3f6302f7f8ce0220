//! `restart` of a service, in the words of `docker run`.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Report};
use crate::spec::yaml::node::{Scalar, ScalarKind, Value};

/// What happens when a container ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// Nothing is said, so the Swarm's default holds: it starts again.
    No,
    /// It starts again.
    Always,
    /// It starts again after a failure, at most this often; zero is unlimited.
    OnFailure(u64),
}

/// docker maps the word to a restart policy; `no` becomes the Swarm's default, which restarts
/// (docker/cli `cli/compose/convert/service.go`).
impl Decode for Restart {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let hint = "use no, always, unless-stopped, on-failure or on-failure:3";
        let word = match &at.node.value {
            // `restart: no` without quotes is a boolean for some readers of YAML.
            Value::Scalar(Scalar { kind: ScalarKind::Bool(false), .. }) => "no".to_owned(),
            _ => at.get::<String>(report)?,
        };
        let (name, count) = word.split_once(':').unwrap_or((&word, ""));
        let count = if count.is_empty() { Some(0) } else { count.parse().ok() };
        let restart = match (name, count) {
            ("", Some(0)) | ("no", Some(_)) => Some(Self::No),
            ("always" | "unless-stopped", Some(_)) => Some(Self::Always),
            ("on-failure", Some(count)) => Some(Self::OnFailure(count)),
            _ => None,
        };
        if name != "on-failure" && restart.is_some() && count > Some(0) {
            let says = "has a number, which counts for `on-failure` only";
            report.push(at.warning("ignored-option", says).hint("remove the number"));
        }
        match restart {
            None => {
                report.push(at.error("invalid-value", format_args!("is {}", at.quoted(&word))).hint(hint));
            }
            Some(Self::No) if name == "no" => report.push(
                at.warning("restart-no", "leaves the Swarm's default in place, which starts tasks again")
                    .hint("write `deploy.restart_policy.condition: none`, or make it a job with `deploy.mode: replicated-job`"),
            ),
            Some(_) => {}
        }
        restart
    }
}

inline_schema!(Restart, |_| json_schema!({
    "anyOf": [
        {
            "type": "string",
            "pattern": r"\$|^((no|always|unless-stopped|on-failure)(:\d*)?)?$"
        },
        { "const": false }
    ],
    "examples": ["always", "on-failure:3"]
}));
