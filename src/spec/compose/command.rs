//! `command` and `entrypoint`.

use schemars::json_schema;

use super::inline_schema::inline_schema;
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

inline_schema!(Command, |_| json_schema!({
    "anyOf": [
        { "type": ["string", "null"] },
        { "type": "array", "items": { "type": "string" } }
    ],
    "examples": ["nginx -g 'daemon off;'", ["nginx", "-g", "daemon off;"]]
}));
