//! `environment` and `env_file` of a service.

use indexmap::IndexMap;
use schemars::json_schema;

use super::inline_schema::inline_schema;
use crate::model::secret::Redacted;
use crate::spec::decode::{Cursor, Decode, Located, Report, go_text};
use crate::spec::yaml::node::Value;

/// The variables of a container as the file has them. A variable without a value takes it from the variables of
/// the stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(pub IndexMap<String, Located<Option<Redacted<String>>>>);

impl Decode for Environment {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let mut variables = IndexMap::new();
        match &at.node.value {
            Value::Mapping(_) => {
                for (entry, value) in at.entries(report)? {
                    let text = go_text(&value);
                    if text.is_none() && !value.node.is_null() {
                        report.push(value.expected("text, a number or a boolean"));
                    }
                    let place = if text.is_none() { &entry.key_place } else { value.place() };
                    let value = Located::new(text.map(Redacted::new), place.clone());
                    variables.insert(entry.key.clone(), value);
                }
            }
            Value::Sequence(_) => {
                let items: Vec<Located<String>> = at.get(report)?;
                super::text_list::report_duplicates(at, &items, report);
                for item in items {
                    let (name, value) = match item.value.split_once('=') {
                        Some((name, value)) => (name, Some(Redacted::new(value.to_owned()))),
                        None => (item.value.as_str(), None),
                    };
                    variables.insert(name.to_owned(), item.with(value));
                }
            }
            Value::Scalar(_) => {
                report.push(at.expected("a mapping or a list"));
                return None;
            }
        }
        for (name, value) in &variables {
            if name.is_empty() {
                let mut finding = at.error("invalid-name", "has a variable without a name");
                finding.place = Some(value.place.clone());
                report.push(finding);
            }
        }
        Some(Self(variables))
    }
}

inline_schema!(Environment, |_| json_schema!({
    "anyOf": [
        {
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean", "null"] }
        },
        { "type": "array", "items": { "type": "string" }, "uniqueItems": true }
    ]
}));

/// One file of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path, relative to the stack file.
    pub path: Located<String>,
    /// Whether it must exist.
    pub required: bool,
}

/// `env_file`: one path, or a list of paths or of mappings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvFiles(pub Vec<EnvFile>);

impl Decode for EnvFile {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        if !matches!(at.node.value, Value::Mapping(_)) {
            return Some(Self { path: at.get(report)?, required: true });
        }
        let mut fields = at.fields(report)?;
        let path = fields.get("path", report);
        let required = fields.get("required", report).unwrap_or(true);
        if let Some(format) = fields.get::<Located<String>>("format", report)
            && format.value != "raw"
        {
            let path = fields.cursor().path.key("format");
            report.push(crate::model::finding::Finding::error(
                "invalid-value",
                format.place.clone(),
                format!("{path} must be `raw`, not {}", format.quoted(&format.value)),
            ));
        }
        if fields.lacks("path") {
            report.push(at.error("missing-key", "needs a `path`"));
        }
        fields.finish(report);
        Some(Self { path: path?, required })
    }
}

impl Decode for EnvFiles {
    fn decode(at: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        match &at.node.value {
            Value::Sequence(_) => at.get(report).map(Self),
            Value::Scalar(_) | Value::Mapping(_) => Some(Self(vec![at.get(report)?])),
        }
    }
}

inline_schema!(EnvFiles, |_| json_schema!({
    "anyOf": [
        { "type": "string" },
        {
            "type": "array",
            "items": {
                "anyOf": [
                    { "type": "string" },
                    {
                        "type": "object",
                        "properties": {
                            "path": {
                                "type": "string",
                                "description": "The path, relative to the stack file."
                            },
                            "required": {
                                "type": "boolean",
                                "description": "Whether the file must exist; it must by default."
                            },
                            "format": {
                                "const": "raw",
                                "description": "Values are always taken as they are, without quotes or variables."
                            }
                        },
                        "required": ["path"],
                        "additionalProperties": false
                    }
                ]
            }
        }
    ]
}));
