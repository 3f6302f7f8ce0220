//! `extends` of a service: the service that it begins with.

use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// The service that another one begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extends {
    /// Its key.
    pub service: Located<String>,
    /// The file that has it; the same file if absent.
    pub file: Option<Located<String>>,
}

impl Decode for Extends {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            return Some(Self { service: at.get(report)?, file: None });
        }
        if let Value::Sequence(_) = &at.node.value {
            report.push(at.expected("the name of a service, or a mapping"));
            return None;
        }
        let mut fields = at.fields(report)?;
        let service = fields.get("service", report);
        let named_file = fields.at("file").is_some();
        let file: Option<Located<String>> = fields.get("file", report);
        if fields.lacks("service") {
            report.push(
                at.error("missing-key", "needs a `service`")
                    .hint("name the service to begin with: `service: base`"),
            );
        }
        fields.finish(report);
        // Without its file the name would be looked for in the wrong one.
        (file.is_some() == named_file).then_some(Self { service: service?, file })
    }
}

inline_schema!(Extends, |_| json_schema!({
    "description": "The service that this one begins with; what stands here is laid over it.",
    "anyOf": [
        { "type": "string" },
        {
            "type": "object",
            "properties": {
                "service": { "type": "string", "description": "Its key." },
                "file": {
                    "type": "string",
                    "description": "The file that has it, relative to this one's directory; this file by default."
                }
            },
            "required": ["service"],
            "additionalProperties": false
        }
    ],
    "examples": [{ "file": "../_common.yaml", "service": "base" }]
}));
