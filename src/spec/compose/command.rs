//! `command` and `entrypoint`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::words;
use crate::spec::decode::{Cursor, Decode, Report};
use crate::spec::yaml::node::Value;

/// A command line as words. Text is split without a shell; a list is taken as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

impl Decode for Command {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        match &at.node.value {
            Value::Sequence(_) => at.get(report).map(Self),
            // The Compose specification lets nothing stand for "as the image has it".
            Value::Scalar(_) if at.node.is_null() => Some(Self::default()),
            Value::Mapping(_) => {
                report.push(at.expected("text or a list"));
                None
            }
            Value::Scalar(_) => {
                let line: String = at.get(report)?;
                match words::split(&line) {
                    Ok(words) => Some(Self(words)),
                    Err(error) => {
                        report.push(
                            at.error(
                                "invalid-command",
                                format_args!("cannot be split into words: {error}"),
                            )
                            .hint("write it as a list: [\"program\", \"argument\"]"),
                        );
                        None
                    }
                }
            }
        }
    }
}

impl JsonSchema for Command {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": ["string", "null"] },
                { "type": "array", "items": { "type": "string" } }
            ],
            "examples": ["nginx -g 'daemon off;'", ["nginx", "-g", "daemon off;"]]
        })
    }
}
