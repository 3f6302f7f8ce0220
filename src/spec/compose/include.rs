//! `include` of a stack file: other files whose services and other objects are the stack's, too.

use schemars::{SchemaGenerator, json_schema};

use super::inline_schema::inline_schema;
use super::text_list::TextList;
use crate::model::place::Place;
use crate::spec::decode::{Cursor, Decode, Located, Report};
use crate::spec::yaml::node::Value;

/// Files that are read as a project of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The files, merged in this order; at least one.
    pub path: Vec<Located<String>>,
    /// The directory against which the paths in them resolve; that of the first file if absent.
    pub project_directory: Option<Located<String>>,
    /// Files of variables for them; the `.env` in their directory if absent.
    pub env_file: Option<TextList>,
    /// Where it was written.
    pub place: Place,
}

/// `include`: a list of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Includes(pub Vec<Include>);

impl Decode for Includes {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if let Value::Scalar(_) = &at.node.value {
            let hint = "write a list, even of one file: `include: [other.yaml]`";
            report.push(at.expected("a list").hint(hint));
            return None;
        }
        let items = at.items(report)?;
        let includes: Vec<Option<Include>> = items.map(|item| item.get(report)).collect();
        // Without one of its files a stack is another stack.
        includes.into_iter().collect::<Option<_>>().map(Self)
    }
}

impl Decode for Include {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let place = at.place().clone();
        if let Value::Scalar(_) = &at.node.value {
            let path = vec![at.get(report)?];
            return Some(Self { path, project_directory: None, env_file: None, place });
        }
        let mut fields = at.fields(report)?;
        let path: Option<TextList> = fields.get("path", report);
        let project_directory = fields.get("project_directory", report);
        let env_file = fields.get("env_file", report);
        if fields.lacks("path") || path.as_ref().is_some_and(|path| path.0.is_empty()) {
            report.push(
                at.error("missing-key", "needs a `path`")
                    .hint("name the file to include: `path: other.yaml`"),
            );
        }
        fields.finish(report);
        let path = path.filter(|path| !path.0.is_empty())?.0;
        Some(Self { path, project_directory, env_file, place })
    }
}

inline_schema!(Includes, |generator| {
    let described = |generator: &mut SchemaGenerator, text: &str| {
        let mut schema = TextList::json_schema(generator);
        schema.insert("description".to_owned(), text.into());
        schema
    };
    let path = described(generator, "The file, or several that are merged in this order.");
    let env_file =
        described(generator, "Files of variables for it; the `.env` in its directory by default.");
    json_schema!({
        "description": "Files whose services, networks, volumes, configs and secrets are this stack's, too.",
        "type": "array",
        "items": {
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "path": path,
                        "project_directory": {
                            "type": "string",
                            "description": "The directory against which the paths in it resolve; its own by default."
                        },
                        "env_file": env_file
                    },
                    "required": ["path"],
                    "additionalProperties": false
                }
            ]
        },
        "examples": [["../monitoring/_agent.yaml"]]
    })
});
