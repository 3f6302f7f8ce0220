//! `external` of networks, volumes, configs and secrets.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// Whether an object exists already and is only used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct External {
    /// Whether it is.
    pub external: bool,
    /// Its name in the old notation `external: {name: …}`.
    pub name: Option<Located<String>>,
}

impl Decode for External {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if !matches!(at.node.value, Value::Mapping(_)) {
            return Some(Self { external: at.get(report)?, name: None });
        }
        let mut fields = at.fields(report)?;
        let name = fields.get("name", report);
        fields.finish(report);
        report.push(
            at.warning("deprecated", "holds a name, which is an old notation")
                .hint("write `external: true` and `name:` beside it"),
        );
        Some(Self { external: true, name })
    }
}

inline_schema!(External, |_| json_schema!({
    "anyOf": [
        { "type": "boolean" },
        {
            "type": "object",
            "deprecated": true,
            "properties": {
                "name": { "type": "string", "description": "Its name; write `name` beside `external: true` now." }
            },
            "additionalProperties": false
        }
    ]
}));

/// Settles the name of an external object: its `name`, else the one in the old notation, else its key.
pub(super) fn settle(
    at: &Cursor<'_>,
    key: &str,
    name: &mut Option<Located<String>>,
    external: Option<&External>,
    report: &mut Report,
) {
    let Some(External { external: true, name: old }) = external else { return };
    if let (Some(name), Some(old)) = (&name, old) {
        let mut finding = at.error("conflicting-keys", "has both `name` and `external.name`");
        finding.place = Some(old.place.clone());
        report.push(finding.related(name.place.clone(), "the name").hint("keep `name` only"));
    }
    // A blank variable leaves an empty name, which docker takes for none.
    let settled = name.take().filter(|name| !name.is_empty()).or_else(|| old.clone());
    *name = Some(settled.unwrap_or_else(|| Located::new(key.to_owned(), at.place().clone())));
}
